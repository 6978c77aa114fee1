//! Reads documents in batches: every core works on a batch, and results come in the source's order.

use crate::document::{Document, Reading};
use crate::error::DataError;
use crate::read::{Input, Skipped};
use rayon::prelude::*;

/// Bytes of text at which a batch is full; the document that reaches them is still part of it.
/// `DOCUMENTS` is the number of documents at which it is full.
const BYTES: usize = 1 << 22;
const DOCUMENTS: usize = 1 << 12;

/// Reads an input in batches. `work` runs on any thread; `take` gets its results in the order of
/// the source, together with the number of each document, from 0.
pub(crate) fn in_batches<T: Send>(
    input: &Input,
    how: &Reading,
    wanted: impl Fn(u32) -> bool,
    work: impl Fn(u32, &Document) -> Result<T, DataError> + Sync,
    mut take: impl FnMut(u32, Document, T) -> Result<(), DataError>,
) -> Result<Skipped, DataError> {
    let mut batch: Vec<(u32, Document)> = Vec::new();
    let mut bytes = 0;
    let mut number = 0u32;
    let mut flush = |batch: &mut Vec<(u32, Document)>| {
        let done: Vec<Result<T, DataError>> =
            batch.par_iter().map(|(number, document)| work(*number, document)).collect();
        for ((number, document), made) in batch.drain(..).zip(done) {
            take(number, document, made?)?;
        }
        Ok::<(), DataError>(())
    };
    let skipped = input.read(how, &mut |document| {
        let this = number;
        number += 1;
        if wanted(this) {
            bytes += document.text.len();
            batch.push((this, document));
        }
        if bytes >= BYTES || batch.len() >= DOCUMENTS {
            bytes = 0;
            flush(&mut batch)?;
        }
        Ok(true)
    })?;
    flush(&mut batch)?;
    Ok(skipped)
}
