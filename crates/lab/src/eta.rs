//! When a sweep that others train will be done.

use crate::prices::Prices;
use crate::words::span;
use crate::{LabError, calibration, places};
use isoflop_results::RunRow;
use isoflop_results::spent::flops_executed;
use isoflop_sweep::folder::Records;
use isoflop_sweep::forecast::{Forecast, Price, Standing};
use isoflop_sweep::lease::Lease;
use isoflop_sweep::workers::slurm::Kept;
use isoflop_sweep::{Plan, ResultsFolder};
use isoflop_train::device::DeviceChoice;
use std::time::Duration;

/// The time until the last run ends, with as many workers as there are; nothing where none works. Where
/// this machine's speed has not been measured, that of the runs that have ended stands in.
///
/// # Errors
/// The folder cannot be read.
pub fn time_left(
    folder: &ResultsFolder,
    plan: &Plan,
    leases: &[Lease],
    records: &Records,
) -> Result<Option<Duration>, LabError> {
    if leases.is_empty() {
        return Ok(None);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let on_processor = places::kept(folder).is_none_or(|device| device == DeviceChoice::Cpu);
    let known = match (of_nodes(folder, plan), on_processor) {
        (Some(prices), _) => Some(prices),
        (None, true) => calibration::known_prices(plan, cores),
        (None, false) => None,
    };
    let (prices, unit) = match known {
        Some(seconds) => (Prices::Seconds(seconds), 1.0),
        None => {
            let rows: Vec<RunRow> = records.done.iter().map(|r| r.row.clone()).collect();
            let Some(pace) = seconds_per_flop(plan, &rows, leases) else {
                return Ok(None);
            };
            (Prices::flops(plan), pace)
        }
    };
    let standing = Standing::of(folder, plan, leases)?;
    let forecast = Forecast::of(plan, prices.all(), &standing, leases.len());
    Ok(Some(span(forecast.finish * unit)))
}

/// Prices on the nodes of a cluster, where a sweep was submitted to one.
fn of_nodes(folder: &ResultsFolder, plan: &Plan) -> Option<Vec<Price>> {
    let known = Kept::of(folder).prices()?.prices;
    plan.runs().iter().map(|run| known.get(run.id()).copied()).collect()
}

/// Seconds of one worker to a FLOP, by the runs that have ended here, or before the first has by
/// what those at work are doing.
fn seconds_per_flop(plan: &Plan, ended: &[RunRow], leases: &[Lease]) -> Option<f64> {
    let flops = flops_executed(ended);
    let seconds: f64 = ended.iter().map(|row| row.wall_time_s).sum();
    if flops > 0.0 && seconds > 0.0 {
        return Some(seconds / flops);
    }
    let paces: Vec<f64> = leases
        .iter()
        .filter_map(|lease| {
            let tokens_per_s = lease.progress.tokens_per_s.filter(|speed| *speed > 0.0)?;
            let run = plan.run(&lease.run_id)?;
            Some(run.tokens().0 / run.c_exact().0 / tokens_per_s)
        })
        .collect();
    (!paces.is_empty()).then(|| paces.iter().sum::<f64>() / paces.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_results::DataRecord;
    use isoflop_sweep::{DataFacts, PlanContext, PlannedRun, Sweep};
    use std::path::Path;

    fn plan() -> Plan {
        let source = "name = \"t\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = [\"3k\"]\n\
                      [plan]\ngrid = { tokens = [\"100k\", \"300k\", \"1M\"] }\n";
        let sweep = Sweep::parse(Path::new("t.toml"), source.to_owned()).unwrap();
        let record = DataRecord {
            corpus: "any@1".to_owned(),
            data_digest: "0".repeat(16),
            vocab_size: 256,
            train_tokens: 1_000_000,
            test_tokens: 1000,
            tokenizer: "bytes".to_owned(),
            ..DataRecord::default()
        };
        let mut context = PlanContext {
            facts: &mut |_| Ok(DataFacts::of(record.clone())),
            numerics_version: |_| 1,
            memory_bytes: 1 << 34,
            tuned: None,
            history: None,
            with_waiting: true,
        };
        Plan::build(&sweep, &mut context).unwrap()
    }

    /// Rows of a worker that takes a second for 1e9 FLOPs; the longest run trained the trunk.
    fn rows(plan: &Plan) -> Vec<RunRow> {
        let trained =
            |run: &PlannedRun, steps: u64| run.c_exact().0 * steps as f64 / run.steps() as f64;
        let longest = plan.runs().iter().map(PlannedRun::branch_step).max();
        plan.runs()
            .iter()
            .map(|run| {
                let mut row = isoflop_sweep::row::row_of_plan("t", run);
                row.status = isoflop_results::Status::Finished;
                row.flops_spent = trained(run, run.config.recipe.schedule.decay);
                let here = match Some(run.branch_step()) == longest {
                    true => run.steps(),
                    false => run.config.recipe.schedule.decay,
                };
                row.wall_time_s = trained(run, here) / 1e9;
                row
            })
            .collect()
    }

    #[test]
    fn the_pace_of_a_sweep_with_trunks_is_that_of_its_workers() {
        let plan = plan();
        let pace = seconds_per_flop(&plan, &rows(&plan), &[]).unwrap();
        assert!((pace * 1e9 - 1.0).abs() < 1e-9, "{pace}");
        assert_eq!(seconds_per_flop(&plan, &[], &[]), None);
    }
}
