//! One finished, diverged or failed run: a row of `runs.parquet`.

use crate::schema::{Role, schema};
use crate::status::{FailureKind, Status};
use isoflop_core::{Optimizer, Series};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The role of a run that scores a sealed forecast.
pub const VALIDATION: &str = "validation";

schema! {
    /// A row of `runs.parquet`: the one list of its columns. `docs/results.md` shows it as a table.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct RunRow {
        run_id: String, Label, "",
            "readable name and a short hash of the run's identity";
        sweep: String, Label, "",
            "`name` of the sweep file";
        series: Series, Label, "",
            "the axes of the sweep file and their values for this run, as a JSON object; null without axes";
        status: Status, Outcome, "",
            "`finished`, `diverged` or `failed`";
        message: Option<String>, Outcome, "",
            "why a run diverged or failed; null otherwise";
        failure: Option<FailureKind> [absent "absent"], Outcome, "",
            "what kind of failure it was: `memory`, `disk`, `worker` or `other`; null unless failed";
        role: Option<String> [absent "absent"], Label, "",
            "`validation` for a run that scores a sealed forecast and enters no fit unless asked; null for the runs of the sweep file";
        family: String, Label, "",
            "model family";
        mixer: String [attention "attention"], Identity, "",
            "the half of a block that moves information between tokens";
        feed_forward: String [dense "dense"], Identity, "",
            "the half of a block that works on one token; `none` where there is none";
        activation: String [gelu "gelu"], Identity, "",
            "what stands between the matrices of the feed-forward half: `gelu`, `swiglu` or `relu2`";
        ffn_ratio: Option<f64> [absent "absent"], Identity, "",
            "width of the feed-forward half over d_model, where the sweep file gives it; null for the rule of the activation";
        d_ff: Option<u64> [absent "absent"], Counted, "",
            "width of the feed-forward half, of experts at granularity 1; null without such a half and in files of earlier versions, where it is 4 d_model";
        experts: Option<u64> [absent "absent"], Identity, "",
            "experts present in a layer; null for a dense model";
        active_experts: Option<u64> [absent "absent"], Identity, "",
            "experts chosen for a token; null for a dense model";
        shared_experts: Option<u64> [absent "absent"], Identity, "",
            "experts that work on every token besides; null for a dense model";
        granularity: Option<u64> [absent "absent"], Identity, "",
            "d_ff over the width of an expert; null for a dense model";
        gate: Option<String> [absent "absent"], Identity, "",
            "how scores of experts become factors: `renorm`, `plain` or `sigmoid`; null for a dense model";
        balance: Option<String> [absent "absent"], Identity, "",
            "what keeps the load of experts even: `loss` or `bias`; null for a dense model";
        size: String, Label, "",
            "the size as the sweep file wrote it";
        d_model: u64, Identity, "",
            "width of the residual stream";
        n_layers: u64, Identity, "",
            "blocks";
        n_heads: Option<u64>, Identity, "",
            "attention heads; null for a mixer without heads";
        kv_heads: Option<u64> [absent "absent"], Identity, "",
            "heads of keys and values where they are shared by heads of queries; null where there are as many";
        qk_norm: String [none "none"], Identity, "",
            "normalisation of queries and keys: `rms` or `none`";
        norm: String, Identity, "",
            "`rms` or `layer`";
        position: String, Identity, "",
            "`rope`, `learned` or `none`";
        parametrization: String, Identity, "",
            "`standard` or `mup`";
        vocab_size: u64, Identity, "",
            "distinct tokens, V";
        context: u64, Identity, "tokens",
            "tokens a window, T";
        attention: String [causal "causal"], Identity, "",
            "`causal`, or `document` where no token attends to another document";
        window: Option<u64> [absent "absent"], Identity, "tokens",
            "tokens that a local layer attends to or has biases for, itself among them; null without a window";
        strided: Option<u64> [absent "absent"], Identity, "tokens",
            "distance between the tokens that a local layer attends to; null without a stride";
        fixed: Option<String> [absent "absent"], Identity, "",
            "`block:columns`, tokens of a block and the last ones of earlier blocks that a local layer attends to; null without blocks";
        pattern: Option<String> [absent "absent"], Identity, "",
            "letters for layers in turn, `L` local and `G` attending to all earlier tokens; null where all layers are alike";
        head: String [own "own"], Identity, "",
            "`own`, or `tied` where the head is the token table";
        output_init: String [scaled "scaled"], Identity, "",
            "initial values of the maps that write to the stream: `scaled`, or `zero`";
        n_non_embedding: u64, Counted, "parameters",
            "parameters without embedding and position tables and the head";
        n_active_non_embedding: Option<u64> [absent "absent"], Counted, "parameters",
            "of n_non_embedding, those used per token: N of plans, rules, ids and fits; null in files of earlier versions, where it equals n_non_embedding";
        n_total: u64, Counted, "parameters",
            "all parameters";
        n_active: u64, Counted, "parameters",
            "all parameters used per token, embedding and head included; equals n_total for a dense model";
        corpus: String, Label, "",
            "name and version of a built-in corpus, or the path given";
        data_digest: String, Identity, "",
            "SHA-256 of the prepared text, split and tokens (first 16 hex digits)";
        tokenizer: String, Identity, "",
            "tokenizer";
        tokens: u64, Counted, "tokens",
            "D: training tokens seen, repeats counted";
        unique_tokens: u64, Outcome, "tokens",
            "distinct training tokens among them";
        epochs: f64, Counted, "",
            "tokens over the tokens of the train split";
        tokens_per_param: f64, Counted, "tokens/parameter",
            "tokens over n_active_non_embedding";
        steps: u64, Length, "steps",
            "optimizer steps";
        batch_tokens: u64, Training, "tokens",
            "tokens a step";
        micro_batch: u64, Outcome, "windows",
            "windows a forward pass; part of bit-identity";
        flops_budget: Option<f64>, Label, "FLOPs",
            "compute asked for; null unless the plan has budgets";
        c_6nd: f64, Counted, "FLOPs",
            "6 n_active_non_embedding tokens";
        c_exact: f64, Counted, "FLOPs",
            "FLOPs of matrix products counted op by op, forward and backward, no evaluation: of attention the pairs in reach, whatever documents hide; of experts the router, the chosen and the shared ones";
        flops_scan: Option<f64> [absent "absent"], Counted, "FLOPs",
            "element-wise multiplications and additions of recurrences, forward and backward by the convention of c_exact, which leaves them out; 0 without a recurrence, null in files of earlier versions";
        flops_optimizer: Option<f64> [absent "absent"], Counted, "FLOPs",
            "FLOPs of the matrix products of the optimizer's steps, outside c_exact: of Muon those that orthogonalise, 0 for the others; null in files of earlier versions, where it is 0";
        pf_days: f64, Counted, "PF-days",
            "c_exact / 8.64e19";
        flops_spent: f64, Outcome, "FLOPs",
            "FLOPs executed for this row alone: of a branch its cooldown, without the trunk that it shares";
        optimizer: String [adamw "adamw"], Training, "",
            "`adamw`, `muon` or `sgd`";
        schedule: String, Training, "",
            "shape of the learning rate: `wsd`, `cosine`, `linear` or `constant`";
        learning_rate: f64, Training, "",
            "peak learning rate";
        warmup_steps: u64, Training, "steps",
            "steps of linear warm-up";
        decay_steps: u64, Length, "steps",
            "steps at the end over which the rate falls: all after the warm-up under `cosine` and `linear`, 0 under `constant`";
        weight_decay: f64, Training, "",
            "decoupled decay, matrices only";
        beta1: f64 [usual_beta1 "usual_beta1"], Training, "",
            "decay of the running mean of the gradient";
        beta2: f64 [usual_beta2 "usual_beta2"], Training, "",
            "decay of the running mean of the squared gradient";
        clip: f64 [usual_clip "usual_clip"], Training, "",
            "bound on the global norm of the gradient";
        dropout: f64 [no_dropout "no_dropout"], Training, "",
            "probability with which a number of the output of a half was dropped in training";
        seed: u64, Identity, "",
            "seed of initialisation and batches";
        test_loss: Option<f64>, Outcome, "nats per token",
            "mean loss on the held-out test tokens; null unless finished";
        test_loss_se: Option<f64>, Outcome, "nats per token",
            "standard error of test_loss, clustered by document";
        test_bpb: Option<f64>, Outcome, "bits per byte",
            "the test loss over the bytes of the test text";
        test_tokens: u64, Outcome, "tokens",
            "test tokens scored";
        load: Option<f64> [absent "absent"], Outcome, "",
            "largest share of an expert over the mean share at the end, of the most uneven layer, over the test tokens; null without experts";
        entropy: Option<f64> [absent "absent"], Label, "nats per token",
            "entropy rate of a synthetic language: no loss is below it; null for text";
        train_loss: Option<f64>, Outcome, "nats per token",
            "mean over the last tenth of the steps";
        diverged_step: Option<u64>, Outcome, "steps",
            "step at which the run diverged; null otherwise";
        wall_time_s: f64, Machine, "s",
            "wall-clock time of the attempt that ended the run, evaluation included; the time before a resume, and a trunk that another run trained, are left out";
        tokens_per_s: f64, Machine, "tokens/s",
            "training tokens a second of that attempt, evaluation left out";
        flops_per_s: f64, Machine, "FLOP/s",
            "training FLOPs a second of that attempt, evaluation left out";
        mfu: Option<f64> [absent "absent"], Machine, "",
            "flops_per_s over those of a large matrix product on the same device (of a processor one core), measured by the worker";
        peak_memory_bytes: Option<u64>, Machine, "bytes",
            "peak resident memory of the worker process so far";
        device_memory_bytes: Option<u64> [absent "absent"], Machine, "bytes",
            "memory of the device that the run's process held at its end; null on a processor";
        device: String, Outcome, "",
            "device kind: `cpu`, `wgpu` or `ndarray`; part of bit-identity";
        instruction_set: String, Outcome, "",
            "widest vector instructions used; of a GPU its API, name and driver; part of bit-identity";
        host: String, Machine, "",
            "machine";
        pid: u64, Machine, "",
            "worker process";
        attempt: u64, Machine, "",
            "1, and one more after every failure";
        started_time: String, Machine, "",
            "RFC 3339, UTC";
        finished_time: String, Machine, "",
            "RFC 3339, UTC";
        numerics_version: u64, Training, "",
            "changes whenever code changes a loss";
        isoflop_version: String, Outcome, "",
            "version of this program";
        burn_version: String, Outcome, "",
            "version of Burn";
    }
}

