//! What a results folder already holds of a plan, and why it holds what the plan does not name.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::worker::row_of_plan;
use isoflop_results::{RunRecord, RunRow};
use serde::Serialize;
use serde_json::Value;

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

/// Columns that are part of a run's identity.
const IDENTITY: &[&str] = &[
    "family",
    "d_model",
    "n_layers",
    "n_heads",
    "norm",
    "position",
    "parametrization",
    "vocab_size",
    "context",
    "attention",
    "data_digest",
    "tokenizer",
    "batch_tokens",
    "schedule",
    "steps",
    "warmup_steps",
    "decay_steps",
    "learning_rate",
    "weight_decay",
    "seed",
    "numerics_version",
];

/// Columns that change with a run's length, and with its shape, of themselves.
const OF_LENGTH: &[&str] = &["steps", "warmup_steps", "decay_steps"];
const OF_SHAPE: &[&str] = &["d_model", "n_layers", "n_heads"];
const WITH_SHAPE: &[&str] = &["batch_tokens", "learning_rate"];

/// Compares a plan with the records of a folder.
///
/// # Errors
/// The folder cannot be read.
pub fn reuse(plan: &Plan, folder: &ResultsFolder) -> Result<Reuse, SweepError> {
    let recorded = folder.recorded()?;
    let (reused, new) = plan
        .runs()
        .iter()
        .map(|run| run.id().to_owned())
        .partition(|id| recorded.contains(id));
    let mut ids: Vec<String> = recorded
        .into_iter()
        .filter(|id| plan.run(id).is_none())
        .collect();
    ids.sort();
    let orphaned = ids.into_iter().map(|run_id| {
        let why = match RunRecord::read(&folder.record_path(&run_id)) {
            Ok(record) => difference(plan, &record.row),
            Err(error) => error.to_string(),
        };
        Orphan { run_id, why }
    });
    Ok(Reuse {
        reused,
        new,
        orphaned: orphaned.collect(),
    })
}

fn difference(plan: &Plan, row: &RunRow) -> String {
    let was = as_json(row);
    let nearest = plan.runs().iter().map(|run| {
        let is = as_json(&row_of_plan(plan.name(), run));
        let stretch = (run.config.steps.steps as f64 / row.steps as f64)
            .ln()
            .abs();
        (differing(&was, &is), stretch, is)
    });
    let nearest = nearest.min_by(|a, b| {
        (a.0.len(), a.1)
            .partial_cmp(&(b.0.len(), b.1))
            .expect("no NaN")
    });
    let Some((columns, _, is)) = nearest else {
        return "the plan has no runs".to_owned();
    };
    let told: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "{column} {} is now {}",
                shown(&was[*column]),
                shown(&is[*column])
            )
        })
        .collect();
    format!("against the nearest planned run, {}", told.join(", "))
}

/// Whether a row has the identity of a planned run.
pub(crate) fn is_of(row: &RunRow, run: &PlannedRun) -> bool {
    let (was, is) = (as_json(row), as_json(&row_of_plan(&row.sweep, run)));
    IDENTITY.iter().all(|column| was[*column] == is[*column])
}

/// Columns of the identity that differ, without those that only follow others.
fn differing(was: &Value, is: &Value) -> Vec<&'static str> {
    let differ = IDENTITY
        .iter()
        .filter(|column| was[**column] != is[**column]);
    let mut columns: Vec<&str> = differ.copied().collect();
    let shape = columns.iter().any(|column| OF_SHAPE.contains(column));
    if shape {
        columns.retain(|column| !WITH_SHAPE.contains(column));
    }
    let batch = columns.contains(&"batch_tokens");
    let only_length = columns.iter().all(|column| OF_LENGTH.contains(column));
    match (shape || batch, only_length) {
        (true, _) => columns.retain(|column| !OF_LENGTH.contains(column)),
        (false, true) => columns.retain(|column| *column == "steps"),
        _ => columns.retain(|column| !OF_LENGTH[1..].contains(column)),
    }
    columns
}

fn as_json(row: &RunRow) -> Value {
    serde_json::to_value(row).expect("text and finite numbers")
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
