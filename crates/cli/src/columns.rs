//! Anyone's table as points: which column is what, which rows count.

use crate::fail::Hinted;
use crate::output::note;
use anyhow::Result;
use isoflop_core::text;
use isoflop_fit::{Options, Point};
use isoflop_results::Table;
use isoflop_results::table::Cell;
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

/// Names looked for where none is given, the first that is there.
const N_NAMES: &[&str] = &["n_non_embedding", "params", "parameters", "n", "N"];
const D_NAMES: &[&str] = &["tokens", "d", "D"];
const C_NAMES: &[&str] = &["c_exact", "flops", "flops_budget", "compute", "c", "C"];
const LOSS_NAMES: &[&str] = &["test_loss", "loss", "L"];
/// Column that holds budgets where none is named.
pub(crate) const BUDGET_NAME: &str = "flops_budget";

/// Names of the width of a model's stream.
const WIDTH_NAMES: &[&str] = &["d_model", "width"];

impl Columns {
    /// Whether N, D, C or the loss was named.
    pub(crate) fn named(&self) -> bool {
        let named = [&self.n, &self.d, &self.c, &self.loss];
        named.iter().any(|name| name.is_some()) || !self.filters.is_empty()
    }

    /// Rows of a table; the options learn which N and C they carry.
    ///
    /// # Errors
    /// A missing column, a cell that is no number, no row left.
    pub(crate) fn points(
        &self,
        path: &Path,
        table: &Table,
        options: &mut Options,
        finished_only: bool,
    ) -> Result<Vec<Point>> {
        let pick = |given: &Option<String>, names: &[&str]| match given {
            Some(name) => Some(name.clone()),
            None => names
                .iter()
                .find(|name| table.has(name))
                .map(|name| (*name).to_owned()),
        };
        let (n, d, c) = (
            pick(&self.n, N_NAMES),
            pick(&self.d, D_NAMES),
            pick(&self.c, C_NAMES),
        );
        let loss = pick(&self.loss, LOSS_NAMES).unwrap_or_else(|| LOSS_NAMES[0].to_owned());
        let budget = pick(&self.budget, &[BUDGET_NAME]);
        options.n_kind = n.clone().unwrap_or_default();
        options.c_kind = c.clone().unwrap_or_default();
        let keep = self.rows(table, path, finished_only)?;
        let column = |name: &Option<String>| -> Result<Option<Vec<f64>>> {
            let numbers = name.as_ref().map(|name| table.numbers_of(name, &keep));
            Ok(numbers.transpose()?)
        };
        let chosen = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        let derived = d.is_none() && n.is_some() && c.is_some();
        note(&format!(
            "{}: N is `{}`, D is {}, C is `{}`, loss is `{loss}`{}",
            path.display(),
            chosen(&n),
            if derived {
                "C / (6 N)".to_owned()
            } else {
                format!("`{}`", chosen(&d))
            },
            chosen(&c),
            budget
                .as_ref()
                .map_or(String::new(), |name| format!(", budget is `{name}`")),
        ));
        let (n, mut d, c) = (column(&n)?, column(&d)?, column(&c)?);
        if let (true, Some(n), Some(c)) = (derived, &n, &c) {
            d = Some(n.iter().zip(c).map(|(n, c)| c / (6.0 * n)).collect());
        }
        let budget = match &self.budget {
            Some(_) => column(&budget)?,
            // A column that is there by chance may have gaps.
            None => budget.and_then(|name| table.numbers_of(&name, &keep).ok()),
        };
        let width = pick(&None, WIDTH_NAMES).and_then(|name| table.numbers_of(&name, &keep).ok());
        let (batch, experts) = (
            column(&pick(&self.batch, &["batch_tokens", "batch"]).filter(|_| {
                self.batch.is_some() || table.numbers_of("batch_tokens", &keep).is_ok()
            }))?,
            column(&pick(&self.experts, &["experts"]))?,
        );
        let weights = column(&self.weights)?;
        let epochs = match (table.has("epochs"), table.has("unique_tokens"), &d) {
            (true, ..) => Some(table.numbers_of("epochs", &keep)?),
            (_, true, Some(d)) => {
                let unique = table.numbers_of("unique_tokens", &keep)?;
                Some(d.iter().zip(unique).map(|(d, unique)| d / unique).collect())
            }
            _ => None,
        };
        let losses = table.numbers_of(&loss, &keep)?;
        let units = self
            .unit
            .as_ref()
            .map(|name| table.cells(name))
            .transpose()?;
        let at = |column: &Option<Vec<f64>>, i: usize| column.as_ref().map(|values| values[i]);
        let points = keep.iter().enumerate().map(|(i, &row)| {
            let mut point = Point::new(format!("line {}", table.line(row)), losses[i]);
            if let Some(units) = units {
                point.unit = shown(&units[row]);
            }
            (point.n, point.d, point.c) = (at(&n, i), at(&d, i), at(&c, i));
            (point.flops_budget, point.epochs) = (at(&budget, i), at(&epochs, i));
            (point.batch, point.experts) = (at(&batch, i), at(&experts, i));
            (point.width, point.weight) = (at(&width, i), at(&weights, i).unwrap_or(1.0));
            point
        });
        Ok(points.collect())
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
            let cells = table.cells(column)?;
            let same = |cell: &Cell| match (cell, value.parse::<f64>()) {
                (Cell::Number(number), Ok(value)) => *number == value,
                (cell, _) => shown(cell) == *value,
            };
            let left: Vec<usize> = keep
                .iter()
                .copied()
                .filter(|&row| same(&cells[row]))
                .collect();
            if left.is_empty() {
                let mut seen: Vec<String> = keep.iter().map(|&row| shown(&cells[row])).collect();
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

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}
