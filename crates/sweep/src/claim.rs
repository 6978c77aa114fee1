//! Taking a run so that nobody else trains it.
//!
//! All changes of leases happen under one file lock, which the system releases when its holder
//! dies; within it a claim is: no record, no live lease, write mine.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::{EXPIRY, HEARTBEAT, Lease, Owner};
use crate::run::PlannedRun;
use crate::trainer::Progress;
use isoflop_results::RunRecord;
use isoflop_results::file::{clear_unfinished, write_atomic};
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Attempts at a run within one command.
pub const ATTEMPTS: u64 = 2;

/// How long a lease of a dead process of this host is left to its supervisor, which records the
/// death, before a fellow worker takes the run over.
pub const BURIAL: Duration = Duration::from_secs(5);

/// A run that is this process's until dropped; a thread keeps its lease warm.
#[derive(Debug)]
pub struct Claim {
    folder: ResultsFolder,
    lease: Arc<Mutex<Lease>>,
    lost: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    heart: Option<JoinHandle<()>>,
}

/// Claims the first open run of `order`; `None` when each is done or held.
///
/// # Errors
/// The folder cannot be read or written.
pub fn claim_next<'p>(
    folder: &ResultsFolder,
    order: &[&'p PlannedRun],
    owner: &Owner,
) -> Result<Option<(&'p PlannedRun, Claim)>, SweepError> {
    let _lock = lock(folder)?;
    for run in order {
        let Some(attempt) = open_attempt(folder, run.id())? else {
            continue;
        };
        let lease = Lease {
            run_id: run.id().to_owned(),
            owner: owner.clone(),
            attempt,
            progress: Progress {
                step: 0,
                steps: run.config.steps.steps,
                loss: None,
            },
        };
        write_lease(folder, &lease)?;
        return Ok(Some((run, Claim::start(folder.clone(), lease))));
    }
    Ok(None)
}

