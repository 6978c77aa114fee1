//! Measures tokens without a model: losses of n-grams, and correlations by distance.

use crate::correlations::{Correlation, correlations};
use crate::progress::{Progress, Stage};
use crate::reference::{Reference, references};
use crate::test_stream::TestStream;
use crate::tokens::Tokens;

/// What is measured of tokens.
pub(crate) struct Measured {
    pub(crate) references: Vec<Reference>,
    pub(crate) correlations: Vec<Correlation>,
}

/// What is measured of the train tokens, with losses on the test.
pub(crate) fn measured(
    train: &Tokens,
    test: &TestStream,
    separator: u32,
    vocab_size: usize,
    progress: &dyn Fn(Progress),
) -> Measured {
    let step = |done, total| progress(Progress { stage: Stage::Counting, done, total });
    let references = references(train, test, vocab_size, &step);
    let correlations = correlated(train, separator, vocab_size, progress);
    Measured { references, correlations }
}

/// Correlations of the train tokens by distance.
pub(crate) fn correlated(
    train: &Tokens,
    separator: u32,
    vocab_size: usize,
    progress: &dyn Fn(Progress),
) -> Vec<Correlation> {
    let step = |done, total| progress(Progress { stage: Stage::Correlating, done, total });
    correlations(train, separator, vocab_size, &step)
}
