//! What a worker process does: claim, train, write, until nothing is open.

use crate::claim::claim_next;
use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::{Owner, host_name};
use crate::memory;
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::trainer::{Ending, TrainFailure, Trained, Trainer};
use isoflop_core::{Flops, ParamCount};
use isoflop_results::{RunRecord, RunRow, Status};
use std::time::Instant;

/// Trains open runs one after another; returns when each is done, held or given up.
///
/// # Errors
/// The folder cannot be read or written. A run that fails is a record, not an error.
pub fn work(
    folder: &ResultsFolder,
    plan: &Plan,
    trainer: &mut dyn Trainer,
    clock: &dyn Fn() -> String,
) -> Result<(), SweepError> {
    let owner = Owner::current();
    let order = plan.work_order();
    while let Some((run, claim)) = claim_next(folder, &order, &owner)? {
        let stopwatch = Stopwatch {
            started: Instant::now(),
            started_time: clock(),
        };
        memory::reset_peak();
        let result = trainer.train(run, &mut |progress| claim.progress(progress));
        let failed = result.is_err();
        let record = record(
            plan.name(),
            run,
            result,
            &owner,
            claim.attempt(),
            stopwatch,
            clock(),
        );
        claim.finish(&record, failed)?;
    }
    Ok(())
}

struct Stopwatch {
    started: Instant,
    started_time: String,
}

fn record(
    sweep: &str,
    run: &PlannedRun,
    result: Result<Trained, TrainFailure>,
    owner: &Owner,
    attempt: u64,
    stopwatch: Stopwatch,
    finished_time: String,
) -> RunRecord {
    let mut row = blank_row(sweep, run, attempt);
    row.host = owner.host.clone();
    row.pid = u64::from(owner.pid);
    row.wall_time_s = stopwatch.started.elapsed().as_secs_f64();
    row.started_time = stopwatch.started_time;
    row.finished_time = finished_time;
    row.peak_memory_bytes = memory::peak();
    let trained = match result {
        Ok(trained) => trained,
        Err(failure) => {
            row.message = Some(failure.to_string());
            return RunRecord {
                row,
                curve: Vec::new(),
            };
        }
    };
    let (tokens, flops) = trained
        .curve
        .last()
        .map_or((0, 0.0), |point| (point.tokens, point.flops));
    row.unique_tokens = trained.unique_tokens;
    row.micro_batch = trained.micro_batch;
    row.train_loss = trained.train_loss;
    row.flops_spent = flops;
    let seconds = trained.train_seconds.max(f64::MIN_POSITIVE);
    row.tokens_per_s = tokens as f64 / seconds;
    row.flops_per_s = flops / seconds;
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
        }
        Ending::Diverged { step, reason } => {
            row.status = Status::Diverged;
            row.diverged_step = Some(step);
            row.message = Some(reason);
        }
    }
    RunRecord {
        row,
        curve: trained.curve,
    }
}

/// The record of a run whose worker died over it.
pub fn record_of_death(
    sweep: &str,
    run: &PlannedRun,
    owner: &Owner,
    attempt: u64,
    how: String,
) -> RunRecord {
    let mut row = blank_row(sweep, run, attempt);
    row.host = owner.host.clone();
    row.pid = u64::from(owner.pid);
    row.message = Some(how);
    RunRecord {
        row,
        curve: Vec::new(),
    }
}

/// What the plan knows of a run; a failure until told otherwise.
fn blank_row(sweep: &str, run: &PlannedRun, attempt: u64) -> RunRow {
    let config = &run.config;
    let shape = config.model.shape;
    let params: ParamCount = run.params();
    let (n, d, c) = (run.n(), run.tokens(), run.c_exact());
    let mut row = RunRow {
        run_id: run.id().to_owned(),
        sweep: String::new(),
        series: String::new(),
        status: Status::Failed,
        message: None,
        family: name(&config.family),
        size: String::new(),
        d_model: shape.d_model as u64,
        n_layers: shape.n_layers as u64,
        n_heads: shape.n_heads as u64,
        norm: name(&config.model.norm),
        position: name(&config.model.position),
        vocab_size: config.model.vocab_size as u64,
        context: config.model.context as u64,
        n_non_embedding: n.0 as u64,
        n_total: params.total().0 as u64,
        n_active: params.total().0 as u64,
        corpus: String::new(),
        data_digest: config.data_digest.clone(),
        tokenizer: name(&config.tokenizer),
        tokens: d.0 as u64,
        unique_tokens: 0,
        epochs: run.epochs(),
        tokens_per_param: d.per_param(n),
        steps: config.steps.steps,
        batch_tokens: config.batch_tokens,
        micro_batch: run.micro_windows(),
        flops_budget: None,
        c_6nd: Flops::six_nd(n, d).0,
        c_exact: c.0,
        pf_days: c.pf_days(),
        flops_spent: 0.0,
        schedule: name(&config.schedule),
        learning_rate: config.learning_rate,
        warmup_steps: config.steps.warmup,
        decay_steps: config.steps.decay,
        weight_decay: config.optimizer.weight_decay,
        seed: config.seed,
        test_loss: None,
        test_loss_se: None,
        test_bpb: None,
        test_tokens: 0,
        train_loss: None,
        diverged_step: None,
        wall_time_s: 0.0,
        tokens_per_s: 0.0,
        flops_per_s: 0.0,
        peak_memory_bytes: None,
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
    run.label(sweep, &mut row);
    row
}

/// The name of a unit variant as the sweep file writes it.
fn name(variant: &impl serde::Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("only unit variants are named"),
    }
}
