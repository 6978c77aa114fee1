//! A document, its place in the source, and the options of reading.

use crate::error::DataError;
use crate::split::Side;
use crate::tokenizer::Tokenizer;
use isoflop_core::data::Invalid;

/// A document as it is read from a source.
pub(crate) struct Document {
    pub(crate) text: String,
    /// Token ids, if the document comes from a token file.
    pub(crate) ids: Option<Vec<u32>>,
    pub(crate) origin: Origin,
    /// Side of the split, if the source itself decides it.
    pub(crate) side: Option<Side>,
}

/// Place of a document in its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Index of the file among the files of the source.
    pub(crate) file: u32,
    /// Number, from 1, of the line, row, piece or document in the file; 0 where the document is the
    /// whole file.
    pub(crate) place: u64,
}

/// Options of reading documents.
pub(crate) struct Reading<'a> {
    pub(crate) invalid: Invalid,
    /// Whether a NUL is refused because the tokenizer uses it as the separator.
    pub(crate) refuses_nul: bool,
    /// Tokenizer that made the ids of token files.
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    /// Callback that gets the number of the source's bytes read so far.
    pub(crate) step: &'a dyn Fn(u64),
}

/// Callback that takes each document; it returns `false` to end the reading.
pub(crate) type Take<'t> = dyn FnMut(Document) -> Result<bool, DataError> + 't;
