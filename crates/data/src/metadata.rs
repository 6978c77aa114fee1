//! What is known of prepared data without loading its tokens.

use crate::digest::sha256;
use crate::documents::{Documents, Split};
use crate::error::DataError;
use crate::overlap::Overlap;
use crate::test_stream::TestStream;
use crate::tokens::{TOKENIZER, Tokens, VOCAB_SIZE};
use crate::train_stream::Windows;
use serde::{Deserialize, Serialize};

/// Prepared data in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// `rust-docs@1`, or the path or glob as written.
    pub name: String,
    /// `bytes`.
    pub tokenizer: String,
    /// Distinct tokens.
    pub vocab_size: usize,
    /// The data digest of a result: first 16 hex digits of SHA-256 over tokenizer, train stream
    /// and test stream as scored.
    pub digest: String,
    /// How the test text was chosen.
    pub split: Split,
    /// The train split.
    pub train: Part,
    /// The whole test split, of which `scored` is a sample.
    pub test: Part,
    /// The test text that losses are measured on.
    pub scored: Scored,
    /// Of the whole test split with the train split.
    pub overlap: Overlap,
    /// What cleaning left out.
    pub dropped: Dropped,
    /// Packages (`NAME-VERSION`) or files that the text was taken from.
    pub sources: Vec<String>,
}

/// One side of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Documents.
    pub documents: usize,
    /// Of text, separators left out.
    pub bytes: usize,
    /// Separators included.
    pub tokens: usize,
    /// SHA-256 of the documents, each followed by a NUL.
    pub sha256: String,
}

/// The sample of the test split that is scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// Cap asked for.
    pub test_tokens: usize,
    /// Documents that a stretch was taken of.
    pub stretches: usize,
    /// Of text, separators left out.
    pub bytes: usize,
    /// Separators included.
    pub tokens: usize,
    /// SHA-256 of the stream.
    pub sha256: String,
}

/// What cleaning left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Files that are not UTF-8, hold a NUL, or are larger than a person writes.
    pub unreadable_files: usize,
    /// Files that say they were generated, licences, tables of numbers.
    pub unwritten_documents: usize,
    /// Documents with too little text.
    pub short_documents: usize,
    /// Documents equal to an earlier one.
    pub repeated_documents: usize,
    /// Long paragraphs equal to an earlier one.
    pub repeated_paragraphs: usize,
    /// Long lines equal to an earlier one, outside of those paragraphs.
    pub repeated_lines: usize,
    /// Lines longer than a person writes.
    pub overlong_lines: usize,
}

impl Metadata {
    /// Windows of an epoch under a context.
    ///
    /// # Errors
    /// As [`Windows::new`].
    pub fn windows(&self, context: usize) -> Result<Windows, DataError> {
        Windows::new(self.train.tokens, context)
    }

    pub(crate) fn of(
        name: String,
        documents: Documents,
        overlap: Overlap,
        test_tokens: usize,
        train: &Tokens,
        scored: &TestStream,
    ) -> Self {
        let Documents {
            train: train_documents,
            test,
            split,
            dropped,
            sources,
        } = documents;
        let whole_test = Tokens::of_documents(test.iter().map(String::as_str));
        let (train_bytes, test_bytes) = (train.as_bytes(), scored.as_bytes());
        let length = (train_bytes.len() as u64).to_le_bytes();
        let data = [
            TOKENIZER.as_bytes(),
            b"\0",
            &length,
            train_bytes,
            test_bytes,
        ];
        Metadata {
            name,
            tokenizer: TOKENIZER.to_owned(),
            vocab_size: VOCAB_SIZE,
            digest: sha256(data)[..16].to_owned(),
            split,
            train: Part::of(train_documents.len(), train),
            test: Part::of(test.len(), &whole_test),
            scored: Scored {
                test_tokens,
                stretches: scored.stretches(),
                bytes: scored.text_bytes(),
                tokens: scored.len(),
                sha256: sha256([test_bytes]),
            },
            overlap,
            dropped,
            sources,
        }
    }
}

impl Part {
    fn of(documents: usize, tokens: &Tokens) -> Self {
        Part {
            documents,
            bytes: tokens.len() - documents,
            tokens: tokens.len(),
            sha256: sha256([tokens.as_bytes()]),
        }
    }
}
