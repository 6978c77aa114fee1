//! Maps files into memory, so that a corpus larger than memory can be read at any place.

#![allow(unsafe_code)]

use memmap2::Mmap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Deref;
use std::path::Path;

/// A read-only map of a file, or plain memory.
#[derive(Debug)]
pub(crate) enum Bytes {
    Memory(Vec<u8>),
    Map(Mmap, File),
}

impl Bytes {
    pub(crate) fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::Memory(Vec::new()));
        }
        // SAFETY: a mapped file must not change while it is read. Files of the cache are written
        // beside their place, renamed into it whole and never written again. A person who truncates
        // one ends this process.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Bytes::Map(map, file))
    }

    /// Hands over the bytes in order, in chunks whose lengths are multiples of four (except the
    /// last). A map is read as a file here, so that its pages do not stay in memory.
    pub(crate) fn each_chunk(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        match self {
            Bytes::Memory(bytes) => take(bytes),
            Bytes::Map(_, file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                let mut chunk = Vec::new();
                loop {
                    chunk.clear();
                    file.by_ref().take(1 << 20).read_to_end(&mut chunk)?;
                    match chunk.is_empty() {
                        true => break,
                        false => take(&chunk),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Memory(bytes) => bytes,
            Bytes::Map(map, _) => map,
        }
    }
}
