//! Compares a plan with a results folder: which runs it already holds, and why it holds runs that
//! the plan does not name.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::plan::Plan;
use crate::row::{Difference, all_differing, row_of_plan};
use crate::rules::{Rules, Setting};
use isoflop_core::Params;
use isoflop_results::schema::{Role, Value};
use isoflop_results::{RunRecord, RunRow};
use serde::Serialize;
use std::fmt;

/// Comparison of a plan with a results folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reuse {
    /// Ids of planned runs that have a record.
    pub reused: Vec<String>,
    /// Ids of planned runs that have no record.
    pub new: Vec<String>,
    /// Records that the plan does not name.
    pub orphaned: Vec<Orphan>,
}

/// A record that the plan does not name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Orphan {
    /// Id of the run.
    pub run_id: String,
    /// How the run differs from the nearest planned run.
    pub why: String,
}

/// Columns that change of themselves: with a run's halves, with its shape.
const OF_HALVES: &[&str] = &["mixer", "feed_forward"];
const OF_SHAPE: &[&str] = &["d_model", "n_layers", "n_heads"];
const WITH_SHAPE: &[&str] = &["batch_tokens", "learning_rate"];

/// Compares a plan with the records of a folder.
///
/// # Errors
/// The folder cannot be read.
pub fn reuse(plan: &Plan, folder: &ResultsFolder) -> Result<Reuse, SweepError> {
    let recorded = folder.recorded()?;
    let (reused, new) =
        plan.runs().iter().map(|run| run.id().to_owned()).partition(|id| recorded.contains(id));
    let mut ids: Vec<String> = recorded.into_iter().filter(|id| plan.run(id).is_none()).collect();
    ids.sort();
    let planned: Vec<RunRow> =
        plan.runs().iter().map(|run| row_of_plan(plan.name(), run)).collect();
    let orphaned = ids.into_iter().map(|run_id| {
        let why = match RunRecord::read(&folder.record_path(&run_id)) {
            Ok(record) => Why::of(&planned, &record.row),
            Err(error) => Why::Damaged(error.to_string()),
        };
        Orphan { run_id, why: why.to_string() }
    });
    Ok(Reuse { reused, new, orphaned: orphaned.collect() })
}

impl Reuse {
    /// Reasons why records are not in the plan, each with its number of runs, the most frequent
    /// first.
    pub fn reasons(&self) -> Vec<(String, usize)> {
        let mut reasons: Vec<(String, usize)> = Vec::new();
        for orphan in &self.orphaned {
            match reasons.iter_mut().find(|(why, _)| *why == orphan.why) {
                Some((_, count)) => *count += 1,
                None => reasons.push((orphan.why.clone(), 1)),
            }
        }
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }
}

/// Reason why a record is not in the plan.
#[derive(Debug)]
enum Why {
    Damaged(String),
    NoRuns,
    /// Columns that differ, each with the record's value and the plan's value.
    Changed(Vec<(&'static str, String, String)>),
}

impl Why {
    /// Compares a record with the planned run that is most like it: with the same halves if
    /// possible, then the same shape, then the fewest differences, then the nearest size and
    /// length.
    fn of(planned: &[RunRow], row: &RunRow) -> Why {
        let nearest = planned.iter().map(|run| {
            let columns = differing(row, run);
            let differs = |of: &[&str]| columns.iter().any(|column| of.contains(&column.name));
            let other = (differs(OF_HALVES), differs(OF_SHAPE), columns.len());
            let apart =
                |of: fn(&RunRow) -> u64| (of(run) as f64 / of(row).max(1) as f64).ln().abs();
            let stretch = apart(RunRow::n) + apart(|row| row.tokens);
            (other, stretch, columns)
        });
        let nearest = nearest.min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let Some((_, _, columns)) = nearest else {
            return Why::NoRuns;
        };
        let told = columns.into_iter();
        Why::Changed(told.map(|c| (c.name, shown(&c.was), shown(&c.is))).collect())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = match self {
            Why::Damaged(error) => return f.write_str(error),
            Why::NoRuns => return f.write_str("the plan has no runs"),
            Why::Changed(changed) if changed.is_empty() => {
                return f.write_str("a constant of its training that no column tells has changed");
            }
            Why::Changed(changed) => changed,
        };
        let told: Vec<String> = changed
            .iter()
            .map(|(column, was, is)| match *column {
                "data_digest" => format!("the text has changed: data_digest {was} is now {is}"),
                _ => format!("{column} {was} is now {is}"),
            })
            .collect();
        write!(f, "against the nearest planned run, {}", told.join(", "))
    }
}

/// Columns of the identity in which two rows differ, without those that merely follow from others.
fn differing(row: &RunRow, run: &RunRow) -> Vec<Difference> {
    let all = all_differing(row, run);
    let mut columns: Vec<&str> = all.iter().map(|column| column.name).collect();
    // The warm-up is cut in runs that are short for it.
    let of_length = |name: &str| {
        name == "warmup_steps"
            || all.iter().any(|column| column.name == name && column.role == Role::Length)
    };
    let has = |columns: &[&str], of: &[&str]| columns.iter().any(|column| of.contains(column));
    let shape = has(&columns, OF_SHAPE) || has(&columns, OF_HALVES);
    if shape {
        columns.retain(|column| !WITH_SHAPE.contains(column));
    }
    // Both values are those of the rule, so the difference follows from others.
    let has_rate_of_rule = |row: &RunRow| {
        let rate = |rules: Rules| rules.learning_rate(&Setting::of(row));
        Rules::ALL.into_iter().any(|rules| row.learning_rate == rate(rules))
    };
    if has_rate_of_rule(row) && has_rate_of_rule(run) {
        columns.retain(|column| *column != "learning_rate");
    }
    let has_batch_of_rule = |row: &RunRow| {
        let n = Params(row.n() as f64);
        let batch = |rules: Rules| rules.batch_tokens(n, row.context as usize);
        Rules::ALL.into_iter().any(|rules| row.batch_tokens == batch(rules))
    };
    if has_batch_of_rule(row) && has_batch_of_rule(run) {
        columns.retain(|column| *column != "batch_tokens");
    }
    let has_betas_of_rule = |row: &RunRow| {
        let optimizer = Setting::of(row).optimizer;
        let usual = Rules::ALL.map(|rules| rules.optimizer(optimizer));
        usual.iter().any(|of| (of.beta1, of.beta2) == (row.beta1, row.beta2))
    };
    let other_rules = has(&columns, &["output_init"]);
    if other_rules && has_betas_of_rule(row) && has_betas_of_rule(run) {
        columns.retain(|column| !["beta1", "beta2"].contains(column));
    }
    if has(&columns, &["tokenizer"]) {
        columns.retain(|column| !["vocab_size", "data_digest"].contains(column));
    }
    // The steps follow from the tokens and the batch, and the other columns of `OF_LENGTH` from the
    // steps.
    if shape || has(&columns, &["batch_tokens", "context"]) {
        columns.retain(|column| !of_length(column));
    } else if has(&columns, &["steps", "schedule"]) {
        columns.retain(|column| *column == "steps" || !of_length(column));
    }
    all.into_iter().filter(|column| columns.contains(&column.name)).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        value => value.to_string(),
    }
}
