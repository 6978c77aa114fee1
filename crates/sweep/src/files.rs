//! The file operations that claims, leases and states rest on, and nothing else of a file system.
//! The protocol is written over the trait [`Files`], so that its test can run it on a file system
//! that shows the past, beside workers that stall and die between any two operations.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::Owner;
use isoflop_results::file::{create_whole, write_atomic, write_beside};
use std::fs;
use std::future::Future;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Operations on the files of a results folder, whose paths are relative to it and have `/` between
/// their parts. What [`Files::names`] and [`Files::read`] show may be as old as a client of a file
/// server caches it; the other operations take effect at the server, in one order for everybody.
pub trait Files: Clone {
    /// Names of the files in a folder; none if there is no such folder.
    fn names(&self, folder: &str) -> impl Future<Output = Result<Vec<String>, SweepError>>;

    /// Content of a file; `None` if there is none.
    fn read(&self, path: &str) -> impl Future<Output = Result<Option<Vec<u8>>, SweepError>>;

    /// Creates a file with its whole content. `false` if one was there, and perhaps if the answer
    /// to this very request was lost and it was repeated.
    fn create(&self, path: &str, bytes: &[u8]) -> impl Future<Output = Result<bool, SweepError>>;

    /// Replaces a file by one with this content, on disk when the call returns.
    fn write(&self, path: &str, bytes: &[u8]) -> impl Future<Output = Result<(), SweepError>>;

    /// Replaces a file like [`Files::write`], without waiting for the disk.
    fn renew(&self, path: &str, bytes: &[u8]) -> impl Future<Output = Result<(), SweepError>>;

    /// Renames a file, which replaces one at the new path. `false` if it was not there, and perhaps
    /// if the answer to this very request was lost and it was repeated.
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = Result<bool, SweepError>>;

    /// Removes a file, if it is there.
    fn remove(&self, path: &str) -> impl Future<Output = Result<(), SweepError>>;

    /// Time on a clock of this process that nobody sets. Only differences of it mean anything.
    fn now(&self) -> Duration;

    /// Whether a process is alive; `None` where nothing can be known of it.
    fn is_alive(&self, owner: &Owner) -> Option<bool>;
}

/// The files of a results folder on a file system of this machine.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
    /// Milliseconds by which the clock is ahead, which clones share.
    ahead: Arc<AtomicU64>,
}

impl Disk {
    /// The files of a results folder.
    pub fn of(folder: &ResultsFolder) -> Self {
        Disk { root: folder.root().to_owned(), ahead: Arc::default() }
    }

    /// Moves the clock of these files and their clones on, for tests that cannot wait.
    #[doc(hidden)]
    pub fn pass(&self, time: Duration) {
        self.ahead.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Files for Disk {
    async fn names(&self, folder: &str) -> Result<Vec<String>, SweepError> {
        let path = self.at(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(SweepError::io(&path, "read the folder")(error)),
        };
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SweepError> {
        let path = self.at(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SweepError::io(&path, "read")(error)),
        }
    }

    async fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, SweepError> {
        Ok(create_whole(&self.at(path), bytes)?)
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), SweepError> {
        Ok(write_atomic(&self.at(path), bytes)?)
    }

    async fn renew(&self, path: &str, bytes: &[u8]) -> Result<(), SweepError> {
        Ok(write_beside(&self.at(path), bytes)?)
    }

    async fn rename(&self, from: &str, to: &str) -> Result<bool, SweepError> {
        let (from, to) = (self.at(from), self.at(to));
        match fs::rename(&from, &to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(SweepError::io(&to, "replace")(error)),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), SweepError> {
        let path = self.at(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(SweepError::io(&path, "remove")(error))
            }
            _ => Ok(()),
        }
    }

    fn now(&self) -> Duration {
        static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
        STARTED.elapsed() + Duration::from_millis(self.ahead.load(Ordering::Relaxed))
    }

    fn is_alive(&self, owner: &Owner) -> Option<bool> {
        owner.is_alive()
    }
}

/// Runs the protocol on a [`Disk`], whose operations block until they are done.
pub fn done<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("operations of a disk never wait for another task"),
    }
}
