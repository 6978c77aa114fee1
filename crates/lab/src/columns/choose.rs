//! The columns that a fit uses: those that were named, and those that are so called.

use super::Columns;
use super::cells::Problems;
use super::roles::{self, Chosen, all, first, first_of_any, given};
use super::sweep::is_of_a_sweep;
use isoflop_core::text::{listed, shown};
use isoflop_results::Table;
use isoflop_results::table::Cell;
use std::collections::BTreeSet;

/// What to do about a column that was not found.
const NAME: &str = "name the columns of your table with --n, --d, --c and --loss";

/// The columns of a table that a fit may use.
pub(super) struct Roles {
    pub(super) n: Option<Chosen>,
    pub(super) d: Option<Chosen>,
    pub(super) loss: Option<Chosen>,
    pub(super) compute: Vec<Chosen>,
    pub(super) budget: Option<Chosen>,
    pub(super) batch: Option<Chosen>,
    pub(super) n_total: Option<Chosen>,
    pub(super) experts: Option<Chosen>,
    pub(super) active_experts: Option<Chosen>,
    pub(super) granularity: Option<Chosen>,
    pub(super) width: Option<Chosen>,
    pub(super) weights: Option<Chosen>,
    pub(super) unit: Option<Chosen>,
}

impl Columns {
    /// Chooses the columns; what cannot be chosen is a problem.
    pub(super) fn roles(&self, table: &Table, problems: &mut Problems) -> Roles {
        let mut pick = |name: &Option<String>, names: &[&str], may_count_in: bool| {
            let found = match name {
                Some(name) => given(table, name).map(Some),
                None => first(table, names, may_count_in),
            };
            found.unwrap_or_else(|problem| {
                problems.add(problem, NAME);
                None
            })
        };
        let batch = pick(&self.batch, &["batch_tokens"], false);
        // Runs of a sweep count all parameters as they count N, without the embedding.
        let (all_n, n_total): (&[&str], &[&str]) = match is_of_a_sweep(table) {
            true if uses_a_part(table) => (&[ACTIVE], &[WHOLE]),
            true => (roles::N, &[WHOLE]),
            false => (roles::N, roles::N_TOTAL),
        };
        let roles = Roles {
            n: pick(&self.n, all_n, true),
            n_total: pick(&self.n_total, n_total, true),
            d: pick(&self.d, roles::D, true),
            // A loss without any number is told by its cells.
            loss: pick(&self.loss, roles::LOSS, false).or_else(|| first_of_any(table, roles::LOSS)),
            compute: match &self.c {
                Some(_) => pick(&self.c, &[], true).into_iter().collect(),
                None => {
                    let found = all(table, roles::C, true).filter_map(Result::ok);
                    let mut found: Vec<Chosen> = found.collect();
                    let mut seen = BTreeSet::new();
                    found.retain(|column| seen.insert(column.at));
                    found
                }
            },
            budget: pick(&self.budget, roles::BUDGET, true),
            batch,
            experts: pick(&self.experts, roles::EXPERTS, false),
            active_experts: pick(&self.active_experts, roles::ACTIVE_EXPERTS, false),
            granularity: pick(&self.granularity, roles::GRANULARITY, false),
            width: pick(&None, roles::WIDTH, false),
            weights: pick(&self.weights, &[], false),
            unit: pick(&self.unit, &[], false),
        };
        if roles.loss.is_none() && self.loss.is_none() {
            let names = listed(table.names());
            let numbers = table.names().iter().all(|name| name.parse::<f64>().is_ok());
            if numbers {
                problems.add(
                    "its first line holds numbers where names should be".to_owned(),
                    "write the names of the columns above them, as in params,tokens,loss",
                );
                return roles;
            }
            problems.add(format!("no column `{}`; it has {names}", roles::LOSS[0]), NAME);
        }
        roles
    }
}

/// Columns of runs of a sweep: what a token uses of a model without its embedding and head, and the whole.
const ACTIVE: &str = "n_active_non_embedding";
const WHOLE: &str = "n_non_embedding";

/// Whether a run of a sweep has parameters that a token does not use.
fn uses_a_part(table: &Table) -> bool {
    let (Ok(active), Ok(whole)) = (table.cells(ACTIVE), table.cells(WHOLE)) else {
        return false;
    };
    let mut rows = active.iter().zip(whole);
    rows.any(|(active, whole)| *active != Cell::Missing && active != whole)
}

/// A column and what it counts in.
pub(super) fn words(column: &Option<Chosen>, scale: Option<f64>) -> String {
    let Some(column) = column else {
        return "none".to_owned();
    };
    let scale = scale.or(column.unit.as_ref().map(|unit| unit.scale));
    match scale.filter(|scale| *scale != 1.0) {
        Some(scale) => format!("`{}` times {scale:e}", shown(&column.name)),
        None if column.is_perplexity() => format!("ln `{}`", shown(&column.name)),
        None => format!("`{}`", shown(&column.name)),
    }
}
