//! Anyone's table as points: which column is what, which rows count.

mod cells;
mod check;
mod choose;
mod read;
mod repeats;
mod roles;
mod signs;
mod smooth;
mod sweep;
mod units;

pub(crate) use read::FINISHED;

use crate::fail::Hinted;
use anyhow::Result;
use isoflop_core::text;
use isoflop_results::Table;
use isoflop_results::table::{Cell, Decimal};
use repeats::shown_cell;
use roles::{Chosen, given};
use std::path::Path;

/// Columns as a person names them.
#[derive(Debug, clap::Args)]
pub(crate) struct Columns {
    /// Column of N, parameters.
    #[arg(long, value_name = "COL")]
    n: Option<String>,
    /// Column of D, training tokens; C / (6 N) where there is none.
    #[arg(long, value_name = "COL")]
    d: Option<String>,
    /// Column of C, training FLOPs.
    #[arg(long, value_name = "COL")]
    c: Option<String>,
    /// Column of the loss.
    #[arg(long, value_name = "COL")]
    loss: Option<String>,
    /// Column of the compute asked for, by which an isoFLOP analysis groups rows.
    #[arg(long, value_name = "COL")]
    budget: Option<String>,
    /// Column of the batch in tokens, for laws of steps.
    #[arg(long, value_name = "COL")]
    batch: Option<String>,
    /// Column of the number of experts, for the law `routed`.
    #[arg(long, value_name = "COL")]
    experts: Option<String>,
    /// Column of weights.
    #[arg(long, value_name = "COL")]
    weights: Option<String>,
    /// Column whose equal values share their errors (a trunk, a seed): the bootstrap resamples them as one.
    #[arg(long, value_name = "COL")]
    unit: Option<String>,
    /// What N counts in, where no header says: k, M, B, T or a number (1 takes it as it is).
    #[arg(long, value_name = "UNIT", value_parser = units::parse)]
    n_unit: Option<f64>,
    /// As --n-unit, of D.
    #[arg(long, value_name = "UNIT", value_parser = units::parse)]
    d_unit: Option<f64>,
    /// As --n-unit, of C; also PF-days.
    #[arg(long, value_name = "UNIT", value_parser = units::parse)]
    c_unit: Option<f64>,
    /// What stands before a fraction in a table of text, where the cells do not tell.
    #[arg(long, value_enum, value_name = "SIGN")]
    decimal: Option<Sign>,
    /// Leave out rows in which a cell that is needed is blank, and count them.
    #[arg(long)]
    skip_blank: bool,
    /// Use the row of lowest loss among those of one (N, D), which differ in other settings.
    #[arg(long)]
    best_of: bool,
    /// Use the last checkpoint of every run, named by its column or by --unit.
    #[arg(long)]
    last: bool,
    /// Use only the rows in which a column holds a value; may be given several times.
    #[arg(long = "where", value_name = "COL=VALUE", value_parser = parse_filter)]
    filters: Vec<(String, String)>,
}

fn parse_filter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, value)) if !column.trim().is_empty() => {
            Ok((column.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write it as COL=VALUE, as in train_set=rpj".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sign {
    Point,
    Comma,
}

/// Column that holds budgets where none is named.
pub(crate) const BUDGET_NAME: &str = "flops_budget";

impl Columns {
    /// Whether anything was said of columns or rows that a results folder does not say by itself.
    pub(crate) fn named(&self) -> bool {
        let named = [
            &self.n,
            &self.d,
            &self.c,
            &self.loss,
            &self.budget,
            &self.batch,
            &self.experts,
            &self.weights,
            &self.unit,
        ];
        named.iter().any(|name| name.is_some())
            || !self.filters.is_empty()
            || self.best_of
            || self.last
    }

    /// The decimal sign that was given.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        self.decimal.map(|sign| match sign {
            Sign::Point => Decimal::Point,
            Sign::Comma => Decimal::Comma,
        })
    }

    /// Conditions as a person wrote them.
    fn conditions(&self) -> Vec<String> {
        let filters = self.filters.iter();
        filters.map(|(column, value)| format!("{column} = {value}")).collect()
    }

    /// Rows that count.
    fn rows(&self, table: &Table, path: &Path, finished_only: bool) -> Result<Vec<usize>> {
        let mut keep: Vec<usize> = (0..table.len()).collect();
        if finished_only {
            let finished = Cell::Text("finished".to_owned());
            let status = table.cells("status")?;
            keep.retain(|&row| status[row] == finished);
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
