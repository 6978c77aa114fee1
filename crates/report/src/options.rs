//! Options of models and of their training that differ from their defaults: named where a reader must
//! tell runs apart.

use crate::text::three_digits;
use isoflop_core::{Optimizer, OptimizerKind};
use isoflop_results::RunRow;

/// An option of a model or of its training.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// Its name, as keys of a sweep file have it.
    pub(crate) name: &'static str,
    /// Its value; none at the default, or where the model has no such option.
    pub(crate) value: fn(&RunRow) -> Option<String>,
}

/// All options, in the order of the columns of a row.
pub(crate) const ALL: [Choice; 21] = [
    Choice { name: "activation", value: |r| unless(&r.activation, "gelu") },
    Choice { name: "ffn_ratio", value: |r| r.ffn_ratio.map(|ratio| shown(ratio).to_string()) },
    Choice { name: "experts", value: |r| number(r.experts) },
    Choice { name: "active", value: |r| number(r.active_experts) },
    Choice { name: "shared", value: |r| number(r.shared_experts.filter(|count| *count > 0)) },
    Choice { name: "granularity", value: |r| number(r.granularity.filter(|count| *count > 1)) },
    Choice { name: "gate", value: |r| r.gate.clone() },
    Choice { name: "balance", value: |r| r.balance.clone() },
    Choice { name: "kv_heads", value: |r| number(r.kv_heads) },
    Choice { name: "qk_norm", value: |r| unless(&r.qk_norm, "none") },
    Choice { name: "window", value: |r| number(r.window) },
    Choice { name: "strided", value: |r| number(r.strided) },
    Choice { name: "fixed", value: |r| r.fixed.clone() },
    Choice { name: "pattern", value: |r| r.pattern.clone() },
    Choice { name: "tied", value: |r| (r.head == "tied").then(|| "true".to_owned()) },
    Choice { name: "optimizer", value: |r| unless(&r.optimizer, "adamw") },
    Choice { name: "schedule", value: |r| unless(&r.schedule, "wsd") },
    Choice { name: "weight_decay", value: |r| other(r.weight_decay, usual_decay(&r.optimizer)) },
    Choice { name: "betas", value: |r| betas(r.beta1, r.beta2) },
    Choice { name: "clip", value: |r| other(r.clip, USUAL.clip_norm) },
    Choice { name: "dropout", value: |r| other(r.dropout, 0.0) },
];

/// Constants of the optimizer that a sweep has unless its file gives others.
const USUAL: Optimizer = Optimizer::USUAL;

/// Weight decay that an optimizer has unless the file gives another.
fn usual_decay(optimizer: &str) -> f64 {
    Optimizer::of(OptimizerKind::named(optimizer).unwrap_or_default()).weight_decay
}

fn other(value: f64, default: f64) -> Option<String> {
    (value != default).then(|| value.to_string())
}

fn betas(beta1: f64, beta2: f64) -> Option<String> {
    let usual = [[USUAL.beta1, USUAL.beta2], Optimizer::SMALL_BATCH_BETAS];
    (!usual.contains(&[beta1, beta2])).then(|| format!("[{beta1}, {beta2}]"))
}

fn unless(value: &str, default: &str) -> Option<String> {
    (value != default && !value.is_empty()).then(|| value.to_owned())
}

fn number(value: Option<u64>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// A ratio: whole, or with three digits.
fn shown(ratio: f64) -> String {
    match ratio.fract() == 0.0 {
        true => format!("{ratio}"),
        false => three_digits(ratio),
    }
}

/// Options that a run has at another value than the default.
pub(crate) fn used<'r>(runs: impl Iterator<Item = &'r RunRow> + Clone) -> Vec<Choice> {
    let is_used = |choice: &Choice| runs.clone().any(|run| (choice.value)(run).is_some());
    ALL.into_iter().filter(is_used).collect()
}

/// Options in which runs differ.
pub(crate) fn told<'r>(runs: impl Iterator<Item = &'r RunRow> + Clone) -> Vec<Choice> {
    let differs = |choice: &Choice| {
        let mut values = runs.clone().map(choice.value);
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    ALL.into_iter().filter(differs).collect()
}

/// The values of some options of a run, `window 32, tied`; empty at the defaults.
pub(crate) fn words(choices: &[Choice], run: &RunRow) -> String {
    let word = |choice: &Choice| {
        let value = (choice.value)(run)?;
        Some(match value.as_str() {
            "true" => choice.name.to_owned(),
            value => format!("{} {value}", choice.name),
        })
    };
    choices.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}
