//! Files that are never seen half-written, and files that are read whole.

use crate::error::ResultsError;
use isoflop_core::text::lfs_pointer;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Writes `bytes` beside `path`, flushes them to disk and renames the file into place: a reader
/// sees the old content or the new, whenever the process or the machine dies.
///
/// # Errors
/// The folder cannot be made or the file cannot be written.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    write_atomic_with(path, |file| {
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(ResultsError::io(path, "write"))
    })
}

/// As [`write_atomic`] without waiting for the disk: for what can be made again.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    write_atomic_with(path, |file| file.write_all(bytes).map_err(ResultsError::io(path, "write")))
}

/// As [`write_atomic`], with the content written by `fill`, and flushed where that matters. Nothing is
/// left behind where it fails.
fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), ResultsError>,
) -> Result<(), ResultsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(ResultsError::io(folder, "create the folder"))?;
    let beside = beside(path);
    let _ = writing().insert(beside.clone());
    let written = (|| {
        unlinked(&beside).map_err(ResultsError::io(&beside, "replace"))?;
        let mut file = File::create(&beside).map_err(ResultsError::io(path, "write"))?;
        fill(&mut file)?;
        fs::rename(&beside, path).map_err(ResultsError::io(path, "replace"))
    })();
    if written.is_err() {
        // Best effort: the error that matters is the one being returned.
        let _ = fs::remove_file(&beside);
    }
    let _ = writing().remove(&beside);
    written
}

/// Bytes of the largest table that is read.
pub const LARGEST_TABLE: u64 = 1 << 27;

/// The bytes of a table of any format.
///
/// # Errors
/// The file cannot be read, is larger than 128 MiB, or only stands for one (a Git LFS pointer).
pub fn read_table(path: &Path) -> Result<Vec<u8>, ResultsError> {
    let io = ResultsError::io(path, "read");
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(LARGEST_TABLE + 1).read_to_end(&mut bytes));
    read.map_err(io)?;
    if bytes.len() as u64 > LARGEST_TABLE {
        return Err(ResultsError::TooLarge {
            path: path.to_owned(),
            problem: format!("a file of more than {} MB", LARGEST_TABLE >> 20),
        });
    }
    match lfs_pointer(&bytes) {
        None => Ok(bytes),
        Some(size) => Err(ResultsError::LfsPointer { path: path.to_owned(), size }),
    }
}

/// Files that this process is writing beside their places.
fn writing() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static WRITING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what this process has not finished writing, and lets it begin and end no more: for a
/// process that ends while its threads still work.
pub fn abandon() {
    let files = writing();
    for file in files.iter() {
        // One that was renamed into place meanwhile is whole.
        let _ = fs::remove_file(file);
    }
    std::mem::forget(files);
}

/// Removes what writers that were killed left in `folder`: unfinished files older than `age`.
pub fn clear_unfinished(folder: &Path, age: Duration) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().ends_with(UNFINISHED);
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed >= age));
        if ours && old {
            // Litter that cannot be removed harms nobody.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes a symbolic link at `path`, so that what is written there next is a file of this folder and
/// not whatever the link names.
///
/// # Errors
/// The link cannot be removed.
pub fn unlinked(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Ending of a file that is being written.
pub const UNFINISHED: &str = ".partial";

/// A name in the same folder that no other writer uses.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{count}{UNFINISHED}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures").join("a.csv");
        for content in [b"old", b"new"] {
            write_beside(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(ResultsError::NoRows { path: path.clone() })
        });
        assert!(matches!(failed, Err(ResultsError::NoRows { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_writer_left_is_cleared_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, b"whole").unwrap();
        fs::write(beside(&path), b"ha").unwrap();
        clear_unfinished(folder.path(), Duration::from_secs(60));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        clear_unfinished(folder.path(), Duration::ZERO);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
