//! Documents in batches, worked on by every core and taken up in order.

use crate::document::{Document, Reading};
use crate::error::DataError;
use crate::read::{Input, Skipped};
use rayon::prelude::*;

/// Bytes of text and number of documents in a batch, at most but for one document.
const BYTES: usize = 1 << 22;
const DOCUMENTS: usize = 1 << 12;

/// Reads an input; `work` may run on any thread, `take` gets what it gives in the order of the source, with
/// the number of the document.
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
