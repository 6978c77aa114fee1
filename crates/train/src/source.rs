//! Turns the source of text that a plan names into prepared data.

use isoflop_core::data::{DataOptions, DataSource};
use isoflop_data::{DataError, Metadata, Places, Prepared, Progress, Request};
use isoflop_results::DataRecord;
use isoflop_results::data::{Correlation, Entropy, KnownExponents, ReferenceLoss};
use isoflop_sweep::PlannedRun;
use isoflop_sweep::plan::{DataFacts, DataRequest};
use std::path::Path;

/// Prepares the text that a plan names.
///
/// # Errors
/// The same as those of [`isoflop_data::prepare`].
pub fn prepare(
    source: &DataSource,
    options: &DataOptions,
    test_tokens: u64,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    let request = Request { source, options, test_tokens: test_tokens as usize };
    isoflop_data::prepare(&request, progress)
}

/// Prepares the text that a run trains on.
///
/// # Errors
/// The same as those of [`prepare`].
pub fn prepare_run(run: &PlannedRun, progress: &dyn Fn(Progress)) -> Result<Prepared, DataError> {
    prepare(&run.source, &run.options, run.test_tokens, progress)
}

/// Prepares the text that a run trains on, in a cache other than this machine's own.
///
/// # Errors
/// The same as those of [`prepare`].
pub fn prepare_run_in(
    run: &PlannedRun,
    cache: &Path,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    let places = Places { cache: cache.to_owned(), ..Places::of_this_machine()? };
    let request = Request {
        source: &run.source,
        options: &run.options,
        test_tokens: run.test_tokens as usize,
    };
    isoflop_data::prepare_at(&request, &places, progress)
}

/// Facts of a source that the planner must know. `remark` gets what a person should know about the
/// cache.
///
/// # Errors
/// The same as those of [`prepare`]; or the train split is shorter than one window.
pub fn data_facts(
    request: &DataRequest,
    progress: &dyn Fn(Progress),
    remark: &dyn Fn(&str),
) -> Result<DataFacts, DataError> {
    let prepared = prepare(&request.source, &request.options, request.test_tokens, progress)?;
    prepared.note().into_iter().for_each(remark);
    prepared.metadata().windows(request.context)?;
    Ok(DataFacts::of(record(prepared.metadata())))
}

/// Record of prepared data that is kept with the results.
pub fn record(metadata: &Metadata) -> DataRecord {
    DataRecord {
        data_digest: metadata.digest.clone(),
        corpus: metadata.name.clone(),
        tokenizer: metadata.tokenizer.clone(),
        vocab_size: metadata.vocab_size as u64,
        separator: u64::from(metadata.separator),
        train_documents: metadata.train.documents as u64,
        train_bytes: metadata.train.bytes,
        train_tokens: metadata.train.tokens as u64,
        held_out_documents: Some(metadata.test.documents as u64),
        held_out_bytes: Some(metadata.test.bytes),
        test_documents: metadata.scored.stretches as u64,
        test_bytes: metadata.scored.bytes as u64,
        test_tokens: metadata.scored.tokens as u64,
        overlap: metadata.overlap.share(),
        near_duplicates: metadata.near.test as u64,
        entropy: metadata.entropy.zip(metadata.entropy_per_token()).map(
            |(rate, nats_per_token)| Entropy { nats_per_token, bits_per_byte: rate.bits_per_byte },
        ),
        exponents: metadata.exponents.map(|known| KnownExponents {
            alpha: known.alpha,
            beta: known.beta,
            correlation: known.correlation,
        }),
        correlations: metadata.correlations.as_ref().map(|found| {
            let correlation = |found: &isoflop_data::Correlation| Correlation {
                distance: found.distance as u64,
                strength: found.strength,
                standard_error: found.standard_error,
            };
            found.iter().map(correlation).collect()
        }),
        references: metadata
            .references
            .iter()
            .map(|row| ReferenceLoss {
                name: row.name.clone(),
                train_tokens: row.train_tokens.map(|tokens| tokens as u64),
                test_loss: row.loss.nats_per_token,
                test_loss_se: row.loss.standard_error,
                test_bpb: row.loss.bits_per_byte,
            })
            .collect(),
    }
}
