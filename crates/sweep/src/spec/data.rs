//! `[data]`: where text comes from and what is done with it.

use super::Quantity;
use isoflop_core::data::{Invalid, Quality, Real};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;
use toml::Spanned;

/// `[data]`: one source, and what is done with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// A built-in corpus.
    pub corpus: Option<Spanned<String>>,
    /// Text files: a path or glob, relative to the sweep file.
    pub text: Option<Spanned<String>>,
    /// JSON lines, likewise.
    pub jsonl: Option<Spanned<String>>,
    /// Parquet files, likewise.
    pub parquet: Option<Spanned<String>>,
    /// Files of token ids, likewise.
    pub tokens: Option<Spanned<String>>,
    /// A dataset of the Hugging Face hub: `owner/name` or `owner/name@revision`.
    pub hf: Option<Spanned<String>>,
    /// A language whose entropy is known.
    pub synthetic: Option<Spanned<LanguageSpec>>,
    /// Several sources by weight.
    pub mixture: Option<Spanned<Vec<Spanned<PartSpec>>>>,
    /// The key of JSON lines that holds the text.
    pub field: Option<Spanned<String>>,
    /// The column of parquet files that holds the text.
    pub column: Option<Spanned<String>>,
    /// A glob over the files of a dataset.
    pub files: Option<Spanned<String>>,
    /// How text becomes tokens.
    #[serde(default = "default_tokenizer")]
    pub tokenizer: Spanned<String>,
    /// Tokens a window.
    #[serde(default = "default_context")]
    pub context: Spanned<usize>,
    /// Cap on the test tokens scored.
    pub test_tokens: Option<Spanned<Quantity>>,
    /// Share of the bytes held out.
    pub test_fraction: Option<Spanned<f64>>,
    /// A path or glob of the same kind that is the test.
    pub test: Option<Spanned<String>>,
    /// Seed of the draw of test documents.
    #[serde(default)]
    pub split_seed: u64,
    /// Largest share of the test's 13-grams that may occur in the train split.
    pub max_overlap: Option<Spanned<f64>>,
    /// Tokens of a fixed subset of the train split, or `"all"`.
    pub unique_tokens: Option<Spanned<Unique>>,
    /// Which train documents are kept.
    #[serde(default)]
    pub quality: QualitySpec,
    /// What becomes of text that is not UTF-8.
    #[serde(default)]
    pub invalid: Invalid,
    /// Whether attention stays within a document.
    #[serde(default)]
    pub mask_documents: bool,
}

/// A part of a mixture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "as those of `DataSpec`")]
pub struct PartSpec {
    /// Of the bytes, relative to the other parts.
    pub weight: Spanned<f64>,
    pub corpus: Option<Spanned<String>>,
    pub text: Option<Spanned<String>>,
    pub jsonl: Option<Spanned<String>>,
    pub parquet: Option<Spanned<String>>,
    pub tokens: Option<Spanned<String>>,
    pub hf: Option<Spanned<String>>,
    pub synthetic: Option<Spanned<LanguageSpec>>,
    pub field: Option<Spanned<String>>,
    pub column: Option<Spanned<String>>,
    pub files: Option<Spanned<String>>,
}

/// A synthetic language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "language", rename_all = "lowercase")]
pub enum LanguageSpec {
    /// Zipf-weighted strings.
    Patterns {
        /// How many strings.
        patterns: Option<Quantity>,
        /// `a` of the Zipf law `k^-(1 + a)`.
        exponent: Option<Real>,
        /// Bytes of a string.
        length: Option<u64>,
        /// Bytes of text in all.
        bytes: Option<Quantity>,
        /// Seed of strings and text.
        #[serde(default)]
        seed: u64,
    },
    /// A Markov source.
    Markov {
        /// Distinct symbols.
        symbols: Option<u64>,
        /// Symbols that the next one depends on.
        order: Option<u64>,
        /// Symbols that may follow in each state.
        branching: Option<u64>,
        /// Bytes of text in all.
        bytes: Option<Quantity>,
        /// Seed of the source and of its text.
        #[serde(default)]
        seed: u64,
    },
}

/// `unique_tokens`.
#[derive(Clone, Debug, PartialEq)]
pub enum Unique {
    /// The whole train split.
    All,
    /// So many of its tokens.
    Tokens(Quantity),
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UniqueVisitor;
        impl Visitor<'_> for UniqueVisitor {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of tokens such as \"1M\", or \"all\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Unique, E> {
                match text {
                    "all" => Ok(Unique::All),
                    text => Quantity::of_text(text).map(Unique::Tokens),
                }
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Unique, E> {
                self.visit_f64(value as f64)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Unique, E> {
                Quantity::of_number(value).map(Unique::Tokens)
            }
        }
        deserializer.deserialize_any(UniqueVisitor)
    }
}

/// `quality`: `"none"`, `"standard"`, or bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QualitySpec(pub Quality);

impl<'de> Deserialize<'de> for QualitySpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct QualityVisitor;
        impl<'de> Visitor<'de> for QualityVisitor {
            type Value = QualitySpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"none\", \"standard\", or bounds such as { min_bytes = 200, max_symbols = 0.4 }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<QualitySpec, E> {
                match text {
                    "none" => Ok(QualitySpec::default()),
                    "standard" => Ok(QualitySpec(Quality::standard())),
                    other => Err(E::unknown_variant(other, &["none", "standard"])),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<QualitySpec, A::Error> {
                Quality::deserialize(MapAccessDeserializer::new(map)).map(QualitySpec)
            }
        }
        deserializer.deserialize_any(QualityVisitor)
    }
}

fn default_tokenizer() -> Spanned<String> {
    Spanned::new(0..0, "bytes".to_owned())
}

fn default_context() -> Spanned<usize> {
    Spanned::new(0..0, 128)
}
