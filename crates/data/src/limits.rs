//! Bounds on what is read.

/// Bytes of a line, of an element of an array and of a document, at most: a book has one.
pub(crate) const LONGEST_DOCUMENT: usize = 64 << 20;
