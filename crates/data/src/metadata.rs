//! Describes prepared data without its tokens.

use crate::correlations::Correlation;
use crate::dropped::Dropped;
use crate::error::DataError;
use crate::near::NearDuplicates;
use crate::overlap::{Leak, Overlap};
use crate::reference::Reference;
use crate::round_trip::RoundTrip;
use crate::split::Split;
use crate::synthetic::{EntropyRate, KnownExponents};
use crate::tokenizer::{Tokenizer, Wanted};
use crate::train_stream::Windows;
use serde::{Deserialize, Serialize};

/// Description of prepared data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Name of the corpus, such as `rust-docs@1`, or the source as written.
    pub name: String,
    /// Name of the tokenizer: `bytes`, `gpt2`, `bpe:4096` or `tokenizer.json:DIGEST`.
    pub tokenizer: String,
    /// Number of distinct tokens that the tokenizer has.
    pub vocab_size: usize,
    /// Id of the token that follows every document.
    pub separator: u32,
    /// Digest of the data: first 16 hex digits of the SHA-256 over tokenizer, train stream and
    /// scored test stream.
    pub digest: String,
    /// How the test text was chosen.
    pub split: Split,
    /// Counts of the train split.
    pub train: Part,
    /// Counts of the whole test split, of which `scored` is a sample.
    pub test: Part,
    /// Counts of the test text that losses are measured on.
    pub scored: Scored,
    /// Share of the whole test split that occurs in the train split.
    pub overlap: Overlap,
    /// Test documents that overlap most with the train split.
    pub leaks: Vec<Leak>,
    /// Counts of documents that resemble another.
    pub near: NearDuplicates,
    /// Text that the tokenizer lost of the compared train documents; `None` if it lost nothing.
    /// Test documents never lose any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered: Option<RoundTrip>,
    /// Losses on the scored text that need no model, such as those of n-grams.
    pub references: Vec<Reference>,
    /// Correlations of two train tokens of a document, by distance; `None` in entries of the cache that
    /// earlier versions wrote, until the text is prepared again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlations: Option<Vec<Correlation>>,
    /// Entropy rate of a synthetic language; `None` for other sources.
    pub entropy: Option<EntropyRate>,
    /// Exponents that the construction of a synthetic language gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponents: Option<KnownExponents>,
    /// Counts of what cleaning, filters and weights left out.
    pub dropped: Dropped,
    /// Packages (`NAME-VERSION`) or files that the text was taken from.
    pub sources: Vec<String>,
}

/// Counts of one side of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number of documents.
    pub documents: usize,
    /// Bytes of text, without separators.
    pub bytes: u64,
    /// Number of tokens, separators included.
    pub tokens: usize,
    /// SHA-256 of the tokens as they are stored.
    pub sha256: String,
}

/// Counts of the sample of the test split that is scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// Cap that was asked for, in bytes of text and separators.
    pub test_tokens: usize,
    /// Number of documents from which a stretch was taken.
    pub stretches: usize,
    /// Bytes of text, without separators.
    pub bytes: usize,
    /// Number of tokens, separators included.
    pub tokens: usize,
    /// SHA-256 of the token stream as it is stored.
    pub sha256: String,
}

impl Metadata {
    /// The tokenizer of the data. `json` holds it where it was trained on this text or given as a
    /// file.
    ///
    /// # Errors
    /// The tokenizer cannot be loaded, or `json` is missing.
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

    /// Training windows of an epoch with the given context.
    ///
    /// # Errors
    /// The same as those of [`Windows::new`].
    pub fn windows(&self, context: usize) -> Result<Windows, DataError> {
        Windows::new(self.train.tokens, context)
    }

    /// Entropy rate in nats per token of this tokenizer: the language's bits per byte, converted on
    /// the scored text.
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
