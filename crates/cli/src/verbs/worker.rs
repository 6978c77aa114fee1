//! `isoflop worker`: trains open runs. `run` starts workers, and a person may start more.

use crate::fail;
use crate::output::note;
use crate::signals;
use anyhow::{Context, Result};
use isoflop_lab::places;
use isoflop_sweep::time_left::TimeLeft;
use isoflop_sweep::worker::work_within;
use isoflop_sweep::workers::local::{STOPPED, UNABLE, exit_code};
use isoflop_sweep::workers::slurm::Kept;
use isoflop_sweep::workplace::{CHECKPOINT_EVERY, Shift, Workplace};
use isoflop_sweep::{Place, ResultsFolder, SweepError};
use isoflop_train::BurnTrainer;
use isoflop_train::device::{DeviceChoice, DeviceError, TrainDevice};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Trains runs of a results folder until every run is finished or held by another worker.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop worker results/quickstart\n\n\
    Any number of these, and of `isoflop run`, may work on one folder at once, on this machine or \
    on any that shares it. `isoflop run` alone fits the laws and writes the report.")]
pub(crate) struct Args {
    /// Results folder that `isoflop run` made.
    results_dir: PathBuf,
    /// Device to train on: cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray. By default
    /// the device that the sweep was last trained on.
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,
    /// End when stdin closes, that is, when the parent closes it or dies.
    #[arg(long, hide = true)]
    supervised: bool,
    /// Second since 1970 at which the batch system ends this worker's pilot.
    #[arg(long, hide = true, requires = "lifetime")]
    until: Option<u64>,
    /// Seconds of that pilot's life.
    #[arg(long, hide = true, requires = "until")]
    lifetime: Option<u64>,
}

impl Args {
    /// Whether a command started this process.
    pub(crate) fn supervised(&self) -> bool {
        self.supervised
    }
}

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
    if args.supervised {
        signals::end_with_parent();
    }
    let choice = args.device.or_else(|| places::kept(&folder));
    let device = TrainDevice::open(choice.unwrap_or(DeviceChoice::Cpu))?;
    let mut trainer = BurnTrainer::on(device).keeping_models(folder.models_path());
    if let Some(place) = place {
        trainer = trainer.with_cache(place.cache);
    }
    let place = Workplace {
        clock: &|| jiff::Timestamp::now().to_string(),
        stop: signals::flag(),
        checkpoint_every: CHECKPOINT_EVERY,
    };
    let life = args.until.zip(args.lifetime).map(|(until, whole)| {
        let prices = Kept::of(&folder).prices().map(|known| known.prices);
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(until);
        TimeLeft::new(until, Duration::from_secs(whole), prices.unwrap_or_default())
    });
    let _heeded = signals::heed();
    let shift = match work_within(&folder, &plan, &mut trainer, &place, life.as_ref()) {
        // The disk was too full for a lease or a record.
        Err(SweepError::Results(error)) if error.is_full_disk() => Shift::NoRoom(error.to_string()),
        shift => shift?,
    };
    match &shift {
        Shift::Done => {}
        Shift::Stopped => note("stopped; the same command resumes"),
        Shift::NoRoom(what) if args.supervised => note(what),
        Shift::NoRoom(what) => {
            note(&format!(
                "stopped: the disk is full: {what}; make room and run the same command again"
            ));
            return Ok(ExitCode::from(STOPPED));
        }
    }
    Ok(ExitCode::from(exit_code(&shift)))
}