/// Whether some run of `order` is neither done nor given up.
///
/// # Errors
/// The folder cannot be read.
pub fn any_unfinished(folder: &ResultsFolder, order: &[&PlannedRun]) -> Result<bool, SweepError> {
    for run in order {
        if next_attempt(folder, run.id())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lets every run that failed in an earlier command be tried once more in this one.
///
/// # Errors
/// The folder cannot be read or written.
pub fn allow_retries(folder: &ResultsFolder, failed: &[RunRecord]) -> Result<(), SweepError> {
    let _lock = lock(folder)?;
    for record in failed
        .iter()
        .filter(|record| record.row.attempt >= ATTEMPTS)
    {
        let mut again = record.clone();
        again.row.attempt = ATTEMPTS - 1;
        again.write(&folder.failure_path(&record.row.run_id))?;
    }
    Ok(())
}

/// The leases whose owner lives.
///
/// # Errors
/// The folder cannot be read.
pub fn live_leases(
    folder: &ResultsFolder,
    order: &[&PlannedRun],
) -> Result<Vec<Lease>, SweepError> {
    let mut leases = Vec::new();
    for run in order {
        if !folder.record_path(run.id()).exists()
            && let Some(lease) = live_lease(folder, run.id())?
        {
            leases.push(lease);
        }
    }
    Ok(leases)
}

/// Removes the leases of the dead, so that what an earlier command left is taken up at once, and
/// the files that they did not finish writing.
///
/// # Errors
/// The folder cannot be read or written.
pub fn clear_dead(folder: &ResultsFolder, order: &[&PlannedRun]) -> Result<(), SweepError> {
    let _lock = lock(folder)?;
    for run in order {
        if live_lease(folder, run.id())?.is_none() {
            remove(&folder.lease_path(run.id()))?;
        }
    }
    for part in ["", "records", "failures", "leases", "models"] {
        clear_unfinished(&folder.root().join(part), EXPIRY);
    }
    Ok(())
}

/// The number of the attempt that a run is open for, unless it is held or a death over it is yet
/// to be recorded.
fn open_attempt(folder: &ResultsFolder, run_id: &str) -> Result<Option<u64>, SweepError> {
    let Some(attempt) = next_attempt(folder, run_id)? else {
        return Ok(None);
    };
    let path = folder.lease_path(run_id);
    let unburied = read_lease(&path)?.is_some() && age(&path).is_none_or(|age| age < BURIAL);
    Ok((!unburied && live_lease(folder, run_id)?.is_none()).then_some(attempt))
}

/// The number of the next attempt at a run; `None` when it is done or given up.
fn next_attempt(folder: &ResultsFolder, run_id: &str) -> Result<Option<u64>, SweepError> {
    if folder.record_path(run_id).exists() {
        return Ok(None);
    }
    let failure = folder.failure_path(run_id);
    let earlier = match failure.exists() {
        true => RunRecord::read(&failure).map_or(0, |record| record.row.attempt),
        false => 0,
    };
    Ok((earlier < ATTEMPTS).then_some(earlier + 1))
}

fn live_lease(folder: &ResultsFolder, run_id: &str) -> Result<Option<Lease>, SweepError> {
    let path = folder.lease_path(run_id);
    let Some(lease) = read_lease(&path)? else {
        return Ok(None);
    };
    let alive = match lease.owner.is_alive() {
        Some(alive) => alive,
        None => age(&path).is_none_or(|age| age < EXPIRY),
    };
    Ok(alive.then_some(lease))
}

/// Time since a file was written; `None` if its clock is ahead of ours.
fn age(path: &Path) -> Option<Duration> {
    let modified = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()?;
    SystemTime::now().duration_since(modified).ok()
}

/// A lease, or nothing where there is none or it is not readable: a damaged lease protects
/// nobody.
fn read_lease(path: &Path) -> Result<Option<Lease>, SweepError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(serde_json::from_str(&text).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(SweepError::io(path, "read")(error)),
    }
}

fn write_lease(folder: &ResultsFolder, lease: &Lease) -> Result<(), SweepError> {
    let text = serde_json::to_string(lease).expect("a struct of text and numbers");
    Ok(write_atomic(
        &folder.lease_path(&lease.run_id),
        text.as_bytes(),
    )?)
}

fn lock(folder: &ResultsFolder) -> Result<File, SweepError> {
    let path = folder.lock_path();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(SweepError::io(&path, "open"))?;
    file.lock().map_err(SweepError::io(&path, "lock"))?;
    Ok(file)
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claim {
    fn start(folder: ResultsFolder, lease: Lease) -> Self {
        let lease = Arc::new(Mutex::new(lease));
        let (lost, stop) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let heart = std::thread::spawn({
            let (folder, lease, lost, stop) =
                (folder.clone(), lease.clone(), lost.clone(), stop.clone());
            move || beat(&folder, &lease, &lost, &stop)
        });
        Claim {
            folder,
            lease,
            lost,
            stop,
            heart: Some(heart),
        }
    }

    /// 1, or 2 after a failure.
    pub fn attempt(&self) -> u64 {
        guard(&self.lease).attempt
    }

    /// Notes where the run is; written with the next heartbeat.
    pub fn progress(&self, progress: Progress) {
        guard(&self.lease).progress = progress;
    }

    /// Writes the record of the run and gives the claim back. Nothing is written if another
    /// worker has taken the run over meanwhile.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn finish(self, record: &RunRecord, failed: bool) -> Result<(), SweepError> {
        // Before the lock: a heartbeat that waits for it must not renew what is removed below.
        self.stop.store(true, Ordering::Release);
        let _lock = lock(&self.folder)?;
        if self.lost.load(Ordering::Acquire) || !self.is_mine()? {
            return Ok(());
        }
        let run_id = &record.row.run_id;
        let failure = self.folder.failure_path(run_id);
        if failed {
            record.write(&failure)?;
        } else {
            record.write(&self.folder.record_path(run_id))?;
            remove(&failure)?;
        }
        remove(&self.folder.lease_path(run_id))
    }

    fn is_mine(&self) -> Result<bool, SweepError> {
        let mine = guard(&self.lease).clone();
        let held = read_lease(&self.folder.lease_path(&mine.run_id))?;
        Ok(held.is_some_and(|held| held.owner == mine.owner))
    }
}

fn remove(path: &Path) -> Result<(), SweepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SweepError::io(path, "remove")(error))
        }
        _ => Ok(()),
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(heart) = self.heart.take() {
            heart.thread().unpark();
            // A heartbeat that panicked has nothing to add.
            let _ = heart.join();
        }
    }
}

/// Renews the lease until told to stop, or until somebody else holds it.
fn beat(folder: &ResultsFolder, lease: &Mutex<Lease>, lost: &AtomicBool, stop: &AtomicBool) {
    loop {
        std::thread::park_timeout(HEARTBEAT);
        if stop.load(Ordering::Acquire) {
            return;
        }
        let renew = || -> Result<bool, SweepError> {
            let _lock = lock(folder)?;
            if stop.load(Ordering::Acquire) {
                return Ok(true);
            }
            let mine = guard(lease).clone();
            let held = read_lease(&folder.lease_path(&mine.run_id))?;
            if held.is_some_and(|held| held.owner != mine.owner) {
                return Ok(false);
            }
            write_lease(folder, &mine)?;
            Ok(true)
        };
        // A failed renewal (a full disk, say) is tried again; the lease then ages on its own.
        if let Ok(false) = renew() {
            lost.store(true, Ordering::Release);
            return;
        }
    }
}
