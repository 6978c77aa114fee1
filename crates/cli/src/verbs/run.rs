//! `isoflop run`: the night. The same command again is the resume.

use crate::analysis;
use crate::calibration;
use crate::deadline::Deadline;
use crate::jobs::Jobs;
use crate::output::{note, print, shell_word};
use crate::place::{self, Places};
use crate::progress::{Prices, SweepProgress, clock};
use crate::signals;
use crate::sweep::{self, Planned, Setting};
use crate::verbs::report;
use anyhow::{Context, Result};
use isoflop_fit::Options;
use isoflop_results::file::write_atomic;
use isoflop_results::{RunRow, Status, seal};
use isoflop_sweep::folder::Records;
use isoflop_sweep::reuse::{Reuse, reuse};
use isoflop_sweep::supervise::{Limits, Outcome, settle, supervise};
use isoflop_sweep::tuning::Tuned;
use isoflop_sweep::workers::Local;
use isoflop_sweep::workers::local::STOPPED;
use isoflop_sweep::{Place, Plan, ResultsFolder, Sweep};
use isoflop_train::device::{DeviceChoice, Found};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

/// Trains every run of a sweep that is not done yet, fits the laws and writes the report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop run sweeps/quickstart.toml\n\n\
    The same command again trains only what is missing. Results go to DIR/<name of the sweep>.")]
pub(crate) struct Args {
    /// The sweep file.
    sweep: PathBuf,
    /// Worker processes, one core each; `auto` takes as many as there are cores and memory for, on
    /// a GPU as many as make the sweep faster.
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    jobs: Jobs,
    /// Stop at this moment, or at the end of this much time, with a report of what there is: 07:00,
    /// 'fri 07:00', '2031-05-05 07:00', 07:00+01:00 or 8h.
    #[arg(long, value_name = "WHEN|TIME")]
    deadline: Option<Deadline>,
    /// Where to train: auto, cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray. `auto`
    /// prices the sweep on the processor and on every GPU, takes the faster and stays with it.
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Choose the budgets of a plan given as a time anew.
    #[arg(long)]
    replan: bool,
    /// Folder of all results; this sweep's are in DIR/<name>.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Folder of all reports; this sweep's is in DIR/<name>.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
}

/// FLOPs of a sweep from which its speed is measured before it starts, for an honest ETA from the
/// first second: a minute or so.
const WORTH_MEASURING: f64 = 3e12;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let places = Places::of(args.device, &sweep::folder(&args.sweep, &args.results)?)?;
    let setting =
        Setting { results: &args.results, jobs: args.jobs, places: &places, replan: args.replan };
    let started = Instant::now();
    if let Some(deadline) = &args.deadline {
        note(&deadline.in_words(&jiff::Zoned::now()));
    }
    let mut planned = sweep::plan(&args.sweep, &setting)?;
    if let Some(stage) = planned.stage {
        note("first, the learning rate of every size:");
        let folder = ResultsFolder::at(args.results.join(stage.name()));
        adopt(&folder, &stage, &planned.sweep)?;
        let outcome = train(&folder, &stage, args, &places)?;
        let records = settle(&folder, &stage)?;
        if outcome != Outcome::Complete {
            return Ok(stopped(&outcome, &folder, &stage, &records));
        }
        match Tuned::of(&stage, &records.done) {
            Ok(tuned) => tell(&stage, &tuned),
            Err(open) => return Ok(untuned(&folder, &stage, &open)),
        }
        planned = sweep::plan(&args.sweep, &setting)?;
    }
    if let Some((stage, tuned)) = &planned.tuned {
        keep_rates(&ResultsFolder::at(args.results.join(stage.name())), stage, tuned)?;
    }
    let Planned { sweep, plan, .. } = planned;
    let folder = ResultsFolder::at(args.results.join(plan.name()));
    adopt(&folder, &plan, &sweep)?;
    let outcome = train(&folder, &plan, args, &places)?;
    let records = settle(&folder, &plan)?;
    if matches!(outcome, Outcome::Complete | Outcome::Deadline) {
        conclude(args, &folder, &records)?;
    }
    if outcome != Outcome::Complete {
        return Ok(stopped(&outcome, &folder, &plan, &records));
    }
    note(&format!("{} in {}", ending(&records), clock(started.elapsed())));
    Ok(match records.failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    })
}

