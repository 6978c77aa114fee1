//! The files of leases. All changes of them happen under one file lock, which the system releases
//! when its holder dies.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::{EXPIRY, Lease};
use crate::run::PlannedRun;
use isoflop_results::file::{clear_unfinished, write_atomic};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Takes the lock; it is held until the file is dropped.
pub(crate) fn lock(folder: &ResultsFolder) -> Result<File, SweepError> {
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

/// The leases of runs without a record whose owner lives and has been heard of lately, in the
/// order given.
///
/// # Errors
/// The folder cannot be read.
pub fn live_leases(
    folder: &ResultsFolder,
    order: &[&PlannedRun],
) -> Result<Vec<Lease>, SweepError> {
    let places: HashMap<&str, usize> = order.iter().enumerate().map(|(i, r)| (r.id(), i)).collect();
    let mut leases = Vec::new();
    for run_id in leased(folder)? {
        if let Some(&place) = places.get(run_id.as_str())
            && !folder.record_path(&run_id).exists()
            && let Some(lease) = live(folder, &run_id)?
        {
            leases.push((place, lease));
        }
    }
    leases.sort_by_key(|(place, _)| *place);
    Ok(leases.into_iter().map(|(_, lease)| lease).collect())
}

/// Removes the leases of the dead, so that what an earlier command left is taken up at once, and
/// the files that they did not finish writing.
///
/// # Errors
/// The folder cannot be read or written.
pub fn clear_dead(folder: &ResultsFolder) -> Result<(), SweepError> {
    let _lock = lock(folder)?;
    for run_id in leased(folder)? {
        if live(folder, &run_id)?.is_none() {
            remove(&folder.lease_path(&run_id))?;
        }
    }
    for part in ["", "records", "failures", "leases", "models"] {
        clear_unfinished(&folder.root().join(part), EXPIRY);
    }
    Ok(())
}

/// Runs that have a lease, of whomever.
pub(crate) fn leased(folder: &ResultsFolder) -> Result<Vec<String>, SweepError> {
    let path = folder.leases_path();
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SweepError::io(&path, "read the folder")(error)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .collect())
}

/// The lease of a run if its owner lives.
pub(crate) fn live(folder: &ResultsFolder, run_id: &str) -> Result<Option<Lease>, SweepError> {
    let path = folder.lease_path(run_id);
    let Some(lease) = read(&path)? else {
        return Ok(None);
    };
    let heard_of = age(&path).is_none_or(|age| age < EXPIRY);
    let alive = heard_of && lease.owner.is_alive() != Some(false);
    Ok(alive.then_some(lease))
}

/// Time since a file was written; `None` if its clock is ahead of ours.
pub(crate) fn age(path: &Path) -> Option<Duration> {
    let modified = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()?;
    SystemTime::now().duration_since(modified).ok()
}

/// A lease, or nothing where there is none or it is not readable: a damaged lease protects
/// nobody.
pub(crate) fn read(path: &Path) -> Result<Option<Lease>, SweepError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(serde_json::from_str(&text).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(SweepError::io(path, "read")(error)),
    }
}

pub(crate) fn write(folder: &ResultsFolder, lease: &Lease) -> Result<(), SweepError> {
    let text = serde_json::to_string(lease).expect("a struct of text and numbers");
    Ok(write_atomic(
        &folder.lease_path(&lease.run_id),
        text.as_bytes(),
    )?)
}

pub(crate) fn remove(path: &Path) -> Result<(), SweepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SweepError::io(path, "remove")(error))
        }
        _ => Ok(()),
    }
}
