//! Counts attempts at runs: a run that fails is tried again, and then given up until the next
//! command.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::run::PlannedRun;
use isoflop_results::{FailureKind, RunRecord};

/// Number of attempts at a run within one command. An attempt that ran out of memory does not count
/// as long as fewer windows per forward pass can be tried.
pub const ATTEMPTS: u64 = 2;

/// The number of the next attempt at a run whose latest failure is `failure`, and its windows per
/// forward pass if an earlier attempt determines them; `None` when the run is given up. Running out
/// of memory counts as a failure only if a forward pass had a single window.
pub(crate) fn next_attempt(
    failure: Option<&RunRecord>,
    run: &PlannedRun,
) -> Option<(u64, Option<u64>)> {
    let Some(RunRecord { row, .. }) = failure else {
        return Some((1, None));
    };
    let was = row.micro_batch.clamp(1, run.batch_windows().max(1));
    let short = row.failure_kind() == Some(FailureKind::Memory);
    match short && was > 1 {
        true => Some((row.attempt.saturating_add(1), Some(was / 2))),
        false => (row.attempt < ATTEMPTS).then_some((row.attempt + 1, Some(was))),
    }
}

fn is_given_up(folder: &ResultsFolder, run: &PlannedRun) -> bool {
    let failure = RunRecord::read(&folder.failure_path(run.id())).ok();
    next_attempt(failure.as_ref(), run).is_none()
}

/// Runs of `order` that are neither done nor given up.
///
/// # Errors
/// The folder cannot be read.
pub fn unfinished<'p>(
    folder: &ResultsFolder,
    order: &[&'p PlannedRun],
) -> Result<Vec<&'p PlannedRun>, SweepError> {
    let (done, failed) = (folder.recorded()?, folder.failed()?);
    let open = |run: &&&PlannedRun| {
        !(done.contains(run.id()) || failed.contains(run.id()) && is_given_up(folder, run))
    };
    Ok(order.iter().filter(open).copied().collect())
}

/// Number of runs in `order` that are given up because they failed [`ATTEMPTS`] times.
///
/// # Errors
/// The folder cannot be read.
pub fn given_up(folder: &ResultsFolder, order: &[&PlannedRun]) -> Result<u64, SweepError> {
    let (done, failed) = (folder.recorded()?, folder.failed()?);
    let tried = |run: &&&PlannedRun| failed.contains(run.id()) && !done.contains(run.id());
    Ok(order.iter().filter(tried).filter(|run| is_given_up(folder, run)).count() as u64)
}

/// Lets every run that was given up in an earlier command be tried once more.
///
/// # Errors
/// The folder cannot be read or written.
pub fn allow_retries(folder: &ResultsFolder, failed: &[RunRecord]) -> Result<(), SweepError> {
    for record in failed.iter().filter(|record| record.row.attempt >= ATTEMPTS) {
        let mut again = record.clone();
        again.row.attempt = ATTEMPTS - 1;
        again.write(&folder.failure_path(&record.row.run_id))?;
    }
    Ok(())
}
