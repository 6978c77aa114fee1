//! Limits on the size of what is read.

/// Maximum bytes of a line, of an array's element and of a document. A whole book fits.
pub(crate) const LONGEST_DOCUMENT: usize = 64 << 20;
