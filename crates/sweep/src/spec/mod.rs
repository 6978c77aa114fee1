//! A sweep file as written by a person. It is parsed, with the place of each value, but not
//! checked; a checked sweep is a [`crate::Plan`].

mod axes;
mod data;
mod given;
mod model;
mod quantity;
mod rate;
mod sizes;
mod suggest;
mod tables;
mod time;
mod train;
mod until;
mod when;
mod write;

pub use data::{DataSpec, LanguageSpec, PartSpec, QualitySpec, Unique};
pub use given::{GivenFixed, GivenRatio, GivenWindow};
pub use model::{ModelSpec, model_of, option_line};
pub use quantity::{Auto, GivenShape, Quantity, Size};
pub use rate::{Rate, TuneSpec};
pub use sizes::Sizes;
pub use tables::{LinearSpec, MoeSpec};
pub use time::TimeSpec;
pub use train::{Stretch, TrainSpec};
pub use until::UntilSpec;

use crate::error::{Problem, SpecError, SweepError};
use isoflop_core::Series;
use isoflop_core::units::scientific;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed sweep file: one [`Spec`] for each cell of its axes.
#[derive(Clone, Debug)]
pub struct Sweep {
    path: PathBuf,
    source: String,
    cells: Vec<Cell>,
}

/// One cell of `[axes]`.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Axes and their values in this cell; empty without axes.
    pub series: Series,
    /// Content of the file with the cell's values in place.
    pub spec: Spec,
}

/// The keys of a sweep file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Name of the sweep and of its results folder.
    pub name: Spanned<String>,
    /// Question that the sweep is to answer, for the report.
    pub question: Option<String>,
    /// Number of runs that may be given up before the sweep stops.
    pub max_failures: Option<Spanned<u64>>,
    /// The table `[data]`.
    pub data: DataSpec,
    /// The table `[model]`.
    pub model: ModelSpec,
    /// The table `[plan]`.
    pub plan: Spanned<PlanSpec>,
    /// The table `[train]`.
    #[serde(default)]
    pub train: TrainSpec,
}

/// The table `[plan]`: how long to train which sizes. It has one kind, or single runs, or both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// Every size at every compute budget.
    pub isoflop: Option<IsoflopSpec>,
    /// Every size for every number of tokens.
    pub grid: Option<GridSpec>,
    /// Every size for multiples of its own parameters.
    pub tokens_per_param: Option<Spanned<Vec<Spanned<Quantity>>>>,
    /// Every size for numbers of passes over the train split.
    pub epochs: Option<Spanned<Vec<Spanned<Quantity>>>>,
    /// Every size at the largest budgets that fit into a time.
    pub time: Option<TimeSpec>,
    /// Single runs, beside those of the kind or alone.
    pub runs: Option<Spanned<Vec<RunSpec>>>,
    /// Least and most tokens per parameter of a run of the kind.
    pub tokens_per_param_range: Option<Spanned<Vec<Spanned<Quantity>>>>,
    /// How well a quantity is to be known: runs are added until it is.
    pub until: Option<Spanned<UntilSpec>>,
}

/// A single run: `{ size = "30k", tokens = "3M" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Size: a rung of the ladder or a shape.
    pub size: Spanned<Size>,
    /// Training tokens.
    pub tokens: Spanned<Quantity>,
}

/// The key `isoflop = { budgets = [...] }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsoflopSpec {
    /// Compute budgets in FLOPs.
    pub budgets: Spanned<Vec<Spanned<Quantity>>>,
    /// How many of `train.seeds` each budget takes, in their order; all of them where this is not given.
    pub seeds: Option<Spanned<Vec<Spanned<usize>>>>,
}

/// The key `grid = { tokens = [...] }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {
    /// Training tokens.
    pub tokens: Spanned<Vec<Spanned<Quantity>>>,
}

