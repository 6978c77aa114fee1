//! Who is being served. Whoever has not said yet what they want gives way to the next.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Readers at once.
pub(crate) const READERS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Door(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    /// By their number, the first who came first.
    readers: BTreeMap<u64, Reader>,
}

#[derive(Debug)]
struct Reader {
    stream: TcpStream,
    /// Whether their request has been found good.
    welcome: bool,
}

impl Door {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody in under a number. Where it is full, the first who is not welcome yet goes; where
    /// all are, the new one does.
    pub(crate) fn enter(&self, stream: &TcpStream) -> Option<u64> {
        let stream = stream.try_clone().ok()?;
        let mut inside = self.inside();
        if inside.readers.len() >= READERS {
            let mut waiting = inside.readers.iter();
            let first = waiting.find(|(_, reader)| !reader.welcome).map(|(n, _)| *n)?;
            if let Some(reader) = inside.readers.remove(&first) {
                // Gone already, which is as good.
                let _ = reader.stream.shutdown(Shutdown::Both);
            }
        }
        let number = inside.next;
        inside.next += 1;
        let welcome = false;
        inside.readers.insert(number, Reader { stream, welcome });
        Some(number)
    }

    /// Notes that a request was good.
    pub(crate) fn welcome(&self, number: u64) {
        if let Some(reader) = self.inside().readers.get_mut(&number) {
            reader.welcome = true;
        }
    }

    /// Notes that somebody has gone.
    pub(crate) fn leave(&self, number: u64) {
        self.inside().readers.remove(&number);
    }
}
