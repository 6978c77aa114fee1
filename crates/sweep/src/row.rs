//! Builds the rows of runs from the plan and the result of an attempt.

use crate::lease::{Lease, Owner, host_name};
use crate::memory;
use crate::run::PlannedRun;
use crate::trainer::{Ending, TrainFailure, Trained};
use crate::workplace::Workplace;
use isoflop_core::{Flops, Series, Tokens};
use isoflop_model::{Activation, Fact, FlopCount, ParamCount};
use isoflop_results::schema::{Role, Value};
use isoflop_results::{FailureKind, RunRecord, RunRow, Status};
use std::time::Instant;

/// Number of an attempt at a run, and its windows per forward pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) number: u64,
    pub(crate) micro_windows: u64,
}

/// Time at which an attempt at a run began.
pub(crate) struct Stopwatch {
    pub(crate) started: Instant,
    pub(crate) started_time: String,
}

/// The record of an attempt that has ended.
pub(crate) fn record(
    sweep: &str,
    run: &PlannedRun,
    result: Result<Trained, TrainFailure>,
    attempt: Attempt,
    owner: &Owner,
    stopwatch: Stopwatch,
    place: &Workplace<'_>,
) -> RunRecord {
    let mut row = blank_row(sweep, run, attempt.number, attempt.micro_windows);
    row.host = owner.host.clone();
    row.pid = u64::from(owner.pid);
    row.wall_time_s = stopwatch.started.elapsed().as_secs_f64();
    row.started_time = stopwatch.started_time;
    row.finished_time = (place.clock)();
    row.peak_memory_bytes = memory::peak();
    let trained = match result {
        Ok(trained) => trained,
        Err(failure) => {
            row.failure = Some(failure.kind());
            row.message = Some(failure.to_string());
            return RunRecord::of(row);
        }
    };
    let flops = |tokens: u64| {
        let count = FlopCount::of(&run.config.model);
        count.of_tokens(Tokens(tokens as f64)).0
    };
    let own_steps = match run.trunk() == run.id() {
        true => trained.steps,
        false => trained.steps.saturating_sub(run.branch_step()),
    };
    row.unique_tokens = trained.unique_tokens;
    row.train_loss = trained.train_loss;
    row.flops_spent = flops(own_steps * run.config.recipe.batch_tokens);
    let seconds = trained.train_seconds.max(f64::MIN_POSITIVE);
    row.tokens_per_s = trained.tokens_here as f64 / seconds;
    row.flops_per_s = flops(trained.tokens_here) / seconds;
    row.device_memory_bytes = trained.device_memory_bytes;
    row.device = trained.device;
    row.instruction_set = trained.instruction_set;
    row.burn_version = trained.burn_version;
    match trained.ending {
        Ending::Finished(score) => {
            row.status = Status::Finished;
            row.test_loss = Some(score.loss);
            row.test_loss_se = score.standard_error;
            row.test_bpb = Some(score.bits_per_byte);
            row.test_tokens = score.tokens;
            row.load = score.load;
        }
        Ending::Diverged { step, reason } => {
            row.status = Status::Diverged;
            row.diverged_step = Some(step);
            row.message = Some(reason);
        }
    }
    RunRecord { row, curve: trained.curve, positions: trained.positions }
}

/// The record of a run whose worker died while training it.
pub fn record_of_death(
    sweep: &str,
    run: &PlannedRun,
    lease: &Lease,
    kind: FailureKind,
    how: String,
) -> RunRecord {
    let mut row = blank_row(sweep, run, lease.attempt, lease.micro_windows);
    row.host = lease.owner.host.clone();
    row.pid = u64::from(lease.owner.pid);
    row.failure = Some(kind);
    row.message = Some(how);
    RunRecord::of(row)
}

/// A run's row with the columns that its plan knows.
pub fn row_of_plan(sweep: &str, run: &PlannedRun) -> RunRow {
    blank_row(sweep, run, 1, run.micro_windows())
}

