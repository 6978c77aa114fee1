//! `isoflop status`: the progress of a sweep.

use crate::output::{print, print_json};
use crate::progress::describe;
use crate::tables::table;
use crate::terminal::Terminal;
use crate::trust::TrustArg;
use anyhow::Result;
use isoflop_core::units::scientific;
use isoflop_lab::Notice;
use isoflop_lab::eta::time_left;
use isoflop_lab::submit::fleet;
use isoflop_lab::words::clock;
use isoflop_results::{RunRow, Status};
use isoflop_sweep::folder::Records;
use isoflop_sweep::lease::Lease;
use isoflop_sweep::leases::live_leases;
use isoflop_sweep::{Plan, ResultsFolder, RunRole};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Shows every run of a sweep: done, failed, running or waiting.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop status results/quickstart")]
pub(crate) struct Args {
    /// Results folder of a sweep.
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
    let terminal = Terminal::default();
    records.remark.iter().for_each(|remark| terminal.remark(remark));
    let leases = live_leases(&folder, &plan.work_order())?;
    let left = time_left(&folder, &plan, &leases, &records)?;
    let fleet = fleet(&folder, &plan)?;
    match args.json {
        true => {
            let mut json = as_json(&plan, &records, &leases, left);
            json["slurm"] = json!(fleet);
            print_json(&json)?;
        }
        false => {
            let mut text = as_text(&plan, &records, &leases, left);
            if let Some(fleet) = &fleet {
                let ended = records.done.len() + records.failed.len();
                text.push_str(&format!("\n{}", fleet.in_words(plan.runs().len() - ended)));
            }
            print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The progress of a sweep in words, such as `12 of 28 runs ended (1 failed), 2 running, ETA 3 min
/// 10 s`.
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

/// State of one run.
#[derive(Clone, Copy)]
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
    let all = records.done.iter().chain(&records.failed);
    let ended = all.map(|record| (record.row.run_id.as_str(), State::Ended(&record.row)));
    let running = leases.iter().map(|lease| (lease.run_id.as_str(), State::Running(lease)));
    let states: HashMap<&str, State<'_>> = ended.chain(running).collect();
    let state = |id| states.get(id).copied().unwrap_or(State::Waiting);
    plan.runs().iter().map(|run| (run.id(), state(run.id()))).collect()
}

fn as_text(plan: &Plan, records: &Records, leases: &[Lease], left: Option<Duration>) -> String {
    let states = states(plan, records, leases);
    let validation = plan.runs().iter().filter(|run| run.role == RunRole::Validation);
    let validation: HashSet<&str> = validation.map(|run| run.id()).collect();
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
            let is_validation = validation.contains(id);
            let what = if is_validation { format!("{what} (validation)") } else { what };
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
    let waiting: Vec<String> = plan.waiting().map(|of| scientific(of.budget)).collect();
    if !waiting.is_empty() {
        text.push_str(&format!(
            "; then budgets {}, whose sizes wait for these",
            waiting.join(", ")
        ));
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
        "waiting": plan.waiting().collect::<Vec<_>>(),
        "eta_s": left.map(|left| left.as_secs_f64()),
    })
}