/// Makes a results folder that of a plan, with what a worker elsewhere needs to find its texts.
fn adopt(folder: &ResultsFolder, plan: &Plan, sweep: &Sweep) -> Result<()> {
    folder.adopt(plan, sweep.source())?;
    let cache = isoflop_data::Places::of_this_machine()?.cache;
    Ok(Place::here(plan, &cache)?.keep(folder)?)
}

/// Says why a sweep did not come to its end, and what to do.
fn stopped(outcome: &Outcome, folder: &ResultsFolder, plan: &Plan, records: &Records) -> ExitCode {
    let open = plan.runs().len() - records.done.len() - records.failed.len();
    let code = match outcome {
        Outcome::TooManyFailures(_) => 1,
        _ => STOPPED,
    };
    note(&match outcome {
        Outcome::Complete | Outcome::Stopped => {
            format!("stopped with {open} runs open; the same command resumes")
        }
        Outcome::Deadline => {
            format!("deadline: {}, {open} runs open; the same command resumes", ending(records))
        }
        Outcome::NoRoom => format!(
            "stopped: the disk is full, {open} runs open; make room and run the same command again"
        ),
        Outcome::TooManyFailures(count) => format!(
            "stopped: {count} runs failed (max_failures = {}), {open} runs open; `isoflop logs {} RUN` \
             says why, the same command resumes",
            plan.max_failures(),
            folder.root().display()
        ),
    });
    ExitCode::from(code)
}

/// Says which trials failed. A learning rate is chosen from all of its trials or not at all.
fn untuned(folder: &ResultsFolder, stage: &Plan, open: &[String]) -> ExitCode {
    note(&format!(
        "stopped: {} of {} trials of learning rates failed ({}), and no rate is chosen without them; \
         `isoflop logs {} RUN` says why, the same command tries them again",
        open.len(),
        stage.runs().len(),
        open.join(", "),
        folder.root().display()
    ));
    ExitCode::from(1)
}

/// Writes what a stage found, also where the command that trained its last trial died before it could.
/// A folder that came without records keeps the files that it has.
fn keep_rates(folder: &ResultsFolder, stage: &Plan, tuned: &Tuned) -> Result<()> {
    if folder.records(stage)?.done.len() == stage.runs().len() {
        settle(folder, stage)?;
        let json = serde_json::to_string_pretty(tuned)?;
        write_atomic(&folder.root().join("tuning.json"), json.as_bytes())?;
    }
    Ok(())
}

/// Tells what a stage found.
fn tell(stage: &Plan, tuned: &Tuned) {
    for size in tuned.untuned(stage) {
        note(&format!("warning: {size}: every trial diverged; its rate is the rule's"));
    }
    for found in &tuned.rates {
        let trials: Vec<String> = found
            .trials
            .iter()
            .map(|(rate, loss)| match loss {
                Some(loss) => format!("{rate}: {loss:.3}"),
                None => format!("{rate}: none"),
            })
            .collect();
        let of = match found.series.as_str() {
            "" => String::new(),
            series => format!(" ({series})"),
        };
        note(&format!(
            "{}{of}: rate {} of test losses {}",
            found.size,
            found.rate,
            trials.join(", ")
        ));
        if found.at_edge {
            note(&format!(
                "warning: {}{of}: the best rate is at an edge of those tried; raise `rates` or `factor`",
                found.size
            ));
        }
    }
}

