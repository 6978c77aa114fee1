//! The table `[data]`: the source of the text and what is done with it.

use super::Quantity;
use isoflop_core::data::{Invalid, Quality, Real};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;
use toml::Spanned;

/// The table `[data]`: one source, and what is done with its text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Name of a built-in corpus.
    pub corpus: Option<Spanned<String>>,
    /// Path or glob of text files, relative to the sweep file.
    pub text: Option<Spanned<String>>,
    /// Path or glob of files of JSON lines, relative to the sweep file.
    pub jsonl: Option<Spanned<String>>,
    /// Path or glob of parquet files, relative to the sweep file.
    pub parquet: Option<Spanned<String>>,
    /// Path or glob of files of token ids, relative to the sweep file.
    pub tokens: Option<Spanned<String>>,
    /// Dataset of the Hugging Face hub: `owner/name` or `owner/name@revision`.
    pub hf: Option<Spanned<String>>,
    /// Synthetic language whose entropy is known.
    pub synthetic: Option<Spanned<LanguageSpec>>,
    /// Several sources with weights.
    pub mixture: Option<Spanned<Vec<Spanned<PartSpec>>>>,
    /// Key of the JSON objects that holds the text.
    pub field: Option<Spanned<String>>,
    /// Column of the parquet files that holds the text.
    pub column: Option<Spanned<String>>,
    /// Glob over the files of a dataset.
    pub files: Option<Spanned<String>>,
    /// Name of the tokenizer.
    #[serde(default = "default_tokenizer")]
    pub tokenizer: Spanned<String>,
    /// Tokens per window.
    #[serde(default = "default_context")]
    pub context: Spanned<usize>,
    /// Cap on the scored test text, in bytes of text and separators.
    pub test_tokens: Option<Spanned<Quantity>>,
    /// Share of the bytes that is held out.
    pub test_fraction: Option<Spanned<f64>>,
    /// Path or glob of the test, of the same kind as the source.
    pub test: Option<Spanned<String>>,
    /// Seed with which the test documents are drawn.
    #[serde(default)]
    pub split_seed: u64,
    /// Largest share of the test's 13-grams that may occur in the train split.
    pub max_overlap: Option<Spanned<f64>>,
    /// Tokens of a fixed subset of the train split, or `"all"`.
    pub unique_tokens: Option<Spanned<Unique>>,
    /// Bounds that train documents must keep.
    #[serde(default)]
    pub quality: QualitySpec,
    /// Treatment of text that is not UTF-8.
    #[serde(default)]
    pub invalid: Invalid,
    /// Whether attention stays within a document.
    #[serde(default)]
    pub mask_documents: bool,
}

/// One source of a mixture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "as those of `DataSpec`")]
pub struct PartSpec {
    /// Share of the bytes, relative to the weights of the other parts.
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
    /// Strings that occur with Zipf weights.
    Patterns {
        /// Number of distinct strings.
        patterns: Option<Quantity>,
        /// `a` of the Zipf law `k^-(1 + a)`.
        exponent: Option<Real>,
        /// Bytes per string.
        length: Option<u64>,
        /// Bytes of the whole text.
        bytes: Option<Quantity>,
        /// Seed of the strings and of the text.
        #[serde(default)]
        seed: u64,
    },
    /// A random Markov source.
    Markov {
        /// Number of distinct symbols.
        symbols: Option<u64>,
        /// Number of preceding symbols that the next one depends on.
        order: Option<u64>,
        /// Number of symbols that may follow in each state.
        branching: Option<u64>,
        /// Bytes of the whole text.
        bytes: Option<Quantity>,
        /// Seed of the source and of the text.
        #[serde(default)]
        seed: u64,
    },
    /// A random walk on a random directed graph.
    Walk {
        /// Number of nodes.
        nodes: Option<Quantity>,
        /// Number of edges from every node.
        degree: Option<u64>,
        /// `a` of the Zipf law `k^-(1 + a)` of the edges of a node.
        exponent: Option<Real>,
        /// Bytes of the whole text.
        bytes: Option<Quantity>,
        /// Seed of graph, names and text.
        #[serde(default)]
        seed: u64,
    },
    /// Sentences of a random grammar.
    Grammar {
        /// Number of distinct symbols of every level.
        symbols: Option<u64>,
        /// Levels of the tree above the leaves.
        levels: Option<u64>,
        /// Probability that both children are the copies of their parent.
        copy: Option<Real>,
        /// Bytes of the whole text.
        bytes: Option<Quantity>,
        /// Seed of the grammar and of the text.
        #[serde(default)]
        seed: u64,
    },
}

/// Value of `unique_tokens`.
#[derive(Clone, Debug, PartialEq)]
pub enum Unique {
    /// The whole train split.
    All,
    /// A subset of this many tokens.
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

/// Value of `quality`: `"none"`, `"standard"`, or bounds.
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
