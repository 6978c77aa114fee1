//! What is asked for.

use isoflop_core::data::{DataOptions, DataSource};

/// What is to be prepared.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where text comes from.
    pub source: &'a DataSource,
    /// What is done with it.
    pub options: &'a DataOptions,
    /// Cap on what is scored, in bytes of text and separators whatever the tokenizer, so that
    /// tokenizers are scored on the same text.
    pub test_tokens: usize,
}