impl RunRow {
    /// `n_active_non_embedding`, which rows of earlier versions do not have and which then equals
    /// `n_non_embedding`.
    pub fn n(&self) -> u64 {
        self.n_active_non_embedding.unwrap_or(self.n_non_embedding)
    }

    /// Whether the run scores a sealed forecast; no fit sees it unless asked.
    pub fn is_validation(&self) -> bool {
        self.role.as_deref() == Some(VALIDATION)
    }

    /// FLOPs of training with the products of the optimizer, `c_exact + flops_optimizer`.
    pub fn c_with_optimizer(&self) -> f64 {
        self.c_exact + self.flops_optimizer.unwrap_or(0.0)
    }

    /// What kind of failure it was. Rows of earlier versions do not say; those of them that memory was too
    /// small for begin their message so.
    pub fn failure_kind(&self) -> Option<FailureKind> {
        let short = || {
            let message = self.message.as_ref().filter(|_| self.status == Status::Failed)?;
            message.starts_with("out of memory").then_some(FailureKind::Memory)
        };
        self.failure.or_else(short)
    }

    /// Names of the columns in which all runs of a bootstrap's unit agree: one model on one text from one
    /// seed, whatever its length, its batch and its rate. Budgets of it share a trunk.
    pub fn unit_columns() -> impl Iterator<Item = &'static str> {
        let identity = RunRow::COLUMNS.iter().filter(|column| column.role == Role::Identity);
        identity.map(|column| column.name)
    }

    /// The values of [`RunRow::unit_columns`].
    pub fn unit(&self) -> String {
        let named: HashSet<&str> = RunRow::unit_columns().collect();
        let all = RunRow::COLUMNS.iter().zip(self.values());
        let of_unit = all.filter(|(column, _)| named.contains(column.name));
        of_unit.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
    }
}

fn usual_beta1() -> f64 {
    Optimizer::default().beta1
}

fn usual_beta2() -> f64 {
    Optimizer::default().beta2
}

fn usual_clip() -> f64 {
    Optimizer::default().clip_norm
}

fn no_dropout() -> f64 {
    0.0
}

fn absent<T>() -> Option<T> {
    None
}

fn causal() -> String {
    "causal".to_owned()
}

fn attention() -> String {
    "attention".to_owned()
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn none() -> String {
    "none".to_owned()
}

fn own() -> String {
    "own".to_owned()
}

fn scaled() -> String {
    "scaled".to_owned()
}

fn adamw() -> String {
    "adamw".to_owned()
}

fn dense() -> String {
    "dense".to_owned()
}