fn train(folder: &ResultsFolder, plan: &Plan, args: &Args, places: &Places) -> Result<Outcome> {
    let before = folder.records(plan)?;
    let open = plan.runs().len() - before.done.len();
    note_left_out(&reuse(plan, folder)?, args);
    if open == 0 {
        note(&format!("nothing to train: all {} runs are done", plan.runs().len()));
        return Ok(Outcome::Complete);
    }
    let (found, workers, prices) = match places.only_processor() {
        Some(found) if plan.flops().0 < WORTH_MEASURING => {
            (found.clone(), args.jobs.resolve(plan), Prices::flops(plan))
        }
        _ => match (places.settle(plan, args.jobs, false), places.only()) {
            (Ok(settled), _) => {
                if settled.found.is_adapter() {
                    note(&settled.in_words());
                }
                (settled.found, settled.jobs, Prices::Seconds(settled.prices))
            }
            // Memory that is too small for a whole batch, say, is for the runs to find out.
            (Err(error), Some(found)) if found.is_adapter() => {
                note(&format!("warning: {error:#}; going on without"));
                let jobs = match args.jobs {
                    Jobs::Given(jobs) => jobs,
                    Jobs::Auto => 1,
                };
                (found.clone(), jobs, Prices::flops(plan))
            }
            (Err(error), _) => return Err(error),
        },
    };
    place::keep(folder, &found)?;
    let jobs = workers.min(open);
    let on = match found.choice {
        DeviceChoice::Cpu => String::new(),
        choice => format!(" on {choice}"),
    };
    note(&format!(
        "{}: {open} runs to train, {} done already, {jobs} worker processes{on}, results in {}",
        plan.name(),
        before.done.len(),
        folder.root().display()
    ));
    let mut progress = SweepProgress::new(plan, folder, jobs, prices, before.done.len());
    let program = std::env::current_exe()?;
    let mut workers = Local::new(folder, program, found.choice.to_string());
    let _heeded = signals::heed();
    let outcome = supervise(
        folder,
        plan,
        Limits { jobs, deadline: args.deadline.as_ref().map(SystemTime::from) },
        &mut workers,
        &mut progress,
        signals::flag(),
    )?;
    learn(folder, plan, &before, &found, jobs)?;
    // The request may come with the end of the last run: what follows would not heed it.
    Ok(match outcome {
        Outcome::Complete if signals::asked() => Outcome::Stopped,
        outcome => outcome,
    })
}

/// Takes the speeds of the runs that this command has trained for the prices of the next.
fn learn(
    folder: &ResultsFolder,
    plan: &Plan,
    before: &Records,
    found: &Found,
    jobs: usize,
) -> Result<()> {
    let known: HashSet<&str> = before.done.iter().map(|r| r.row.run_id.as_str()).collect();
    let mut rows: Vec<RunRow> = folder.records(plan)?.done.into_iter().map(|r| r.row).collect();
    rows.retain(|row| !known.contains(row.run_id.as_str()));
    calibration::learn(plan, found, jobs, &rows);
    Ok(())
}

/// Names the runs that the folder holds and the sweep no longer does, by what sets them apart.
fn note_left_out(reuse: &Reuse, args: &Args) {
    const MOST: usize = 3;
    let reasons = reuse.reasons();
    let runs = |count| match count {
        1 => "1 earlier run is".to_owned(),
        _ => format!("{count} earlier runs are"),
    };
    for (why, count) in reasons.iter().take(MOST) {
        note(&format!("{} kept and left out, no longer in the sweep: {why}", runs(*count)));
    }
    let others: usize = reasons.iter().skip(MOST).map(|(_, count)| count).sum();
    if others > 0 {
        note(&format!(
            "{} left out for other reasons; `isoflop plan {}` names them",
            runs(others),
            shell(&args.sweep)
        ));
    }
}

/// Fits what there is and writes the report.
fn conclude(args: &Args, folder: &ResultsFolder, records: &Records) -> Result<()> {
    let rows: Vec<RunRow> =
        records.done.iter().chain(&records.failed).map(|r| r.row.clone()).collect();
    let finished = rows.iter().any(|row| row.status == Status::Finished);
    let options = Options::default();
    note(&match finished {
        true => format!("fitting laws, {} replicates each", options.bootstrap),
        false => "no run has finished, so there is nothing to fit".to_owned(),
    });
    if rows.is_empty() {
        return Ok(());
    }
    let fits = analysis::fits(&folder.runs_path(), &rows, &options)?;
    write_atomic(&folder.fits_path(), seal::sealed(&fits).as_bytes())?;
    let command = format!("isoflop run {}", shell(&args.sweep));
    let (page, verdict) = report::write(folder, &fits, &args.reports, vec![command])
        .context("cannot write the report")?;
    let count = match fits.fits.len() {
        0 => "none".to_owned(),
        laws => laws.to_string(),
    };
    let laws = format!("laws: {count} fitted; isoflop fit {}\n", shell(folder.root()));
    print(&format!("{}\n\n{laws}report: {}", verdict.trim_end(), page.display()))
}

fn shell(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

fn ending(records: &Records) -> String {
    let of = |status: Status| records.done.iter().filter(|r| r.row.status == status).count();
    let mut parts = vec![format!("{} finished", of(Status::Finished))];
    if of(Status::Diverged) > 0 {
        parts.push(format!("{} diverged (left out of every fit)", of(Status::Diverged)));
    }
    if !records.failed.is_empty() {
        parts.push(format!(
            "{} failed (the same command tries them once more)",
            records.failed.len()
        ));
    }
    parts.join(", ")
}
