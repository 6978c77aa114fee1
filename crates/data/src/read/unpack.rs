//! The bytes of a file, unpacked by the end of its name, with a count of what was read of it.

use super::OneFile;
use crate::error::DataError;
use flate2::read::MultiGzDecoder;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

const BUFFER: usize = 1 << 16;

/// Tells how far a file was read.
#[derive(Clone, Default)]
pub(super) struct Count(Rc<Cell<u64>>);

impl Count {
    pub(super) fn bytes(&self) -> u64 {
        self.0.get()
    }
}

struct Counted {
    file: File,
    count: Count,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.count.0.set(self.count.0.get() + read as u64);
        Ok(read)
    }
}

/// Opens a file: `.gz` and `.zst` are unpacked.
pub(super) fn open(one: &OneFile) -> Result<(Box<dyn BufRead>, Count), DataError> {
    let count = Count::default();
    let file = File::open(&one.file.path).map_err(one.read_error())?;
    let counted = Counted {
        file,
        count: count.clone(),
    };
    let reader: Box<dyn BufRead> = match one.file.path.extension().and_then(|end| end.to_str()) {
        Some("gz") => Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(BufReader::with_capacity(BUFFER, counted)),
        )),
        Some("zst" | "zstd") => Box::new(BufReader::with_capacity(
            BUFFER,
            zstd::Decoder::new(counted).map_err(one.read_error())?,
        )),
        _ => Box::new(BufReader::with_capacity(BUFFER, counted)),
    };
    Ok((reader, count))
}

/// What an error of reading means: of a packed file mostly that it ends early.
pub(super) fn failed(one: &OneFile) -> impl Fn(io::Error) -> DataError + use<> {
    let path = one.file.path.clone();
    let packed = path
        .extension()
        .is_some_and(|end| end == "gz" || end == "zst" || end == "zstd");
    move |cause| {
        let path = path.clone();
        match packed {
            true => DataError::Unpack { path, cause },
            false => DataError::Read { path, cause },
        }
    }
}
