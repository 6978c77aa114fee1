//! Reads and writes the files of leases. They are changed only under one file lock, which the
//! system releases when its holder dies.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::{EXPIRY, Lease, remove};
use crate::run::PlannedRun;
use isoflop_results::file::{clear_unfinished, unlinked, write_atomic};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Takes the lock, which is held until the returned file is dropped.
pub(crate) fn lock(folder: &ResultsFolder) -> Result<File, SweepError> {
    let path = folder.lock_path();
    unlinked(&path).map_err(SweepError::io(&path, "replace"))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(SweepError::io(&path, "open"))?;
    file.lock().map_err(SweepError::io(&path, "lock"))?;
    Ok(file)
}

/// Leases that a process has watched. An owner on another machine counts as alive while its lease
/// keeps changing, timed by a monotonic clock of this machine.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    leases: HashMap<String, Sighting>,
}

/// A lease as it was seen last.
#[derive(Clone, Debug)]
struct Sighting {
    /// Time of the file's last change, which is new with every heartbeat.
    modified: Option<SystemTime>,
    lease: Lease,
    /// Time at which the lease was first seen in this form.
    since: Instant,
    /// Whether the lease was seen in another form before.
    has_changed: bool,
}

impl Seen {
    /// Whether the owner of a lease has renewed it recently, at `now`. Watching the lease counts
    /// for more than the time of its file, which may lie in the future or look old because a clock
    /// was set.
    fn heard_of(&mut self, lease: &Lease, modified: Option<SystemTime>, now: Instant) -> bool {
        let known = self.leases.get_mut(&lease.run_id);
        let changed = match &known {
            Some(seen) => seen.modified != modified || seen.lease != *lease,
            None => true,
        };
        if let (Some(seen), false) = (&known, changed) {
            let quiet = now.saturating_duration_since(seen.since);
            return match seen.has_changed {
                true => quiet < EXPIRY,
                false => quiet < EXPIRY && is_fresh(modified),
            };
        }
        let has_changed = known.is_some_and(|seen| seen.lease.owner == lease.owner);
        let sighting = Sighting { modified, lease: lease.clone(), since: now, has_changed };
        self.leases.insert(lease.run_id.clone(), sighting);
        has_changed || is_fresh(modified)
    }

    /// The lease of a run, if its owner is alive.
    pub(crate) fn live(
        &mut self,
        folder: &ResultsFolder,
        run_id: &str,
    ) -> Result<Option<Lease>, SweepError> {
        let Some(lease) = read(folder, run_id)? else {
            return Ok(None);
        };
        let heard_of = self.heard_of(&lease, modified(&folder.lease_path(run_id)), Instant::now());
        let alive = heard_of && lease.owner.is_alive() != Some(false);
        Ok(alive.then_some(lease))
    }

