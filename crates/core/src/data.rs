//! What data a run asks for, as checked words: shared by those who plan and those who prepare.

use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

/// A finite number that can be a key: equal and hashed by its bits.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Real(pub f64);

impl TryFrom<f64> for Real {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        match value.is_finite() {
            true => Ok(Real(value)),
            false => Err(format!("{value} is not a finite number")),
        }
    }
}

impl From<Real> for f64 {
    fn from(real: Real) -> f64 {
        real.0
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Where documents come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// A built-in corpus by name.
    Corpus(String),
    /// Text files, a document each; plain, gzip or zstd.
    Text {
        /// A path or glob, as written.
        pattern: String,
        /// Folder that it is relative to: the sweep file's.
        base: PathBuf,
    },
    /// JSON lines, a document each; plain, gzip or zstd.
    Jsonl {
        /// A path or glob, as written.
        pattern: String,
        /// Folder that it is relative to.
        base: PathBuf,
        /// The key that holds the text; parts of a path with dots between.
        field: String,
    },
    /// Parquet files, a document a row.
    Parquet {
        /// A path or glob, as written.
        pattern: String,
        /// Folder that it is relative to.
        base: PathBuf,
        /// The column that holds the text.
        column: String,
    },
    /// `.bin` and `.npy` files of token ids, in documents by the tokenizer's separator.
    Tokens {
        /// A path or glob, as written.
        pattern: String,
        /// Folder that it is relative to.
        base: PathBuf,
    },
    /// Files of a dataset on the Hugging Face hub.
    Hub {
        /// `owner/name`.
        dataset: String,
        /// Branch, tag or commit.
        revision: String,
        /// A glob over the dataset's files.
        files: String,
        /// Key or column that holds the text.
        field: String,
    },
    /// A language whose entropy is known.
    Synthetic(Language),
    /// Several sources, each with its share of the bytes.
    Mixture(Vec<Share>),
}

/// A part of a mixture.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Share {
    /// Of the bytes, relative to the other parts; positive.
    pub weight: Real,
    /// Never a mixture itself.
    pub source: DataSource,
}

/// A synthetic language with a known entropy rate. Documents are independent draws, with a length that is
/// geometric about 256 bytes; sentences of a grammar above that length are documents of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Fixed random strings of equal length; string `k` comes with probability in proportion to
    /// `k^-(1 + exponent)`, each independent of those before. What is to be learnt is the strings.
    Patterns {
        /// How many strings.
        patterns: u64,
        /// `a` of the Zipf law `k^-(1 + a)`.
        exponent: Real,
        /// Bytes of a string.
        length: u64,
        /// Bytes of text in all.
        bytes: u64,
        /// Seed of strings and text.
        seed: u64,
    },
    /// A Markov source: the next symbol depends on so many before it.
    Markov {
        /// Distinct symbols.
        symbols: u64,
        /// Symbols that the next one depends on.
        order: u64,
        /// Symbols that may follow in each state, with probabilities uniform on their simplex.
        branching: u64,
        /// Bytes of text in all.
        bytes: u64,
        /// Seed of the source and of its text.
        seed: u64,
    },
    /// A random walk on a random directed graph, with as many edges from each node. Every node has a name of its
    /// own; what is to be learnt is the edges.
    Walk {
        /// How many nodes.
        nodes: u64,
        /// Edges from every node.
        degree: u64,
        /// `a` of the Zipf law `k^-(1 + a)` of the edges of a node; without one all are alike.
        exponent: Option<Real>,
        /// Bytes of text in all.
        bytes: u64,
        /// Seed of graph, names and text.
        seed: u64,
    },
    /// Sentences of a random grammar: binary trees whose leaves are the symbols. Correlations fall as a power
    /// of the distance.
    Grammar {
        /// Distinct symbols of every level; an odd prime.
        symbols: u64,
        /// Levels of the tree above the leaves, so that a sentence has `2^levels` symbols.
        levels: u64,
        /// Probability that both children are the copies of their parent.
        copy: Real,
        /// Bytes of text in all.
        bytes: u64,
        /// Seed of the grammar and of its text.
        seed: u64,
    },
}

