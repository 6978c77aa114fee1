//! Memory of tensors and of work in progress, which is used again in every step, since each
//! training step needs the same sizes in the same order.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

/// Sixteen numbers, which fill one cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// Numbers that start at a cache line. When it is dropped, its memory is kept for the next buffer
/// of the same size on this thread.
#[derive(Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

thread_local! {
    static FREE: RefCell<HashMap<usize, Vec<Vec<Line>>>> = RefCell::default();
}

/// Frees the memory of this thread's unused buffers.
pub(crate) fn release_unused() {
    FREE.with_borrow_mut(HashMap::clear);
}

impl Buffer {
    /// A buffer of `len` numbers, which are arbitrary: left over from an earlier use, or zero.
    pub(crate) fn stale(len: usize) -> Self {
        let lines = len.div_ceil(LINE);
        let kept = FREE.with_borrow_mut(|free| free.get_mut(&lines).and_then(Vec::pop));
        Buffer { lines: kept.unwrap_or_else(|| vec![Line([0.0; LINE]); lines]), len }
    }

    /// A buffer of `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::stale(len);
        buffer.fill(0.0);
        buffer
    }

    /// A buffer with a copy of these numbers.
    pub(crate) fn copy_of(values: &[f32]) -> Self {
        let mut buffer = Self::stale(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return;
        }
        // If the list no longer exists, the thread is ending and the memory goes back to the
        // system.
        let _ = FREE.try_with(|free| {
            if let Ok(mut free) = free.try_borrow_mut() {
                free.entry(lines.len()).or_default().push(lines);
            }
        });
    }
}

#[allow(unsafe_code, reason = "a line is sixteen numbers")]
impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds at least `len` initialised numbers without gaps.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

#[allow(unsafe_code, reason = "a line is sixteen numbers")]
impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `lines` holds at least `len` initialised numbers without gaps, and `self` is
        // borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer of {}", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again_and_starts_at_a_line() {
        let mut first = Buffer::zeros(33);
        first[32] = 5.0;
        let place = first.as_ptr();
        drop(first);
        let second = Buffer::stale(40);
        assert_eq!((second.as_ptr(), second[32]), (place, 5.0));
        assert_eq!(place.align_offset(64), 0);
        assert!(Buffer::zeros(40).iter().all(|&x| x == 0.0));
    }
}
