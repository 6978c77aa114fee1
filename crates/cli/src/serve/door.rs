//! Limits the number of readers. A reader who has not yet sent a request gives way to a new one.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Maximum number of readers at a time.
pub(crate) const READERS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Door(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    /// Readers by number; lower numbers came earlier.
    readers: BTreeMap<u64, Reader>,
}

#[derive(Debug)]
struct Reader {
    stream: TcpStream,
    /// Whether the reader's request has been accepted.
    welcome: bool,
}

impl Door {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a reader in and returns a number for it. When all places are taken, the earliest reader
    /// without an accepted request is dropped; if there is none, the new one is refused.
    pub(crate) fn enter(&self, stream: &TcpStream) -> Option<u64> {
        let stream = stream.try_clone().ok()?;
        let mut inside = self.inside();
        if inside.readers.len() >= READERS {
            let mut waiting = inside.readers.iter();
            let first = waiting.find(|(_, reader)| !reader.welcome).map(|(n, _)| *n)?;
            if let Some(reader) = inside.readers.remove(&first) {
                // An error means that the connection is closed already.
                let _ = reader.stream.shutdown(Shutdown::Both);
            }
        }
        let number = inside.next;
        inside.next += 1;
        let welcome = false;
        inside.readers.insert(number, Reader { stream, welcome });
        Some(number)
    }

    /// Records that a reader's request was accepted.
    pub(crate) fn welcome(&self, number: u64) {
        if let Some(reader) = self.inside().readers.get_mut(&number) {
            reader.welcome = true;
        }
    }

    /// Records that a reader has gone.
    pub(crate) fn leave(&self, number: u64) {
        self.inside().readers.remove(&number);
    }
}