/// A run's row with the columns that its plan knows; its status is failed until it is set.
fn blank_row(sweep: &str, run: &PlannedRun, attempt: u64, micro_windows: u64) -> RunRow {
    let config = &run.config;
    let recipe = &config.recipe;
    let shape = config.model.shape;
    let params: ParamCount = run.params();
    let (n, d, c) = (run.n(), run.tokens(), run.c_exact());
    let mut row = RunRow {
        run_id: run.id().to_owned(),
        sweep: String::new(),
        series: Series::default(),
        status: Status::Failed,
        message: None,
        failure: None,
        role: None,
        family: String::new(),
        mixer: config.model.mixer.half().name().to_owned(),
        feed_forward: config.model.feed_forward.half().name().to_owned(),
        activation: Activation::default().name().to_owned(),
        d_ff: None,
        ffn_ratio: None,
        experts: None,
        active_experts: None,
        shared_experts: None,
        granularity: None,
        gate: None,
        balance: None,
        size: String::new(),
        d_model: shape.d_model as u64,
        n_layers: shape.n_layers as u64,
        n_heads: None,
        kv_heads: None,
        qk_norm: "none".to_owned(),
        norm: name(&config.model.norm),
        position: name(&config.model.position),
        parametrization: name(&config.model.parametrization),
        vocab_size: config.model.vocab_size as u64,
        context: config.model.context as u64,
        attention: "causal".to_owned(),
        window: None,
        strided: None,
        fixed: None,
        pattern: None,
        head: if config.model.tied { "tied" } else { "own" }.to_owned(),
        output_init: config.model.output_init.name().to_owned(),
        n_non_embedding: params.non_embedding().0 as u64,
        n_active_non_embedding: Some(params.active_non_embedding().0 as u64),
        n_total: params.total().0 as u64,
        n_active: params.active().0 as u64,
        corpus: String::new(),
        data_digest: config.data_digest.clone(),
        tokenizer: config.tokenizer.clone(),
        tokens: d.0 as u64,
        unique_tokens: 0,
        epochs: run.epochs(),
        tokens_per_param: d.per_param(n),
        steps: recipe.schedule.steps,
        batch_tokens: recipe.batch_tokens,
        micro_batch: micro_windows,
        flops_budget: None,
        c_6nd: Flops::six_nd(n, d).0,
        c_exact: c.0,
        flops_scan: Some(run.flops_scan().0),
        flops_optimizer: Some(run.flops_optimizer().0),
        pf_days: c.pf_days(),
        flops_spent: 0.0,
        optimizer: recipe.optimizer.kind.name().to_owned(),
        schedule: recipe.schedule.kind.name().to_owned(),
        learning_rate: recipe.learning_rate,
        warmup_steps: recipe.schedule.warmup,
        decay_steps: recipe.schedule.decay,
        weight_decay: recipe.optimizer.weight_decay,
        beta1: recipe.optimizer.beta1,
        beta2: recipe.optimizer.beta2,
        clip: recipe.optimizer.clip_norm,
        dropout: recipe.dropout,
        seed: config.seed,
        test_loss: None,
        test_loss_se: None,
        test_bpb: None,
        test_tokens: 0,
        load: None,
        entropy: None,
        train_loss: None,
        diverged_step: None,
        wall_time_s: 0.0,
        tokens_per_s: 0.0,
        flops_per_s: 0.0,
        mfu: None,
        peak_memory_bytes: None,
        device_memory_bytes: None,
        device: String::new(),
        instruction_set: String::new(),
        host: host_name(),
        pid: 0,
        attempt,
        started_time: String::new(),
        finished_time: String::new(),
        numerics_version: config.numerics_version,
        isoflop_version: env!("CARGO_PKG_VERSION").to_owned(),
        burn_version: String::new(),
    };
    for half in config.model.halves() {
        for (column, fact) in half.columns(&config.model) {
            row.set(column, value(fact)).expect("a test holds the halves to the schema");
        }
    }
    run.label(sweep, &mut row);
    row
}

fn value(fact: Fact) -> Value {
    match fact {
        Fact::Text(name) => Value::Text(name),
        Fact::Integer(count) => Value::Integer(count),
        Fact::Float(measure) => Value::Float(measure),
    }
}

/// Name of a unit variant as the sweep file writes it.
fn name(variant: &impl serde::Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("only unit variants are named"),
    }
}

/// Whether a row has the identity of a planned run.
pub(crate) fn is_of(row: &RunRow, run: &PlannedRun) -> bool {
    all_differing(row, &row_of_plan(&row.sweep, run)).is_empty()
}

/// A column of the identity in which two rows differ.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) was: Value,
    pub(crate) is: Value,
}

/// Columns of the identity in which two rows differ.
pub(crate) fn all_differing(row: &RunRow, run: &RunRow) -> Vec<Difference> {
    let both = row.values().into_iter().zip(run.values());
    let columns = RunRow::COLUMNS.iter().zip(both);
    columns
        .filter(|(column, (was, is))| column.role.is_identity() && was != is)
        .map(|(column, (was, is))| Difference { name: column.name, role: column.role, was, is })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_model::ModelConfig;
    use isoflop_results::schema::Kind;

    #[test]
    fn halves_fill_columns_of_the_schema_that_are_part_of_the_identity() {
        for model in ModelConfig::examples() {
            for half in model.halves() {
                for (name, fact) in half.columns(&model) {
                    let column = RunRow::COLUMNS.iter().find(|column| column.name == name);
                    let column = column.unwrap_or_else(|| panic!("no column `{name}`"));
                    assert!(matches!(column.role, Role::Identity | Role::Counted), "{name}");
                    let kind = match fact {
                        Fact::Text(_) => Kind::Text,
                        Fact::Integer(_) => Kind::Integer,
                        Fact::Float(_) => Kind::Float,
                    };
                    assert_eq!(column.kind, kind, "{name}");
                }
            }
        }
    }
}
