//! What a long preparation tells its caller.

use std::fmt;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading and cleaning files; counted in packages or files.
    Reading,
    /// Measuring how much of the test text occurs in the train text; counted in documents.
    Overlap,
    /// Writing the cache; counted in files.
    Writing,
}

/// How far a stage has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Done so far.
    pub done: usize,
    /// To be done in all.
    pub total: usize,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Reading => "reading text",
            Stage::Overlap => "measuring the overlap of test and train",
            Stage::Writing => "writing the cache",
        })
    }
}
