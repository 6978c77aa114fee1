//! Anyone's table as points: which column is what, which rows count.

mod cells;
mod check;
mod choose;
mod mixtures;
mod read;
mod repeats;
mod roles;
mod signs;
mod smooth;
mod sweep;
mod units;

pub(crate) use read::FINISHED;
pub use units::parse as parse_unit;

use crate::{Hinted, LabError};
use isoflop_core::text;
use isoflop_results::Table;
use isoflop_results::row::VALIDATION;
use isoflop_results::table::{Cell, Decimal};
use repeats::shown_cell;
use roles::{Chosen, given};
use std::path::Path;

/// Columns as a person names them, and which rows count.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Column of N, parameters.
    pub n: Option<String>,
    /// Column of D, training tokens; C / (6 N) where there is none.
    pub d: Option<String>,
    /// Column of C, training FLOPs.
    pub c: Option<String>,
    /// Column of the loss.
    pub loss: Option<String>,
    /// Column of the compute asked for, by which an isoFLOP analysis groups rows.
    pub budget: Option<String>,
    /// Column of the batch in tokens.
    pub batch: Option<String>,
    /// Column of all parameters, those of experts that a token does not use included.
    pub n_total: Option<String>,
    /// Column of the number of experts.
    pub experts: Option<String>,
    /// Column of the number of experts that a token uses; one where there is none.
    pub active_experts: Option<String>,
    /// Column of the granularity: widths of an expert in that of a dense model's half.
    pub granularity: Option<String>,
    /// Column of weights.
    pub weights: Option<String>,
    /// Column whose equal values share their errors.
    pub unit: Option<String>,
    /// What N counts in, where no header says.
    pub n_unit: Option<f64>,
    /// What D counts in.
    pub d_unit: Option<f64>,
    /// What C counts in.
    pub c_unit: Option<f64>,
    /// What stands before a fraction in a table of text, where the cells do not tell.
    pub decimal: Option<Decimal>,
    /// Rows in which a cell that is needed is blank are left out, and counted.
    pub skip_blank: bool,
    /// The row of lowest loss among those of one (N, D) is used.
    pub best_of: bool,
    /// The last checkpoint of every run is used.
    pub last: bool,
    /// Runs of a sweep that score a sealed forecast are used too.
    pub with_validation: bool,
    /// Only the rows are used in which a column holds a value.
    pub filters: Vec<(String, String)>,
}

/// Column that holds budgets where none is named.
pub const BUDGET_NAME: &str = "flops_budget";

impl Columns {
    /// Whether anything was said of columns or rows that a results folder does not say by itself.
    pub fn named(&self) -> bool {
        let named = [
            &self.n,
            &self.d,
            &self.c,
            &self.loss,
            &self.budget,
            &self.batch,
            &self.n_total,
            &self.experts,
            &self.active_experts,
            &self.granularity,
            &self.weights,
            &self.unit,
        ];
        named.iter().any(|name| name.is_some())
            || !self.filters.is_empty()
            || self.best_of
            || self.last
    }

    /// Conditions as a person wrote them.
    fn conditions(&self) -> Vec<String> {
        let filters = self.filters.iter();
        filters.map(|(column, value)| format!("{column} = {value}")).collect()
    }

    /// Rows that count.
    fn rows(
        &self,
        table: &Table,
        path: &Path,
        finished_only: bool,
    ) -> Result<Vec<usize>, LabError> {
        let mut keep: Vec<usize> = (0..table.len()).collect();
        if finished_only {
            let finished = Cell::Text("finished".to_owned());
            let status = table.cells("status")?;
            keep.retain(|&row| status[row] == finished);
            if let (false, Ok(role)) = (self.with_validation, table.cells("role")) {
                let validation = Cell::Text(VALIDATION.to_owned());
                keep.retain(|&row| role[row] != validation);
            }
        }
        for (column, value) in &self.filters {
            let hint = "name a column of the table, as in --where corpus=c4";
            let Chosen { name, .. } = given(table, column)
                .map_err(|problem| Hinted::new(format!("{}: {problem}", path.display()), hint))?;
            let cells = table.cells(&name)?;
            let same = |cell: &Cell| match (cell, value.parse::<f64>()) {
                (Cell::Number(number), Ok(value)) => *number == value,
                (cell, _) => shown_cell(cell) == *value,
            };
            let left: Vec<usize> = keep.iter().copied().filter(|&row| same(&cells[row])).collect();
            if left.is_empty() {
                let mut seen: Vec<String> =
                    keep.iter().map(|&row| shown_cell(&cells[row])).collect();
                seen.sort();
                seen.dedup();
                let (column, value) = (text::shown(column), text::shown(value));
                return Err(Hinted::new(
                    format!("{}: no row has {column} = {value}", path.display()),
                    format!("column `{column}` holds {}", text::listed(&seen)),
                )
                .into());
            }
            keep = left;
        }
        Ok(keep)
    }
}
