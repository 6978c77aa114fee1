//! Reports the progress of a long preparation to its caller.

use std::fmt;

/// A stage of the preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Fetching files of a dataset, counted in files.
    Fetching,
    /// Reading and cleaning packages, counted in packages.
    Cleaning,
    /// Reading every document once to split them, counted in bytes of the source.
    Reading,
    /// Reading the documents held out, counted in bytes of the source.
    HoldingOut,
    /// Reading text and training a vocabulary on it, counted in bytes of the source.
    Learning,
    /// Tokenizing, writing and comparing with the test, counted in bytes of the source.
    Tokenizing,
    /// Counting n-grams and scoring the test by them, counted in tokens.
    Counting,
    /// Measuring correlations by distance, counted in tokens.
    Correlating,
}

/// How far a stage has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Stage that is running.
    pub stage: Stage,
    /// Units done so far: files, packages, bytes or tokens.
    pub done: u64,
    /// Units of the whole stage.
    pub total: u64,
}

impl Stage {
    /// Whether the stage is counted in bytes.
    pub fn in_bytes(self) -> bool {
        !matches!(self, Stage::Fetching | Stage::Cleaning | Stage::Counting | Stage::Correlating)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Fetching => "fetching files",
            Stage::Cleaning => "reading packages",
            Stage::Reading => "reading text",
            Stage::HoldingOut => "holding out the test",
            Stage::Learning => "learning a vocabulary",
            Stage::Tokenizing => "tokenizing",
            Stage::Counting => "counting n-grams",
            Stage::Correlating => "correlating tokens",
        })
    }
}
