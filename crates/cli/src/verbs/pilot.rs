//! `isoflop pilot`: what a job of a cluster does on its node.

use crate::output::note;
use crate::signals;
use crate::terminal::with_lab;
use anyhow::Result;
use isoflop_lab::submit::{Submitted, go_on, measure_here};
use isoflop_sweep::ResultsFolder;
use isoflop_sweep::pilot::{Leave, Post, pilot};
use isoflop_sweep::supervise::settle;
use isoflop_sweep::workers::Local;
use isoflop_sweep::workers::local::{Crew, NO_ROOM, STOPPED};
use isoflop_sweep::workers::slurm::{self, Kept, Site, job_here, was_preempted};
use isoflop_train::device::DeviceChoice;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Keeps a worker on each core until nothing is left to train or the time is up.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Results folder that `isoflop submit` made.
    results_dir: PathBuf,
    /// Number of workers.
    #[arg(long)]
    jobs: usize,
    /// Seconds of the pilot's life.
    #[arg(long)]
    lifetime: u64,
    /// Device that the workers train on.
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Measure the speed of this node and end.
    #[arg(long)]
    measure: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(std::path::absolute(&args.results_dir)?);
    if args.measure {
        with_lab(|lab| Ok(measure_here(lab, &folder, args.device, args.jobs)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let kept = Kept::of(&folder);
    kept.make()?;
    let job = job_here().unwrap_or_else(|| format!("process-{}", std::process::id()));
    let whole = staggered(Duration::from_secs(args.lifetime), &job);
    kept.began(&job);
    let begun = SystemTime::now();
    let left = work(args, &folder, &job, begun + whole, whole);
    if !matches!(left, Ok(Leave::Stopped)) {
        kept.ended(&job);
    }
    Ok(ExitCode::from(match left? {
        Leave::Complete => {
            note("every run has ended");
            conclude(&folder)?;
            0
        }
        Leave::Idle => {
            note("nothing is left but what others train");
            0
        }
        Leave::TooManyFailures(count) => {
            let runs = if count == 1 { "run" } else { "runs" };
            note(&format!("{count} {runs} failed; `isoflop submit` tries what failed again"));
            1
        }
        Leave::NoRoom(what) => {
            note(&format!("the disk is full: {what}"));
            NO_ROOM
        }
        // A pilot that could begin nothing when it was young will not when it is young again.
        Leave::Spent if begun.elapsed().unwrap_or_default() < whole / 2 => {
            note("nothing can be begun at present; `isoflop submit` submits what is missing");
            0
        }
        Leave::Spent => {
            note("the time is up, and runs are left");
            STOPPED
        }
        Leave::Stopped => {
            succeed(&kept, &job);
            note("stopped; another pilot goes on");
            STOPPED
        }
    }))
}

/// Works on the plan of a folder, and on what it became in the meantime.
fn work(
    args: &Args,
    folder: &ResultsFolder,
    job: &str,
    until: SystemTime,
    whole: Duration,
) -> Result<Leave> {
    let seconds = until.duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let device = args.device.to_string().replace(':', "-");
    let crew = Crew {
        logs: Kept::of(folder).logs().join(format!("{job}-{device}")),
        until: seconds,
        whole_s: whole.as_secs(),
    };
    let _heeded = signals::heed();
    let mut plan = folder.plan()?;
    loop {
        let program = std::env::current_exe()?;
        let workers = Local::new(folder, program, args.device.to_string());
        let post = Post {
            folder,
            plan: &plan,
            workers: args.jobs.max(1),
            until,
            stop: signals::flag(),
            note: &|line| note(line),
        };
        let left = pilot(&post, &mut workers.of_pilot(crew.clone()))?;
        let now = folder.plan()?;
        match left {
            Leave::Complete | Leave::Idle if now != plan => plan = now,
            _ => return Ok(left),
        }
    }
}

/// A life that is shorter by up to a fifteenth, so that not all pilots of an array end at once.
fn staggered(life: Duration, job: &str) -> Duration {
    const MOST: f64 = 1.0 / 15.0;
    /// The golden ratio spreads consecutive numbers evenly.
    const GOLDEN: f64 = 0.618_033_988_75;
    let task: f64 = job.rsplit('_').next().and_then(|task| task.parse().ok()).unwrap_or(0.0);
    life.mul_f64(1.0 - MOST * (task * GOLDEN).fract())
}

/// What is to be done when a pilot was asked to end. Its job is queued again by itself, or by its
/// script, unless the site forgets what it preempts: then a pilot like it is submitted. One that a
/// person takes back has no successor.
fn succeed(kept: &Kept<'_>, job: &str) {
    if !was_preempted() {
        kept.ended(job);
        return;
    }
    let forgets = Site::ask().is_ok_and(|site| site.forgets_preempted());
    if let (true, false, Some(script)) = (forgets, kept.is_cancelled(), kept.script()) {
        match slurm::submit(&script, &[1]) {
            Ok(jobs) => {
                note(&format!("job {} takes the place of this one", jobs.join(", ")));
                kept.ended(job);
            }
            Err(error) => note(&format!("no pilot takes the place of this one: {error}")),
        }
    }
}

/// Writes the tables of runs that have all ended, and submits what comes next. Pilots of one folder
/// end at the same time, and one of them is enough.
fn conclude(folder: &ResultsFolder) -> Result<()> {
    let Some(_first) = Kept::of(folder).conclusion() else {
        return Ok(());
    };
    let plan = folder.plan()?;
    settle(folder, &plan)?;
    let program = std::env::current_exe()?;
    let submitted = with_lab(|lab| Ok(go_on(lab, folder, &plan, program)?));
    match submitted {
        Ok(Some(Submitted::Pilots(next))) => {
            note(&format!("{}: job {}", next.plan.name(), next.jobs.join(", ")));
            Ok(())
        }
        Ok(_) => Ok(()),
        // The runs are done whatever comes after them.
        Err(error) => {
            note(&format!("what comes next is not submitted: {error:#}"));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_of_an_array_are_spread_over_a_fifteenth_and_no_two_are_equal() {
        let hour = Duration::from_secs(3600);
        let mut lives: Vec<Duration> =
            (0..50).map(|task| staggered(hour, &format!("7_{task}"))).collect();
        lives.sort();
        assert!(lives[0] >= Duration::from_secs(3360) && lives[49] == hour);
        let gaps = lives.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
        assert!(gaps.fold(f64::INFINITY, f64::min) > 1.0);
        assert_eq!(staggered(hour, "process-12"), hour);
    }
}
