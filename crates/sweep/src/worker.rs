//! The loop of a worker process: it claims runs, trains them and writes their records until none is
//! open.

use crate::claim::{Claims, Next, shelf_kind, unfinished};
use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::keeper::{self, RunKeeper};
use crate::lease::Owner;
use crate::memory;
use crate::plan::Plan;
use crate::row::{Attempt, Stopwatch, record};
use crate::run::PlannedRun;
use crate::time_left::TimeLeft;
use crate::trainer::{TrainFailure, Trainer};
use crate::workers::slurm;
use crate::workplace::{Shift, Workplace};
use isoflop_results::RunRow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time after which a worker with nothing to do looks again, or whether it is to stop.
const POLL: Duration = Duration::from_millis(100);

/// Bound on the share of looks in the time of a worker with nothing to do, so that many of them do
/// not wear out a file server: it waits for this many times the duration of a look, up to
/// [`LONGEST_WAIT`].
const LOOK_SHARE: u32 = 20;

/// Longest time after which a worker with nothing to do looks again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Trains open runs one after another.
///
/// # Errors
/// The folder cannot be read or written, or this worker lacks something that training needs, which
/// is checked before the first claim. A run that fails is a record and not an error.
pub fn work(
    folder: &ResultsFolder,
    plan: &Plan,
    trainer: &mut dyn Trainer,
    place: &Workplace<'_>,
) -> Result<Shift, SweepError> {
    work_within(folder, plan, trainer, place, None)
}

/// Trains open runs one after another until a batch system ends the worker: it begins what ends in
/// time, and where nothing does, what is worth being cut.
///
/// # Errors
/// As those of [`work`].
pub fn work_within(
    folder: &ResultsFolder,
    plan: &Plan,
    trainer: &mut dyn Trainer,
    place: &Workplace<'_>,
    life: Option<&TimeLeft>,
) -> Result<Shift, SweepError> {
    match work_on(folder, plan, trainer, place, life) {
        Err(SweepError::Results(error)) if error.is_full_disk() => {
            Ok(Shift::NoRoom(error.to_string()))
        }
        result => result,
    }
}

fn work_on(
    folder: &ResultsFolder,
    plan: &Plan,
    trainer: &mut dyn Trainer,
    place: &Workplace<'_>,
    life: Option<&TimeLeft>,
) -> Result<Shift, SweepError> {
    folder.check_writable()?;
    trainer.check(&unfinished(folder, &plan.work_order())?)?;
    let owner = Owner::current();
    let micro_windows = |run: &PlannedRun| trainer.micro_windows(run);
    let micro_windows = plan.runs().iter().map(micro_windows).collect();
    let mut claims = Claims::new(folder, plan, &owner, &trainer.kind()).with(micro_windows);
    loop {
        if place.stop.load(Ordering::Acquire) {
            return Ok(Shift::Stopped);
        }
        let looked = Instant::now();
        let (run, claim) = match next(folder, &mut claims, life)? {
            Next::Run(run, claim) => (run, claim),
            Next::Nothing => return Ok(Shift::Done),
            Next::Wait => {
                let again =
                    Instant::now() + POLL.max(LONGEST_WAIT.min(looked.elapsed() * LOOK_SHARE));
                while Instant::now() < again && !place.stop.load(Ordering::Acquire) {
                    std::thread::sleep(POLL);
                }
                continue;
            }
        };
        let stopwatch = Stopwatch { started: Instant::now(), started_time: (place.clock)() };
        let log = |what: &str| folder.log(run.id(), &format!("{} {what}", (place.clock)()));
        let (attempt, pid, host) = (claim.attempt(), owner.pid, &owner.host);
        let of = slurm::job_here().map_or(String::new(), |job| format!(", job {job}"));
        log(&format!("attempt {attempt}, process {pid} on {host}{of}"));
        memory::reset_peak();
        let mut keeper = RunKeeper::new(folder, plan, run, &trainer.kind(), &claim, place, &log);
        match trainer.train(run, claim.micro_windows(), &mut keeper) {
            Err(TrainFailure::Stopped) => {
                log(match claim.is_lost() {
                    true => "taken over by another worker",
                    false => "stopped, to be resumed",
                });
                claim.release()?;
            }
            Err(TrainFailure::NoRoom(what)) => {
                log(&what);
                claim.release()?;
                return Ok(Shift::NoRoom(what));
            }
            Err(TrainFailure::Lack(lack)) => {
                log(&format!("given back: {lack}"));
                claim.release()?;
                return Err(lack.into());
            }
            result => {
                let failed = result.is_err();
                let micro_windows = claim.micro_windows();
                let tried = Attempt { number: attempt, micro_windows };
                let mut record = record(plan.name(), run, result, tried, &owner, stopwatch, place);
                if !failed {
                    let peak = trainer.peak_flops_per_s();
                    record.row.mfu = peak.map(|peak| record.row.flops_per_s / peak);
                }
                log(&in_words(&record.row));
                let shelf = shelf_kind(&trainer.kind(), claim.micro_windows());
                if claim.finish(&record, failed)? && !failed {
                    keeper::clear(folder, plan, run, &shelf);
                }
            }
        }
    }
}

/// Claims a run that ends in time, or one to be cut where no other is open.
fn next<'p>(
    folder: &ResultsFolder,
    claims: &mut Claims<'p>,
    life: Option<&TimeLeft>,
) -> Result<Next<'p>, SweepError> {
    let Some(life) = life else {
        return claims.claim();
    };
    let first = claims.claim_of(&|run| life.is_enough_for(folder, run))?;
    match first {
        Next::Run(..) => Ok(first),
        _ if life.is_enough_for_a_part() => claims.claim(),
        // Whatever is waited for would come too late.
        _ if life.left().is_zero() => Ok(Next::Nothing),
        _ => Ok(first),
    }
}

fn in_words(row: &RunRow) -> String {
    match (row.test_loss, &row.message) {
        (Some(loss), _) => format!("{}, test loss {loss:.4}", row.status),
        (None, Some(message)) => format!("{}: {message}", row.status),
        (None, None) => row.status.to_string(),
    }
}
