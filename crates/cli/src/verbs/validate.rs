//! `isoflop validate`: trains the runs of sealed forecasts and scores what was said of them.

use crate::deadline::Deadline;
use crate::forecast_text;
use crate::output::{note, print, print_json};
use crate::terminal::{Terminal, with_lab};
use anyhow::Result;
use isoflop_fit::LEVEL;
use isoflop_lab::jobs::Jobs;
use isoflop_lab::ledger::ledger;
use isoflop_lab::places::Places;
use isoflop_lab::validate::{Question, Validated, validate};
use isoflop_results::Status;
use isoflop_sweep::ResultsFolder;
use isoflop_sweep::supervise::Outcome;
use isoflop_sweep::workers::local::STOPPED;
use isoflop_train::device::DeviceChoice;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

/// Trains the runs of sealed forecasts and scores what was said of them.
///
/// The runs join the plan of the folder with the role `validation`: they are claimed, resumed and recorded as
/// those of the sweep are, have a row, and enter no fit unless `--with-validation` of fit or report asks for them.
/// The same command again resumes, and when all is trained it scores alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop validate results/quickstart\n  \
    isoflop validate results/quickstart --json\n  \
    isoflop validate --ledger results      # how often 90 % intervals held, over all sweeps\n\n\
    An error is predicted over measured loss, less one: positive where the forecast was too high.")]
pub(crate) struct Args {
    /// Results folder of a sweep; with --ledger the folder of all results.
    #[arg(value_name = "RESULTS_DIR")]
    results_dir: PathBuf,
    /// Count how often intervals held over all results folders in a folder, and train nothing.
    #[arg(long)]
    ledger: bool,
    /// Number of worker processes, one core each, or auto.
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    jobs: Jobs,
    /// Stop at this moment or after this much time: 07:00, '2031-05-05 07:00' or 8h.
    #[arg(long, value_name = "WHEN|TIME")]
    deadline: Option<Deadline>,
    /// Device to train on: auto, cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray.
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.ledger {
        let ledger = ledger(&Terminal::default(), &args.results_dir)?;
        match args.json {
            true => print_json(&json!({ "level": LEVEL, "ledger": ledger }))?,
            false => print(&forecast_text::ledger(&ledger))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    // Workers are told the folder by this path wherever they run.
    let folder = ResultsFolder::at(args.results_dir.clone());
    let validated = with_lab(|lab| {
        let places = Places::of(lab.notice, args.device, &folder)?;
        if let Some(deadline) = &args.deadline {
            note(&deadline.in_words(&jiff::Zoned::now()));
        }
        let deadline = args.deadline.as_ref().map(SystemTime::from);
        Ok(validate(lab, &Question { folder: &folder, jobs: args.jobs, deadline, places })?)
    })?;
    validated.void.iter().for_each(|line| note(&format!("warning: {line}")));
    match args.json {
        true => print_json(&json!({ "level": LEVEL, "forecasts": validated.scores }))?,
        false => print(&forecast_text::scores(&folder, &validated.scores))?,
    }
    Ok(ending(&validated))
}

/// Says how training ended where that was not to its end.
fn ending(validated: &Validated) -> ExitCode {
    let runs = || validated.scores.iter().flat_map(|score| &score.runs);
    let open = runs().filter(|run| run.status.is_none()).count();
    let failed = runs().filter(|run| run.status == Some(Status::Failed)).count();
    let (what, code) = match &validated.outcome {
        None | Some(Outcome::Complete) if failed == 0 => return ExitCode::SUCCESS,
        None | Some(Outcome::Complete) => {
            note(&format!("{failed} runs failed; the same command tries them once more"));
            return ExitCode::from(1);
        }
        Some(Outcome::Stopped) => ("stopped", STOPPED),
        Some(Outcome::Deadline) => ("deadline", STOPPED),
        Some(Outcome::NoRoom) => ("stopped: the disk is full", STOPPED),
        Some(Outcome::TooManyFailures(_)) => ("stopped: too many runs failed", 1),
    };
    note(&format!("{what}, with {open} runs open; the same command resumes"));
    ExitCode::from(code)
}
