//! What is known of prepared data without loading its tokens.

use crate::dropped::Dropped;
use crate::error::DataError;
use crate::near::NearDuplicates;
use crate::overlap::{Leak, Overlap};
use crate::reference::Reference;
use crate::round_trip::RoundTrip;
use crate::split::Split;
use crate::synthetic::EntropyRate;
use crate::tokenizer::{Tokenizer, Wanted};
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

impl Metadata {
    /// The tokenizer of the data, where `json` is the one that nobody else has: trained on this text, or given
    /// as a file.
    ///
    /// # Errors
    /// It is not to be had.
    pub(crate) fn tokenizer_of(&self, json: Option<Vec<u8>>) -> Result<Tokenizer, DataError> {
        let name = self.tokenizer.as_str();
        let refused = |why| DataError::NoToken { tokenizer: name.to_owned(), why };
        match json {
            Some(json) => Tokenizer::named(name, &json).map_err(refused),
            None => match Wanted::parse(name)? {
                Wanted::Ready(name) => Ok(Tokenizer::ready(name)),
                _ => Err(refused("its file is gone".to_owned())),
            },
        }
    }

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
