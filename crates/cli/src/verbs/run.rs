//! `isoflop run`: trains a sweep to its end. The same command again resumes it.

use crate::deadline::Deadline;
use crate::output::{note, print};
use crate::terminal::with_lab;
use anyhow::Result;
use isoflop_lab::jobs::Jobs;
use isoflop_lab::places::Places;
use isoflop_lab::plan;
use isoflop_lab::run::{self, End, Morning, Night, Request};
use isoflop_lab::words::{clock, shell_word};
use isoflop_report::Provenance;
use isoflop_results::Status;
use isoflop_sweep::folder::Records;
use isoflop_sweep::supervise::Outcome;
use isoflop_sweep::workers::local::STOPPED;
use isoflop_sweep::{Plan, ResultsFolder, Sweep};
use isoflop_train::device::DeviceChoice;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

/// Trains every run of a sweep that is not done yet, fits the laws and writes the report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop run sweeps/quickstart.toml\n\n\
    The same command again trains only what is missing. Results go to DIR/<name of the sweep>.")]
pub(crate) struct Args {
    /// Sweep file.
    sweep: PathBuf,
    /// Number of worker processes, one core each. `auto` takes as many as there are cores and
    /// memory for; on a GPU, as many as make the sweep faster.
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    jobs: Jobs,
    /// Stop at this moment or after this much time, and report the runs that are done: 07:00, 'fri
    /// 07:00', '2031-05-05 07:00', 07:00+01:00 or 8h.
    #[arg(long, value_name = "WHEN|TIME")]
    deadline: Option<Deadline>,
    /// Device to train on: auto, cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray.
    /// `auto` prices the sweep on the processor and on every GPU, takes the fastest and stays with
    /// it.
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Recompute the budgets of a plan given as a time, such as `time = "8h"`, and the sizes of
    /// `sizes = "auto"`, instead of keeping those chosen earlier.
    #[arg(long)]
    replan: bool,
    /// Folder of all results; those of this sweep are in DIR/<name>.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Folder of all reports; that of this sweep is DIR/<name>.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let sweep = Sweep::read(&args.sweep)?;
    let started = Instant::now();
    let Night { end, morning } = with_lab(|lab| {
        let folder = plan::folder(&sweep, &args.results);
        let places = Places::of(lab.notice, args.device, &folder)?;
        if let Some(deadline) = &args.deadline {
            note(&deadline.in_words(&jiff::Zoned::now()));
        }
        let request = Request {
            sweep,
            jobs: args.jobs,
            deadline: args.deadline.as_ref().map(SystemTime::from),
            places,
            replan: args.replan,
            results: args.results.clone(),
            reports: args.reports.clone(),
        };
        Ok(run::run(lab, &request)?)
    })?;
    if let Some(morning) = &morning {
        print(&in_words(morning))?;
    }
    Ok(match end {
        End::Trained { outcome: Outcome::Complete, records, .. } => {
            note(&format!("{} in {}", ending(&records), clock(started.elapsed())));
            match records.failed.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(1),
            }
        }
        End::Trained { outcome, folder, plan, records } => {
            stopped(&outcome, &folder, &plan, &records)
        }
        End::Untuned { folder, stage, open } => untuned(&folder, &stage, &open),
    })
}

/// Says why a sweep was not finished and what to do.
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

/// Says which trials failed; a learning rate is chosen from all of its trials or not at all.
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

/// Columns of the short answer.
const COLUMNS: usize = 100;

/// The short answer, and where to read more.
fn in_words(morning: &Morning) -> String {
    let Morning { folder, fits, page, source } = morning;
    let answer = isoflop_report::summary(&source.report(Provenance::default()), COLUMNS);
    let folder = shell(folder.root());
    let laws = match fits.fits.len() {
        0 => "none fitted".to_owned(),
        laws => format!("{laws} fitted"),
    };
    format!(
        "{answer}laws: {laws}; isoflop fit {folder} --details, isoflop report {folder} --terminal\n\
         report: {}",
        page.display()
    )
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
