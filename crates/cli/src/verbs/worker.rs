//! `isoflop worker`: trains open runs; `run` starts these, and so may a person.

use crate::fail;
use crate::output::note;
use crate::place;
use anyhow::{Context, Result};
use isoflop_sweep::supervise::{NO_ROOM, UNABLE};
use isoflop_sweep::worker::{CHECKPOINT_EVERY, Shift, Workplace, work};
use isoflop_sweep::{Place, ResultsFolder, SweepError};
use isoflop_train::BurnTrainer;
use isoflop_train::device::{DeviceChoice, DeviceError, TrainDevice};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Trains open runs of a results folder until none is left that nobody holds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop worker results/quickstart\n\n\
    Any number of these, and of `isoflop run`, may work on one folder at once, on this machine or \
    on any that shares it. `isoflop run` alone fits the laws and writes the report.")]
pub(crate) struct Args {
    /// The results folder that `isoflop run` made.
    results_dir: PathBuf,
    /// Where to train: cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray. As the sweep
    /// was trained last where this is left out.
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,
    /// End when stdin closes, that is when the parent dies or says so.
    #[arg(long, hide = true)]
    supervised: bool,
}

/// As a shell reports a process ended by SIGINT.
pub(crate) const STOPPED: u8 = 130;

/// How long a worker may take to keep the state of its run.
const FAREWELL: Duration = Duration::from_secs(4);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let lacks = |error: &anyhow::Error| {
        let sweep = error.downcast_ref::<SweepError>();
        error.is::<DeviceError>() || sweep.is_some_and(SweepError::is_lack)
    };
    match train(args) {
        Err(error) if args.supervised && lacks(&error) => {
            fail::report(&error);
            Ok(ExitCode::from(UNABLE))
        }
        result => result,
    }
}

fn train(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(std::path::absolute(&args.results_dir)?);
    let plan = folder.plan()?;
    let place = Place::of(&folder);
    // Paths of texts and tokenizers are relative to the folder in which `isoflop run` was started.
    if let Some(place) = &place
        && place.folder.is_dir()
    {
        std::env::set_current_dir(&place.folder)
            .with_context(|| format!("{}: cannot be entered", place.folder.display()))?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    match args.supervised {
        true => end_with_parent(stop.clone()),
        false => ctrlc::set_handler({
            let stop = stop.clone();
            move || say_goodbye(&stop)
        })?,
    }
    let choice = args.device.or_else(|| place::kept(&folder));
    let device = TrainDevice::open(choice.unwrap_or(DeviceChoice::Cpu))?;
    let mut trainer = BurnTrainer::on(device).keeping_models(folder.models_path());
    if let Some(place) = place {
        trainer = trainer.with_cache(place.cache);
    }
    let place = Workplace {
        clock: &|| jiff::Timestamp::now().to_string(),
        stop: &stop,
        checkpoint_every: CHECKPOINT_EVERY,
    };
    Ok(match work(&folder, &plan, &mut trainer, &place)? {
        Shift::Done => ExitCode::SUCCESS,
        Shift::Stopped => ExitCode::from(STOPPED),
        Shift::NoRoom(what) => {
            note(&what);
            ExitCode::from(if args.supervised { NO_ROOM } else { STOPPED })
        }
    })
}

/// The parent holds the other end of stdin and never writes: the end of it is the parent's end,
/// or its word to stop.
fn end_with_parent(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
        say_goodbye(&stop);
    });
}

/// Lets the run keep its state; a step that takes longer than [`FAREWELL`] is not waited for.
fn say_goodbye(stop: &AtomicBool) {
    stop.store(true, Ordering::Release);
    std::thread::sleep(FAREWELL);
    std::process::exit(i32::from(STOPPED));
}
