//! What a results folder already holds of a plan, and why it holds what the plan does not name.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::plan::Plan;
use crate::row::{Difference, all_differing, row_of_plan};
use crate::rules::{auto_batch_tokens, auto_learning_rate};
use isoflop_core::Params;
use isoflop_results::schema::{Role, Value};
use isoflop_results::{RunRecord, RunRow};
use serde::Serialize;
use std::fmt;

/// A plan against a results folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reuse {
    /// Planned runs that have a record.
    pub reused: Vec<String>,
    /// Planned runs without one.
    pub new: Vec<String>,
    /// Records that the plan does not name.
    pub orphaned: Vec<Orphan>,
}

/// A record that the plan does not name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Orphan {
    /// The run.
    pub run_id: String,
    /// What sets it apart from the nearest planned run.
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
    /// What sets the records apart that the plan does not name, a line a reason with the number of runs,
    /// the most frequent first.
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

/// Why a record is not of the plan.
#[derive(Debug)]
enum Why {
    Damaged(String),
    NoRuns,
    /// What was and what is, by column.
    Changed(Vec<(&'static str, String, String)>),
}

impl Why {
    /// Against the planned run that is most like it: of its halves if there is one, of its shape, with the
    /// fewest differences, then of the nearest size and length.
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

/// Columns of the identity that differ, without those that only follow others.
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
    // Both as the rules give them.
    let rule = |row: &RunRow| auto_learning_rate(Params(row.n() as f64), row.batch_tokens);
    if row.learning_rate == rule(row) && run.learning_rate == rule(run) {
        columns.retain(|column| *column != "learning_rate");
    }
    let rule = |row: &RunRow| auto_batch_tokens(Params(row.n() as f64), row.context as usize);
    if row.batch_tokens == rule(row) && run.batch_tokens == rule(run) {
        columns.retain(|column| *column != "batch_tokens");
    }
    if has(&columns, &["tokenizer"]) {
        columns.retain(|column| !["vocab_size", "data_digest"].contains(column));
    }
    // Steps follow from tokens and the batch; what only grows with the steps follows from them.
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
