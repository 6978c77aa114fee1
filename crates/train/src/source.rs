//! From a planned source of text to prepared data.

use isoflop_core::data::{DataOptions, DataSource};
use isoflop_data::{DataError, Metadata, Places, Prepared, Progress, Request};
use isoflop_results::DataRecord;
use isoflop_results::data::{Entropy, ReferenceLoss};
use isoflop_sweep::PlannedRun;
use isoflop_sweep::plan::{DataFacts, DataRequest};
use std::path::Path;

/// Prepares what a plan names.
///
/// # Errors
/// As [`isoflop_data::prepare`].
pub fn prepare(
    source: &DataSource,
    options: &DataOptions,
    test_tokens: u64,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    let request = Request { source, options, test_tokens: test_tokens as usize };
    isoflop_data::prepare(&request, progress)
}

/// Prepares what a run trains on.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_run(run: &PlannedRun, progress: &dyn Fn(Progress)) -> Result<Prepared, DataError> {
    prepare(&run.source, &run.options, run.test_tokens, progress)
}

/// As [`prepare_run`], with another cache than this machine's own.
///
/// # Errors
/// As [`prepare`].
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

/// What the planner must know of a source; `remark` is told what a person should know of the cache.
///
/// # Errors
/// As [`prepare`], or a train split shorter than one window.
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

/// What results keep of prepared data.
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
        references: metadata
            .references
            .iter()
            .map(|row| ReferenceLoss {
                name: row.name.clone(),
                test_loss: row.loss.nats_per_token,
                test_loss_se: row.loss.standard_error,
                test_bpb: row.loss.bits_per_byte,
            })
            .collect(),
    }
}
