//! `isoflop status`: where a sweep stands.

use crate::calibration;
use crate::output::{print, print_json};
use crate::place;
use crate::progress::{Prices, clock, describe, span};
use crate::source::{TrustArg, say_once};
use crate::tables::table;
use anyhow::Result;
use isoflop_results::spent::flops_executed;
use isoflop_results::{RunRow, Status};
use isoflop_sweep::folder::Records;
use isoflop_sweep::forecast::{Forecast, Standing};
use isoflop_sweep::lease::Lease;
use isoflop_sweep::leases::live_leases;
use isoflop_sweep::{Plan, ResultsFolder};
use isoflop_train::device::DeviceChoice;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Shows every run of a sweep: done, failed, running, waiting.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop status results/quickstart")]
pub(crate) struct Args {
    /// The results folder of a sweep.
    results_dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    trust: TrustArg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(args.results_dir.clone());
    let plan = folder.plan()?;
    let records = folder.peek_with(&plan, args.trust.trust())?;
    say_once(records.remark.as_deref());
    let leases = live_leases(&folder, &plan.work_order())?;
    let left = time_left(&folder, &plan, &leases, &records)?;
    match args.json {
        true => print_json(&as_json(&plan, &records, &leases, left))?,
        false => print(&as_text(&plan, &records, &leases, left))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `12 of 28 runs ended (1 failed), 2 running, ETA 3 min 10 s`.
pub(crate) fn standing_in_words(
    folder: &ResultsFolder,
    plan: &Plan,
    records: &Records,
) -> Result<String> {
    let leases = live_leases(folder, &plan.work_order())?;
    let (runs, failed) = (plan.runs().len(), records.failed.len());
    let ended = records.done.len() + failed;
    let mut text = format!("{ended} of {runs} runs ended");
    if failed > 0 {
        text.push_str(&format!(" ({failed} failed)"));
    }
    match leases.len() {
        0 if ended == runs => {}
        0 => text.push_str(", none running"),
        some => text.push_str(&format!(", {some} running")),
    }
    if let Some(left) = time_left(folder, plan, &leases, records)? {
        text.push_str(&format!(", ETA {}", clock(left)));
    }
    Ok(text)
}

/// With as many workers as there are; nothing where none works. Where this machine's speed has not
/// been measured, that of the runs that have ended stands in.
fn time_left(
    folder: &ResultsFolder,
    plan: &Plan,
    leases: &[Lease],
    records: &Records,
) -> Result<Option<Duration>> {
    if leases.is_empty() {
        return Ok(None);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let on_processor = place::kept(folder).is_none_or(|device| device == DeviceChoice::Cpu);
    let known = match on_processor {
        true => calibration::known_prices(plan, cores),
        false => None,
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

/// What one run is doing.
enum State<'a> {
    Ended(&'a RunRow),
    Running(&'a Lease),
    Waiting,
}

fn states<'a>(
    plan: &'a Plan,
    records: &'a Records,
    leases: &'a [Lease],
) -> Vec<(&'a str, State<'a>)> {
    let ended = |id: &str| {
        let mut all = records.done.iter().chain(&records.failed);
        all.find(|record| record.row.run_id == id).map(|record| State::Ended(&record.row))
    };
    let running = |id: &str| leases.iter().find(|lease| lease.run_id == id).map(State::Running);
    plan.runs()
        .iter()
        .map(|run| {
            let id = run.id();
            (id, running(id).or_else(|| ended(id)).unwrap_or(State::Waiting))
        })
        .collect()
}

fn as_text(plan: &Plan, records: &Records, leases: &[Lease], left: Option<Duration>) -> String {
    let states = states(plan, records, leases);
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|(id, state)| {
            let (mark, what) = match state {
                State::Ended(row) => ended_cells(row),
                State::Running(lease) => {
                    let text = describe(lease);
                    ("▶", text.strip_prefix(*id).unwrap_or(&text).trim().to_owned())
                }
                State::Waiting => ("·", "waiting".to_owned()),
            };
            vec![mark.to_owned(), (*id).to_owned(), what]
        })
        .collect();
    let count =
        |wanted: fn(&State<'_>) -> bool| states.iter().filter(|(_, state)| wanted(state)).count();
    let mut text = format!("{}\n\n{}\n\n", plan.name(), table(&["", "run", "state"], &rows));
    text.push_str(&format!(
        "{} of {} ended, {} running, {} waiting",
        count(|state| matches!(state, State::Ended(_))),
        states.len(),
        leases.len(),
        count(|state| matches!(state, State::Waiting)),
    ));
    if let Some(left) = left {
        text.push_str(&format!(", ETA {}", clock(left)));
    }
    if !records.orphaned.is_empty() {
        text.push_str(&format!(
            "; {} earlier runs no longer in the sweep file",
            records.orphaned.len()
        ));
    }
    text
}

fn ended_cells(row: &RunRow) -> (&'static str, String) {
    match (row.status, row.test_loss) {
        (Status::Finished, Some(loss)) => {
            ("✓", format!("test loss {loss:.4} in {:.1} s", row.wall_time_s))
        }
        _ => ("✗", format!("{}: {}", row.status, row.message.as_deref().unwrap_or(""))),
    }
}

fn as_json(plan: &Plan, records: &Records, leases: &[Lease], left: Option<Duration>) -> Value {
    let runs: Vec<Value> = states(plan, records, leases)
        .into_iter()
        .map(|(id, state)| match state {
            State::Ended(row) => json!({
                "run_id": id, "state": row.status, "test_loss": row.test_loss, "message": row.message,
            }),
            State::Running(lease) => json!({
                "run_id": id, "state": "running", "step": lease.progress.step,
                "steps": lease.progress.steps, "train_loss": lease.progress.loss, "pid": lease.owner.pid,
                "host": lease.owner.host, "stage": lease.stage, "tokens_per_s": lease.progress.tokens_per_s,
            }),
            State::Waiting => json!({ "run_id": id, "state": "waiting" }),
        })
        .collect();
    json!({
        "name": plan.name(),
        "runs": runs,
        "orphaned": records.orphaned,
        "eta_s": left.map(|left| left.as_secs_f64()),
    })
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
            numerics_version: 1,
            memory_bytes: 1 << 34,
            tuned: None,
        };
        Plan::build(&sweep, &mut context).unwrap()
    }

    /// Rows of a worker that takes a second for 1e9 FLOPs; the longest run trained the trunk.
    fn rows(plan: &Plan) -> Vec<RunRow> {
        let trained = |run: &PlannedRun, steps: u64| {
            run.c_exact().0 * steps as f64 / run.config.steps.steps as f64
        };
        let longest = plan.runs().iter().map(PlannedRun::branch_step).max();
        plan.runs()
            .iter()
            .map(|run| {
                let mut row = isoflop_sweep::worker::row_of_plan("t", run);
                row.flops_spent = trained(run, run.config.steps.decay);
                let here = match Some(run.branch_step()) == longest {
                    true => run.config.steps.steps,
                    false => run.config.steps.decay,
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
