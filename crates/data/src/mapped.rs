//! Bytes of a file as memory, so that a corpus larger than memory can be read from anywhere.

#![allow(unsafe_code)]

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// A read-only map of a file, or plain memory.
#[derive(Debug)]
pub(crate) enum Bytes {
    Memory(Vec<u8>),
    Map(Mmap),
}

impl Bytes {
    pub(crate) fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::Memory(Vec::new()));
        }
        // SAFETY: a mapped file must not change while it is read. Files of the cache are written beside their
        // place, renamed into it whole and never written again; a person who truncates one ends this process.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Bytes::Map(map))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Memory(bytes) => bytes,
            Bytes::Map(map) => map,
        }
    }
}
