//! One finished, diverged or failed run: a row of `runs.parquet`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Trained to its last step.
    Finished,
    /// The loss became non-finite or ran away. A result about this run, not a failure.
    Diverged,
    /// Something outside the science went wrong; `message` says what.
    Failed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Finished => "finished",
            Status::Diverged => "diverged",
            Status::Failed => "failed",
        })
    }
}

/// A row of `runs.parquet`. Column by column in `docs/results.md`.
///
/// Columns that may differ between repeats of one run on one machine carry `time`, `per_s`, `mfu`,
/// `memory`, `host`, `pid` or `attempt` in their name; all others are reproducible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "documented in COLUMNS, which a test compares with these fields")]
pub struct RunRow {
    pub run_id: String,
    pub sweep: String,
    pub series: String,
    pub status: Status,
    pub message: Option<String>,
    pub family: String,
    pub size: String,
    pub d_model: u64,
    pub n_layers: u64,
    pub n_heads: u64,
    pub norm: String,
    pub position: String,
    pub parametrization: String,
    pub vocab_size: u64,
    pub context: u64,
    #[serde(default = "causal")]
    pub attention: String,
    pub n_non_embedding: u64,
    pub n_total: u64,
    pub n_active: u64,
    pub corpus: String,
    pub data_digest: String,
    pub tokenizer: String,
    pub tokens: u64,
    pub unique_tokens: u64,
    pub epochs: f64,
    pub tokens_per_param: f64,
    pub steps: u64,
    pub batch_tokens: u64,
    pub micro_batch: u64,
    pub flops_budget: Option<f64>,
    pub c_6nd: f64,
    pub c_exact: f64,
    pub pf_days: f64,
    pub flops_spent: f64,
    pub schedule: String,
    pub learning_rate: f64,
    pub warmup_steps: u64,
    pub decay_steps: u64,
    pub weight_decay: f64,
    pub seed: u64,
    pub test_loss: Option<f64>,
    pub test_loss_se: Option<f64>,
    pub test_bpb: Option<f64>,
    pub test_tokens: u64,
    pub entropy: Option<f64>,
    pub train_loss: Option<f64>,
    pub diverged_step: Option<u64>,
    pub wall_time_s: f64,
    pub tokens_per_s: f64,
    pub flops_per_s: f64,
    pub mfu: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    pub device_memory_bytes: Option<u64>,
    pub device: String,
    pub instruction_set: String,
    pub host: String,
    pub pid: u64,
    pub attempt: u64,
    pub started_time: String,
    pub finished_time: String,
    pub numerics_version: u64,
    pub isoflop_version: String,
    pub burn_version: String,
}

/// What rows of earlier versions mean.
fn causal() -> String {
    "causal".to_owned()
}

/// Columns that files of earlier versions lack; a row then has their default.
pub(crate) const LATER: [&str; 4] = ["attention", "entropy", "mfu", "device_memory_bytes"];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Unsigned 64-bit integer.
    Integer,
    /// 64-bit float.
    Float,
}

/// One column of `runs.parquet`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, in the words of the field.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Its meaning and unit.
    pub meaning: &'static str,
}

const fn column(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, meaning }
}

use Kind::{Float, Integer, Text};

