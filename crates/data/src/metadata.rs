//! What is known of prepared data without loading its tokens.

use crate::documents::Split;
use crate::error::DataError;
use crate::near::NearDuplicates;
use crate::overlap::{Leak, Overlap};
use crate::reference::Reference;
use crate::round_trip::RoundTrip;
use crate::synthetic::EntropyRate;
use crate::train_stream::Windows;
use serde::{Deserialize, Serialize};

/// Prepared data in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// `rust-docs@1`, or the source as written.
    pub name: String,
    /// `bytes`, `gpt2`, `bpe:4096`, `tokenizer.json:DIGEST`.
    pub tokenizer: String,
    /// Distinct tokens.
    pub vocab_size: usize,
    /// The token after every document.
    pub separator: u32,
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
    /// The test documents that overlap most.
    pub leaks: Vec<Leak>,
    /// Documents that resemble another.
    pub near: NearDuplicates,
    /// What the tokenizer lost of the train documents that were compared, where it lost anything. It loses nothing
    /// of the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered: Option<RoundTrip>,
    /// Losses on the scored text that need no model.
    pub references: Vec<Reference>,
    /// Of a synthetic language.
    pub entropy: Option<EntropyRate>,
    /// What cleaning, filters and weights left out.
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
    pub bytes: u64,
    /// Separators included.
    pub tokens: usize,
    /// SHA-256 of the tokens as stored.
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

/// What was left out.
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
    /// Documents that are not UTF-8 or hold the separator, where those are to be dropped.
    pub invalid_documents: usize,
    /// Lines and rows without text.
    pub empty_documents: usize,
    /// Train documents outside of the bounds of quality.
    pub poor_documents: usize,
    /// Documents that the weights of a mixture have no room for.
    pub left_documents: usize,
}

impl Dropped {
    /// The sum of two parts.
    #[must_use]
    pub(crate) fn plus(self, other: Dropped) -> Self {
        Dropped {
            unreadable_files: self.unreadable_files + other.unreadable_files,
            unwritten_documents: self.unwritten_documents + other.unwritten_documents,
            short_documents: self.short_documents + other.short_documents,
            repeated_documents: self.repeated_documents + other.repeated_documents,
            repeated_paragraphs: self.repeated_paragraphs + other.repeated_paragraphs,
            repeated_lines: self.repeated_lines + other.repeated_lines,
            overlong_lines: self.overlong_lines + other.overlong_lines,
            invalid_documents: self.invalid_documents + other.invalid_documents,
            empty_documents: self.empty_documents + other.empty_documents,
            poor_documents: self.poor_documents + other.poor_documents,
            left_documents: self.left_documents + other.left_documents,
        }
    }
}

impl Metadata {
    /// Windows of an epoch under a context.
    ///
    /// # Errors
    /// As [`Windows::new`].
    pub fn windows(&self, context: usize) -> Result<Windows, DataError> {
        Windows::new(self.train.tokens, context)
    }

    /// The entropy rate in nats per token of this tokenizer: what the language's bits per byte come to
    /// on the scored text.
    pub fn entropy_per_token(&self) -> Option<f64> {
        let rate = self.entropy?;
        Some(match self.tokenizer.as_str() {
            "bytes" => rate.nats_per_byte_token,
            _ => {
                rate.bits_per_byte * std::f64::consts::LN_2 * self.scored.bytes as f64
                    / self.scored.tokens as f64
            }
        })
    }
}
