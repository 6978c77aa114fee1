//! A document, where it stands, and how it is read.

use crate::error::DataError;
use crate::split::Side;
use crate::tokenizer::Tokenizer;
use isoflop_core::data::Invalid;

/// A document as it comes.
pub(crate) struct Document {
    pub(crate) text: String,
    /// As a token file has it.
    pub(crate) ids: Option<Vec<u32>>,
    pub(crate) origin: Origin,
    /// Where the source itself says which side of the split.
    pub(crate) side: Option<Side>,
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Index of the file.
    pub(crate) file: u32,
    /// Line, row, piece or document in it, from 1; 0 where the document is the whole file.
    pub(crate) place: u64,
}

/// How documents are read.
pub(crate) struct Reading<'a> {
    pub(crate) invalid: Invalid,
    /// Whether a NUL cannot stand in a text.
    pub(crate) refuses_nul: bool,
    /// The tokenizer whose ids token files hold.
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    /// Told the bytes of the source read so far.
    pub(crate) step: &'a dyn Fn(u64),
}

/// What takes the documents; `false` ends the reading.
pub(crate) type Take<'t> = dyn FnMut(Document) -> Result<bool, DataError> + 't;