    /// Leases of the runs in `order` that have no record and whose owner is alive, in the given
    /// order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn live_leases(
        &mut self,
        folder: &ResultsFolder,
        order: &[&PlannedRun],
    ) -> Result<Vec<Lease>, SweepError> {
        let places: HashMap<&str, usize> =
            order.iter().enumerate().map(|(i, run)| (run.id(), i)).collect();
        let mut leases = Vec::new();
        for run_id in leased(folder)? {
            if let Some(&place) = places.get(run_id.as_str())
                && !folder.record_path(&run_id).exists()
                && let Some(lease) = self.live(folder, &run_id)?
            {
                leases.push((place, lease));
            }
        }
        leases.sort_by_key(|(place, _)| *place);
        Ok(leases.into_iter().map(|(_, lease)| lease).collect())
    }

    /// Removes the leases that have not changed while they were watched for [`EXPIRY`], so that
    /// workers that have not watched for so long can take their runs.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub(crate) fn clear_quiet(&mut self, folder: &ResultsFolder) -> Result<(), SweepError> {
        let _lock = lock(folder)?;
        for run_id in leased(folder)? {
            let path = folder.lease_path(&run_id);
            if let Some(lease) = read(folder, &run_id)?
                && !self.heard_of(&lease, modified(&path), Instant::now())
            {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Whether a file was written within [`EXPIRY`], or has a time that lies in the future.
fn is_fresh(modified: Option<SystemTime>) -> bool {
    let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_none_or(|age| age < EXPIRY)
}

/// Finds leases like [`Seen::live_leases`], for a process that looks only once.
///
/// # Errors
/// The folder cannot be read.
pub fn live_leases(
    folder: &ResultsFolder,
    order: &[&PlannedRun],
) -> Result<Vec<Lease>, SweepError> {
    Seen::default().live_leases(folder, order)
}

/// Removes the leases of dead processes, so that what an earlier command left is taken up at once,
/// and the files that these processes did not finish writing.
///
/// # Errors
/// The folder cannot be read or written.
pub fn clear_dead(folder: &ResultsFolder) -> Result<(), SweepError> {
    let _lock = lock(folder)?;
    for run_id in leased(folder)? {
        if Seen::default().live(folder, &run_id)?.is_none() {
            remove(&folder.lease_path(&run_id))?;
        }
    }
    for part in ["", "records", "failures", "leases", "models"] {
        clear_unfinished(&folder.root().join(part), EXPIRY);
    }
    Ok(())
}

/// Ids of the runs that have a lease, whoever owns it.
pub(crate) fn leased(folder: &ResultsFolder) -> Result<Vec<String>, SweepError> {
    let path = folder.leases_path();
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SweepError::io(&path, "read the folder")(error)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect())
}

pub(crate) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Time since a file was written; `None` if that time lies in the future of this machine's clock.
pub(crate) fn age(path: &Path) -> Option<Duration> {
    SystemTime::now().duration_since(modified(path)?).ok()
}

/// The lease of a run; `None` where there is none or it cannot be read, since a damaged lease
/// protects nobody.
pub(crate) fn read(folder: &ResultsFolder, run_id: &str) -> Result<Option<Lease>, SweepError> {
    let path = folder.lease_path(run_id);
    match fs::read(&path) {
        Ok(bytes) => Ok(Lease::parse(&bytes).filter(|lease| lease.run_id == run_id)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SweepError::io(&path, "read")(error)),
    }
}

pub(crate) fn write(folder: &ResultsFolder, lease: &Lease) -> Result<(), SweepError> {
    let text = serde_json::to_string(lease).expect("a struct of text and numbers");
    Ok(write_atomic(&folder.lease_path(&lease.run_id), text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{Owner, Stage};
    use crate::trainer::Progress;

    fn lease(step: u64) -> Lease {
        Lease {
            run_id: "n1k-d1k-s0-0a".to_owned(),
            trunk: "n1k-s0-0b".to_owned(),
            stage: Stage::Trunk,
            owner: Owner { host: "elsewhere".to_owned(), ..Owner::current() },
            attempt: 1,
            micro_windows: 4,
            progress: Progress { step, ..Progress::default() },
        }
    }

    #[test]
    fn a_lease_of_the_future_is_void_once_it_has_not_changed_for_two_minutes() {
        let (mut seen, now) = (Seen::default(), Instant::now());
        let ahead = Some(SystemTime::now() + Duration::from_secs(36_000));
        let after = |seconds| now + Duration::from_secs(seconds);
        assert!(seen.heard_of(&lease(1), ahead, now));
        assert!(seen.heard_of(&lease(1), ahead, after(119)));
        assert!(!seen.heard_of(&lease(1), ahead, after(121)));
        // The owner renews the lease again.
        assert!(seen.heard_of(&lease(2), ahead, after(130)));
        assert!(!seen.heard_of(&lease(2), ahead, after(251)));
    }

    #[test]
    fn a_lease_that_changes_lives_however_old_its_clock_makes_it() {
        let (mut seen, now) = (Seen::default(), Instant::now());
        let behind = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert!(!seen.heard_of(&lease(1), behind(1), now), "nothing but its age is known");
        let later = now + Duration::from_secs(2);
        assert!(seen.heard_of(&lease(2), behind(3), later));
        assert!(seen.heard_of(&lease(2), behind(3), later + Duration::from_secs(100)));
        assert!(!seen.heard_of(&lease(2), behind(3), later + Duration::from_secs(121)));
    }
}
