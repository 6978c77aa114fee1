//! Writes the train stream to disk.

use crate::cache::{Filling, TRAIN};
use crate::error::DataError;
use crate::metadata::Part as Counts;
use crate::tokenizer::Tokenizer;
use crate::tokens::Width;
use isoflop_core::digest::hex;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write};

/// Writes the train stream into the entry.
pub(super) struct TrainWriter {
    path: std::path::PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    width: Width,
    separator: u32,
    documents: usize,
    bytes: u64,
    tokens: usize,
    stored: Vec<u8>,
}

impl TrainWriter {
    pub(super) fn new(filling: &Filling, tokenizer: &Tokenizer) -> Result<Self, DataError> {
        let path = filling.path(TRAIN);
        let file =
            File::create(&path).map_err(|cause| DataError::Write { path: path.clone(), cause })?;
        Ok(TrainWriter {
            path,
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: Sha256::new(),
            width: Width::of(tokenizer.vocab_size()),
            separator: tokenizer.separator(),
            documents: 0,
            bytes: 0,
            tokens: 0,
            stored: Vec::new(),
        })
    }

    pub(super) fn write(&mut self, mut ids: Vec<u32>, bytes: u64) -> Result<(), DataError> {
        ids.push(self.separator);
        self.stored.clear();
        self.width.write(&ids, &mut self.stored);
        self.hasher.update(&self.stored);
        self.documents += 1;
        self.bytes += bytes;
        self.tokens += ids.len();
        self.file
            .write_all(&self.stored)
            .map_err(|cause| DataError::Write { path: self.path.clone(), cause })
    }

    pub(super) fn finish(mut self) -> Result<Counts, DataError> {
        self.file.flush().map_err(|cause| DataError::Write { path: self.path.clone(), cause })?;
        Ok(Counts {
            documents: self.documents,
            bytes: self.bytes,
            tokens: self.tokens,
            sha256: hex(&self.hasher.finalize()),
        })
    }
}
