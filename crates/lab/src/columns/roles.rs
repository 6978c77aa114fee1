//! Which column is what, by the names that people use.

use super::units::{Unit, of_header};
use isoflop_core::text::{listed, shown};
use isoflop_results::Table;
use isoflop_results::table::{Value, key};

/// Names looked for where none is given, the first that is there; case and separators do not matter.
pub(super) const N: &[&str] = &[
    "n_non_embedding",
    "non_embedding_params",
    "non_embedding_parameters",
    "n_params_non_embedding",
    "params_non_embedding",
    "active_params",
    "active_parameters",
    "n_active_params",
    "params",
    "parameters",
    "n_params",
    "num_params",
    "n_parameters",
    "num_parameters",
    "param_count",
    "parameter_count",
    "total_params",
    "total_parameters",
    "trainable_params",
    "trainable_parameters",
    "model_params",
    "model_parameters",
    "model_size",
    "n",
    "size",
];
pub(super) const D: &[&str] = &[
    "tokens",
    "train_tokens",
    "training_tokens",
    "n_tokens",
    "num_tokens",
    "total_tokens",
    "tokens_seen",
    "seen_tokens",
    "tokens_trained",
    "n_train_tokens",
    "num_train_tokens",
    "token_count",
    "data_tokens",
    "dataset_tokens",
    "tokens_consumed",
    "consumed_tokens",
    "dataset_size",
    "training_dataset_size",
    "d",
];
pub(super) const C: &[&str] = &[
    "c_exact",
    "flops",
    "train_flops",
    "training_flops",
    "total_flops",
    "num_flops",
    "training_flop",
    "flop",
    "compute",
    "train_compute",
    "training_compute",
    "total_compute",
    "flops_budget",
    "iso_flop",
    "iso_flops",
    "c",
];
pub(super) const LOSS: &[&str] = &[
    "test_loss",
    "val_loss",
    "valid_loss",
    "validation_loss",
    "eval_loss",
    "heldout_loss",
    "final_test_loss",
    "final_val_loss",
    "loss",
    "final_loss",
    "test_cross_entropy",
    "val_cross_entropy",
    "cross_entropy",
    "ce_loss",
    "nll",
    "l",
    "val_bpb",
    "test_bpb",
    "bits_per_byte",
    "bpb",
    "train_loss",
    "training_loss",
    "final_train_loss",
    "test_perplexity",
    "val_perplexity",
    "perplexity",
    "test_ppl",
    "val_ppl",
    "ppl",
];
/// Column that holds budgets where none is named, and how else it is called.
pub(super) const BUDGET: &[&str] = &[
    crate::columns::BUDGET_NAME,
    "iso_flop",
    "iso_flops",
    "flop_budget",
    "compute_budget",
    "target_flops",
];
pub(super) const EXPERTS: &[&str] =
    &["experts", "n_experts", "num_experts", "num_local_experts", "n_routed_experts"];
/// Names of the number of experts that a token uses.
pub(super) const ACTIVE_EXPERTS: &[&str] = &[
    "active_experts",
    "n_active_experts",
    "num_active_experts",
    "experts_per_token",
    "num_experts_per_tok",
    "top_k",
];
pub(super) const GRANULARITY: &[&str] = &["granularity", "expert_granularity"];
/// Names of all parameters, those of experts that a token does not use included.
pub(super) const N_TOTAL: &[&str] = &[
    "n_total_non_embedding",
    "total_non_embedding_params",
    "n_total",
    "total_params",
    "total_parameters",
    "n_params_total",
    "params_total",
];
/// Names of the width of a model's stream.
pub(super) const WIDTH: &[&str] = &["d_model", "width", "hidden_size", "n_embd"];
/// Names of the place of a checkpoint in its run.
pub(super) const STEP: &[&str] = &["step", "steps", "iter", "iteration", "checkpoint"];
/// Names of the run where a row says its place in it.
pub(super) const MODEL: &[&str] = &["model", "model_name"];
/// Names of the run that a row is a checkpoint of.
pub(super) const RUN: &[&str] =
    &["run", "run_id", "run_name", "trial", "trial_id", "experiment", "experiment_name", "name"];

/// A column that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) at: usize,
    pub(super) name: String,
    /// What a cell counts in, where its header says.
    pub(super) unit: Option<Unit>,
    /// Whether a person named it.
    pub(super) given: bool,
}

impl Chosen {
    /// Whether it holds exponentials of losses.
    pub(super) fn is_perplexity(&self) -> bool {
        let name = key(&self.name);
        name.ends_with("perplexity") || name.ends_with("ppl")
    }
}

/// The column that a person names: as it is spelt, or the only one that is alike.
pub(super) fn given(table: &Table, name: &str) -> Result<Chosen, String> {
    let found = table.named(name);
    match found[..] {
        [at] => Ok(Chosen { given: true, ..chosen(table, at) }),
        [] => Err(format!("no column `{}`; it has {}", shown(name), listed(table.names()))),
        _ => Err(which(table, &found, name)),
    }
}

/// The column of the first of these names that is there and holds a number.
pub(super) fn first(
    table: &Table,
    names: &[&str],
    may_count_in: bool,
) -> Result<Option<Chosen>, String> {
    match all(table, names, may_count_in).next() {
        Some(found) => found.map(Some),
        None => Ok(None),
    }
}

/// The column of the first of these names that is there, whatever it holds.
pub(super) fn first_of_any(table: &Table, names: &[&str]) -> Option<Chosen> {
    let found = names.iter().find_map(|name| table.named(name).first().copied());
    found.map(|at| chosen(table, at))
}

/// The columns of all of these names that are there, in the order of the names; then those that are
/// so called but for a unit, where one may be.
pub(super) fn all<'t>(
    table: &'t Table,
    names: &'t [&str],
    may_count_in: bool,
) -> impl Iterator<Item = Result<Chosen, String>> + 't {
    let plain = names.iter().filter_map(move |name| {
        let mut found = table.named(name);
        found.retain(|at| holds_numbers(table, *at));
        // A loss of the training text is another quantity; it is named last, with its own name.
        if key(name) == "loss" {
            found.retain(|at| !key(&table.names()[*at]).contains("train"));
        }
        match found[..] {
            [] => None,
            [at] => Some(Ok(chosen(table, at))),
            _ => Some(Err(which(table, &found, name))),
        }
    });
    let names = if may_count_in { names } else { &[] };
    let with_unit = names.iter().flat_map(move |name| {
        let headers = table.names().iter().enumerate();
        headers.filter_map(move |(at, header)| {
            let unit = of_header(header)?;
            (unit.stem == key(name) && holds_numbers(table, at))
                .then(|| Ok(Chosen { unit: Some(unit), ..chosen(table, at) }))
        })
    });
    plain.chain(with_unit)
}

fn chosen(table: &Table, at: usize) -> Chosen {
    let name = &table.names()[at];
    Chosen { at, name: name.clone(), unit: of_header(name), given: false }
}

fn holds_numbers(table: &Table, at: usize) -> bool {
    (0..table.len()).any(|row| matches!(table.value(at, row), Value::Number(_) | Value::Unclear(_)))
}

fn which(table: &Table, found: &[usize], name: &str) -> String {
    let names: Vec<&str> = found.iter().map(|at| table.names()[*at].as_str()).collect();
    format!("`{}` may be any of {}: name the one that is meant", shown(name), listed(&names))
}
