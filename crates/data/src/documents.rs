//! Text split into train and test, whatever its source: what the rest of the road starts from.

use crate::metadata::Dropped;
use serde::{Deserialize, Serialize};

/// How the test text was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Split {
    /// Whole families of packages.
    Family {
        /// The test families; all others train.
        test: Vec<String>,
    },
    /// Whole documents, drawn without regard to their content.
    Document {
        /// Seed of the draw.
        seed: u64,
    },
    /// Too few documents to hold any out: the end of each.
    Tail {
        /// Share of each document's bytes, to the next line.
        share: f64,
    },
}

/// Cleaned documents, split. None holds a NUL.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    pub(crate) train: Vec<String>,
    pub(crate) test: Vec<String>,
    pub(crate) split: Split,
    pub(crate) dropped: Dropped,
    /// Packages or files that the text was taken from.
    pub(crate) sources: Vec<String>,
}
