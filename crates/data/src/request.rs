//! Describes the data that a caller asks for.

use isoflop_core::data::{DataOptions, DataSource};

/// Data that is to be prepared.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Source of the text.
    pub source: &'a DataSource,
    /// Options: tokenizer, split, filters and subset.
    pub options: &'a DataOptions,
    /// Cap on the scored text, in bytes of text plus one for each separator. It is the same for
    /// every tokenizer, so that all of them are scored on the same text.
    pub test_tokens: usize,
}
