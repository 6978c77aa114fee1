//! Rows that are padded with zeros to whole vectors of any processor.

use super::buffer::Buffer;

/// The next width that is a whole number of vectors.
pub(crate) fn padded_width(width: usize) -> usize {
    const VECTOR: usize = 16;
    width.next_multiple_of(VECTOR)
}

/// Rows of `width` numbers, each padded to `padded`.
pub(crate) fn pad(from: &[f32], width: usize, padded: usize) -> Buffer {
    if padded == width {
        return Buffer::copy_of(from);
    }
    let mut to = Buffer::zeros(from.len() / width * padded);
    for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(padded)) {
        to[..width].copy_from_slice(from);
    }
    to
}

/// The reverse of [`pad`].
pub(crate) fn unpad(from: &[f32], width: usize, padded: usize) -> Buffer {
    if padded == width {
        return Buffer::copy_of(from);
    }
    let mut to = Buffer::stale(from.len() / padded * width);
    for (from, to) in from.chunks_exact(padded).zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&from[..width]);
    }
    to
}