impl Sweep {
    /// Reads and parses a sweep file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, has an unknown key or value, or lacks a key. Each
    /// error tells its line.
    pub fn read(path: &Path) -> Result<Self, SweepError> {
        let source =
            fs::read_to_string(path).map_err(SweepError::io(path, "read the sweep file"))?;
        Ok(Self::parse(path, source)?)
    }

    /// Parses the text of a sweep file. `path` is for messages, and relative paths in the file
    /// start from it.
    ///
    /// # Errors
    /// The same as those of [`Sweep::read`].
    pub fn parse(path: &Path, source: String) -> Result<Self, SpecError> {
        let cells = parse_cells(&source).map_err(|problem| problem.in_file(path, &source))?;
        Ok(Sweep { path: path.to_owned(), source, cells })
    }

    /// Path of the sweep file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Text of the sweep file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Cells of the axes; at least one.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The first cell, for the name, question and kind of plan, which are the same in every cell.
    pub fn spec(&self) -> &Spec {
        &self.cells[0].spec
    }

    /// The plan's time, if the plan has no other kind.
    pub fn only_time(&self) -> Option<&TimeSpec> {
        match self.spec().plan.get_ref() {
            PlanSpec {
                isoflop: None,
                grid: None,
                tokens_per_param: None,
                epochs: None,
                time,
                runs: _,
                tokens_per_param_range: _,
                until: _,
            } => time.as_ref(),
            _ => None,
        }
    }

    /// The same sweep as an isoFLOP plan with these budgets; single runs, range and aim are kept.
    #[must_use]
    pub fn with_budgets(&self, budgets: &[f64]) -> Self {
        let mut sweep = self.clone();
        for cell in &mut sweep.cells {
            let span = cell.spec.plan.span();
            let quantity = |value: &f64| {
                let quantity = Quantity { value: *value, text: scientific(*value) };
                Spanned::new(span.clone(), quantity)
            };
            let budgets = budgets.iter().map(quantity).collect();
            let plan = PlanSpec {
                isoflop: Some(IsoflopSpec {
                    budgets: Spanned::new(span.clone(), budgets),
                    seeds: None,
                }),
                time: None,
                ..cell.spec.plan.get_ref().clone()
            };
            cell.spec.plan = Spanned::new(span, plan);
        }
        sweep
    }

    pub(crate) fn locate(&self, problem: Problem) -> SpecError {
        problem.in_file(&self.path, &self.source)
    }
}

fn parse_cells(source: &str) -> Result<Vec<Cell>, Problem> {
    let table = DeTable::parse(source).map_err(suggest::explain)?;
    let cells: Vec<Cell> = axes::cells(table)?
        .into_iter()
        .map(|(series, table)| {
            check_tables(table.get_ref())?;
            let deserializer = toml::Deserializer::from(table);
            let spec = Spec::deserialize(deserializer).map_err(suggest::explain)?;
            Ok(Cell { series, spec })
        })
        .collect::<Result<_, Problem>>()?;
    model::check_options(cells.iter().map(|cell| &cell.spec.model))?;
    Ok(cells)
}

/// Keys whose value is a table. A list would otherwise be read as the values of its keys in their order.
const TABLES: &[&str] = &[
    "data",
    "model",
    "model.moe",
    "model.linear",
    "plan",
    "plan.isoflop",
    "plan.grid",
    "plan.until",
    "train",
];

fn check_tables(document: &DeTable<'_>) -> Result<(), Problem> {
    for path in TABLES {
        let (first, second) = path.split_once('.').unwrap_or((path, ""));
        let outer = document.get(first);
        let value = match (outer.map(Spanned::get_ref), second) {
            (_, "") => outer,
            (Some(DeValue::Table(table)), second) => table.get(second),
            _ => None,
        };
        if let Some(value) = value.filter(|value| !value.get_ref().is_table()) {
            return Err(Problem::new(
                value.span(),
                format!("`{path}` must be a table of keys and values"),
            )
            .hint(format!("[{path}] on a line of its own, and its keys below")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
