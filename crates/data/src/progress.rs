//! What a long preparation tells its caller.

use std::fmt;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Fetching files of a dataset; counted in files.
    Fetching,
    /// Reading and cleaning packages; counted in packages.
    Cleaning,
    /// Reading every document once to split them; counted in bytes of the source.
    Reading,
    /// Reading the documents held out; counted in bytes of the source.
    HoldingOut,
    /// Reading and learning a vocabulary; counted in bytes of the source.
    Learning,
    /// Reading, tokenizing and writing, and looking for what the test shares; counted in bytes of the source.
    Tokenizing,
    /// Counting n-grams; not counted.
    Counting,
}

/// How far a stage has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Done so far.
    pub done: u64,
    /// To be done in all.
    pub total: u64,
}

impl Stage {
    /// Whether it is counted in bytes.
    pub fn in_bytes(self) -> bool {
        !matches!(self, Stage::Fetching | Stage::Cleaning | Stage::Counting)
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
        })
    }
}