/// Every column of `runs.parquet`, in order.
pub const COLUMNS: &[Column] = &[
    column("run_id", Text, "readable name and a short hash of the run's identity"),
    column("sweep", Text, "`name` of the sweep file"),
    column(
        "series",
        Text,
        "the cell of `[axes]` the run belongs to, as `key=value` pairs; empty without axes",
    ),
    column("status", Text, "`finished`, `diverged` or `failed`"),
    column("message", Text, "why a run diverged or failed; null otherwise"),
    column("family", Text, "model family"),
    column("size", Text, "the size as the sweep file wrote it"),
    column("d_model", Integer, "width of the residual stream"),
    column("n_layers", Integer, "blocks"),
    column("n_heads", Integer, "attention heads"),
    column("norm", Text, "`rms` or `layer`"),
    column("position", Text, "`rope` or `learned`"),
    column("parametrization", Text, "`standard` or `mup`"),
    column("vocab_size", Integer, "distinct tokens, V"),
    column("context", Integer, "tokens a window, T"),
    column("attention", Text, "`causal`, or `document` where no token attends to another document"),
    column(
        "n_non_embedding",
        Integer,
        "parameters without embedding and position tables and the head",
    ),
    column("n_total", Integer, "all parameters"),
    column("n_active", Integer, "parameters used per token; equals n_total for a dense model"),
    column("corpus", Text, "name and version of a built-in corpus, or the path given"),
    column(
        "data_digest",
        Text,
        "SHA-256 of the prepared text, split and tokens (first 16 hex digits)",
    ),
    column("tokenizer", Text, "tokenizer"),
    column("tokens", Integer, "D: training tokens seen, repeats counted"),
    column("unique_tokens", Integer, "distinct training tokens among them"),
    column("epochs", Float, "tokens over the tokens of the train split"),
    column("tokens_per_param", Float, "tokens over n_non_embedding"),
    column("steps", Integer, "optimizer steps"),
    column("batch_tokens", Integer, "tokens a step"),
    column("micro_batch", Integer, "windows a forward pass; part of bit-identity"),
    column("flops_budget", Float, "compute asked for (FLOPs); null unless the plan has budgets"),
    column("c_6nd", Float, "6 n_non_embedding tokens (FLOPs)"),
    column(
        "c_exact",
        Float,
        "matrix-product FLOPs counted op by op, forward and backward, no evaluation",
    ),
    column("pf_days", Float, "c_exact / 8.64e19"),
    column(
        "flops_spent",
        Float,
        "FLOPs executed for this row alone: of a branch its cooldown, without the trunk that it shares",
    ),
    column("schedule", Text, "learning-rate schedule"),
    column("learning_rate", Float, "peak learning rate"),
    column("warmup_steps", Integer, "steps of linear warm-up"),
    column("decay_steps", Integer, "steps of linear decay at the end"),
    column("weight_decay", Float, "decoupled decay, matrices only"),
    column("seed", Integer, "seed of initialisation and batches"),
    column("test_loss", Float, "nats per token on the held-out test tokens; null unless finished"),
    column("test_loss_se", Float, "standard error of test_loss, clustered by document"),
    column("test_bpb", Float, "bits per byte of test text"),
    column("test_tokens", Integer, "test tokens scored"),
    column(
        "entropy",
        Float,
        "entropy rate of a synthetic language in nats per token: no loss is below it; null for text",
    ),
    column("train_loss", Float, "nats per token, mean over the last tenth of the steps"),
    column("diverged_step", Integer, "step at which the run diverged; null otherwise"),
    column(
        "wall_time_s",
        Float,
        "seconds of the attempt that ended the run, evaluation included; what came before a resume, and a trunk that another run trained, is not in it",
    ),
    column("tokens_per_s", Float, "training tokens a second of that attempt, evaluation left out"),
    column("flops_per_s", Float, "training FLOPs a second of that attempt, evaluation left out"),
    column(
        "mfu",
        Float,
        "flops_per_s over those of a large matrix product on the same device (of a processor one core), measured by the worker",
    ),
    column("peak_memory_bytes", Integer, "peak resident memory of the worker process so far"),
    column(
        "device_memory_bytes",
        Integer,
        "memory of the device that the run's process held at its end; null on a processor",
    ),
    column("device", Text, "device kind: `cpu`, `wgpu` or `ndarray`; part of bit-identity"),
    column(
        "instruction_set",
        Text,
        "widest vector instructions used; of a GPU its API, name and driver; part of bit-identity",
    ),
    column("host", Text, "machine"),
    column("pid", Integer, "worker process"),
    column("attempt", Integer, "1, and one more after every failure"),
    column("started_time", Text, "RFC 3339, UTC"),
    column("finished_time", Text, "RFC 3339, UTC"),
    column("numerics_version", Integer, "changes whenever code changes a loss"),
    column("isoflop_version", Text, "version of this program"),
    column("burn_version", Text, "version of Burn"),
];