impl Language {
    /// As written, for people.
    fn name(&self) -> String {
        match self {
            Language::Patterns { patterns, exponent, length, seed, .. } => {
                format!("patterns-{patterns}-a{}-l{length}-s{seed}", exponent.0)
            }
            Language::Markov { symbols, order, branching, seed, .. } => {
                format!("markov-{symbols}-o{order}-b{branching}-s{seed}")
            }
            Language::Walk { nodes, degree, exponent, seed, .. } => {
                let weights = exponent.map_or(String::new(), |a| format!("-a{}", a.0));
                format!("walk-{nodes}-d{degree}{weights}-s{seed}")
            }
            Language::Grammar { symbols, levels, copy, seed, .. } => {
                format!("grammar-{symbols}-l{levels}-c{}-s{seed}", copy.0)
            }
        }
    }
}

impl DataSource {
    /// As written, for people.
    pub fn name(&self) -> String {
        match self {
            DataSource::Corpus(name) => name.clone(),
            DataSource::Text { pattern, .. }
            | DataSource::Jsonl { pattern, .. }
            | DataSource::Parquet { pattern, .. }
            | DataSource::Tokens { pattern, .. } => pattern.clone(),
            DataSource::Hub { dataset, revision, .. } => format!("{dataset}@{revision}"),
            DataSource::Synthetic(language) => language.name(),
            DataSource::Mixture(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|part| format!("{} {}", part.weight.0, part.source.name()))
                    .collect();
                parts.join(" + ")
            }
        }
    }
}

/// What is done with the documents of a source. The default is what a sweep file without these keys means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct DataOptions {
    /// `bytes`, `gpt2`, `cl100k`, `o200k`, `bpe:N`, or the path of a `tokenizer.json`.
    pub tokenizer: String,
    /// Share of the bytes held out; without one a tenth, but at most 32 MiB.
    pub test_fraction: Option<Real>,
    /// A path or glob of the same kind as the source that is the test instead.
    pub test: Option<String>,
    /// Seed of the draw of test documents.
    pub split_seed: u64,
    /// Largest share of the test's 13-grams that may occur in the train split.
    pub max_overlap: Real,
    /// Tokens of a fixed subset of the train split, repeated as often as a run needs.
    pub unique_tokens: Option<u64>,
    /// Which train documents are kept.
    pub quality: Quality,
    /// What becomes of text that is not UTF-8, or holds the separator.
    pub invalid: Invalid,
}

impl Default for DataOptions {
    fn default() -> Self {
        DataOptions {
            tokenizer: "bytes".to_owned(),
            test_fraction: None,
            test: None,
            split_seed: 0,
            max_overlap: Real(DataOptions::MAX_OVERLAP),
            unique_tokens: None,
            quality: Quality::default(),
            invalid: Invalid::default(),
        }
    }
}

impl DataOptions {
    /// Largest overlap unless the sweep file says otherwise.
    pub const MAX_OVERLAP: f64 = 0.1;

    /// Whether a tokenizer may be called so; whether a file is there and can be read is not looked at.
    pub fn knows_tokenizer(name: &str) -> bool {
        let learnt = name.strip_prefix("bpe:").map(str::parse::<usize>);
        matches!(name, "bytes" | "gpt2" | "cl100k" | "o200k")
            || name.ends_with(".json")
            || matches!(learnt, Some(Ok(_)))
    }

    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == DataOptions::default()
    }
}

/// Text that is not UTF-8, or holds a NUL where NUL separates documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Invalid {
    /// An error that names the place.
    #[default]
    Error,
    /// U+FFFD in its place.
    Replace,
    /// The document is left out.
    Drop,
}

/// Bounds that a train document must keep; those absent hold for any. The test is never filtered, so that
/// losses of a raw and a filtered corpus are measured on the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quality {
    /// Fewest bytes.
    pub min_bytes: Option<u64>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
    /// Largest share of characters that are neither letters, digits nor white space.
    pub max_symbols: Option<Real>,
    /// Smallest ratio of compressed bytes to bytes (zstd, level 1).
    pub min_compressed: Option<Real>,
    /// Largest ratio of compressed bytes to bytes.
    pub max_compressed: Option<Real>,
    /// Largest share of lines that are not blank and equal an earlier one of the document.
    pub max_repeated_lines: Option<Real>,
}

impl Quality {
    /// Bounds that suit most prose and code: at least 200 bytes, at most 40 % symbols, compressed to a fifth
    /// to nine tenths, at most 30 % repeated lines.
    pub fn standard() -> Self {
        Quality {
            min_bytes: Some(200),
            max_bytes: None,
            max_symbols: Some(Real(0.4)),
            min_compressed: Some(Real(0.2)),
            max_compressed: Some(Real(0.9)),
            max_repeated_lines: Some(Real(0.3)),
        }
    }
}
