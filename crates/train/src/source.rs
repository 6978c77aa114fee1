//! From a planned source of text to prepared data.

use isoflop_data::{DataError, DataSource as Source, Prepared, Progress, Request};
use isoflop_sweep::plan::{DataFacts, DataRequest};
use isoflop_sweep::run::DataSource;
use std::path::Path;

/// Prepares what a run or a plan names.
///
/// # Errors
/// As [`isoflop_data::prepare`].
pub fn prepare(
    source: &DataSource,
    test_tokens: u64,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    let (source, base_dir) = match source {
        DataSource::Corpus(name) => (Source::Corpus(name.parse()?), Path::new("")),
        DataSource::Text { pattern, base } => (Source::Text(pattern.clone()), base.as_path()),
    };
    let request = Request {
        source: &source,
        base_dir,
        test_tokens: test_tokens as usize,
    };
    isoflop_data::prepare(&request, progress)
}

/// What the planner must know of a source.
///
/// # Errors
/// As [`prepare`], or a train split shorter than one window.
pub fn data_facts(
    request: &DataRequest,
    progress: &dyn Fn(Progress),
) -> Result<DataFacts, DataError> {
    let prepared = prepare(&request.source, request.test_tokens, progress)?;
    let metadata = prepared.metadata();
    metadata.windows(request.context)?;
    Ok(DataFacts {
        name: metadata.name.clone(),
        digest: metadata.digest.clone(),
        vocab_size: metadata.vocab_size,
        train_tokens: metadata.train.tokens as u64,
        test_tokens: metadata.scored.tokens as u64,
    })
}
