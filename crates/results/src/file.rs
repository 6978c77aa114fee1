//! Files that are never seen half-written, and files that are read whole.

use crate::error::ResultsError;
use isoflop_core::text::lfs_pointer;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

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
        renamed(&file, &beside, path).map_err(ResultsError::io(path, "replace"))
    })();
    if written.is_err() {
        // Best effort: the error that matters is the one being returned.
        let _ = fs::remove_file(&beside);
    }
    let _ = writing().remove(&beside);
    written
}

/// Renames an open file. A file server that answers a repeated request may say that the file is not
/// there because the first request has renamed it, so that the name it has now decides.
fn renamed(file: &File, from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_at(file, to) => Ok(()),
        result => result,
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |found: fs::Metadata| (found.dev(), found.ino());
    let places = (file.metadata().map(place), fs::symlink_metadata(path).map(place));
    matches!(places, (Ok(own), Ok(there)) if own == there)
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    false
}

/// Creates a file with its whole content, flushed to disk, unless there is one at `path`. Of any
/// number of callers on any machine one is told `true`; after a lost answer of a file server none
/// may be, though the file holds the `bytes` of one of them.
///
/// The file is written beside its place and linked into it, since linking neither replaces a file
/// nor shows a half-written one. Where files cannot have two names, it is created exclusively and
/// then written, so that a reader may see it before its content.
///
/// # Errors
/// The folder cannot be made or the file cannot be written.
pub fn create_whole(path: &Path, bytes: &[u8]) -> Result<bool, ResultsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(ResultsError::io(folder, "create the folder"))?;
    let beside = beside(path);
    let _ = writing().insert(beside.clone());
    let created = (|| {
        unlinked(&beside)?;
        fill(File::create(&beside)?, bytes)?;
        match fs::hard_link(&beside, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) if has_no_links(&error) => create_then_fill(path, bytes),
            Err(error) => Err(error),
        }
    })();
    // A file that cannot be removed is litter, which a later command clears.
    let _ = fs::remove_file(&beside);
    let _ = writing().remove(&beside);
    created.map_err(ResultsError::io(path, "create"))
}

/// Whether a file system refused a link because files have one name there; Linux says EPERM.
fn has_no_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported)
}

fn create_then_fill(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    match File::create_new(path) {
        Ok(file) => fill(file, bytes).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn fill(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
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

/// Removes what writers that were killed left in `folder`: unfinished files older than `age` by the
/// clock of the file system that holds them.
pub fn clear_unfinished(folder: &Path, age: Duration) {
    let Some(now) = time_in(folder) else {
        return;
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().ends_with(UNFINISHED);
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| now.duration_since(time).is_ok_and(|elapsed| elapsed >= age));
        if ours && old {
            // Litter that cannot be removed harms nobody.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Time by the clock that gives the files of `folder` their times, which may be another machine's;
/// `None` if the folder cannot be written to.
fn time_in(folder: &Path) -> Option<SystemTime> {
    let probe = beside(&folder.join("time"));
    let time = File::create_new(&probe).and_then(|file| file.metadata()?.modified()).ok();
    let _ = fs::remove_file(&probe);
    time
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

/// A name in the same folder that no other writer uses. The number of a process may also be that of
/// one on another machine, so that a random number goes with it.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    let (count, process) = (COUNT.fetch_add(1, Ordering::Relaxed), *PROCESS);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let pid = std::process::id();
    path.with_file_name(format!(".{name}.{pid}.{process:016x}.{count}{UNFINISHED}"))
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
    fn of_many_creators_one_creates_and_the_file_is_whole_and_its() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claims").join("a.1");
        for create in
            [create_whole, |path: &Path, bytes: &[u8]| Ok(create_then_fill(path, bytes).unwrap())]
        {
            let contents: Vec<String> = (0..8).map(|i| format!("of {i}").repeat(1000)).collect();
            let created: Vec<bool> = std::thread::scope(|scope| {
                let path = &path;
                let each = |content: &String| {
                    let content = content.clone();
                    scope.spawn(move || create(path, content.as_bytes()).unwrap())
                };
                let threads: Vec<_> = contents.iter().map(each).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(created.iter().filter(|created| **created).count(), 1);
            let creator = created.iter().position(|created| *created).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents[creator]);
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
            fs::remove_file(&path).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_rename_that_happened_but_was_told_to_have_found_nothing_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&to, "old").unwrap();
        let file = File::create(&from).unwrap();
        fs::rename(&from, &to).unwrap();
        renamed(&file, &from, &to).unwrap();
        let other = File::create(folder.path().join("other")).unwrap();
        assert_eq!(renamed(&other, &from, &to).unwrap_err().kind(), io::ErrorKind::NotFound);
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
