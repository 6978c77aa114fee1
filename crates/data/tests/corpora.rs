//! Tests of the built-in corpora, built from cargo's unpacked sources.

#![allow(clippy::unwrap_used)]

use isoflop_core::data::{DataOptions, DataSource};
use isoflop_data::{Cached, Corpus, Metadata, Places, Prepared, Request, Split, prepare_at};
use std::fs;
use std::path::Path;

fn prepare(corpus: Corpus, test_tokens: usize, places: &Places) -> Prepared {
    let source = DataSource::Corpus(corpus.to_string());
    let options = DataOptions::default();
    let request = Request { source: &source, options: &options, test_tokens };
    prepare_at(&request, places, &|_| {}).unwrap()
}

fn places(cache: &Path) -> Places {
    Places { cache: cache.to_owned(), ..Places::of_this_machine().unwrap() }
}

fn is_sane(metadata: &Metadata) {
    let Metadata { train, test, scored, .. } = metadata;
    assert!(train.bytes > 15_000_000, "{} bytes of train text", train.bytes);
    let share = test.bytes as f64 / (train.bytes + test.bytes) as f64;
    assert!((0.04..0.08).contains(&share), "{share} of the text is test");
    assert!(scored.tokens <= 1 << 18 && scored.tokens > (1 << 18) - 5);
    assert!(scored.stretches > 64);
    let overlap = metadata.overlap.share().unwrap();
    assert!(overlap < 0.02, "{overlap} of the test's 13-grams occur in train");
    assert!(matches!(&metadata.split, Split::Family { test } if test.len() >= 5));
    let whole = metadata.references.iter().filter(|row| row.train_tokens.is_none());
    let losses: Vec<f64> = whole.map(|row| row.loss.bits_per_byte).collect();
    assert!(
        losses[..6].is_sorted_by(|a, b| a > b) && losses.len() == 9,
        "uniform, unigram, 2-gram to 8-gram: {losses:?}"
    );
}

/// Digests of the data that published results were made with.
const DIGESTS: [&str; 2] = ["af5def66c47b168c", "e6dcdd34503e6f96"];

#[test]
fn both_corpora_are_as_pinned_and_held_out_honestly() {
    let cache = tempfile::tempdir().unwrap();
    let places = places(cache.path());
    for (corpus, digest) in Corpus::ALL.into_iter().zip(DIGESTS) {
        // Preparing compares the digest of the text with the pinned one.
        let prepared = prepare(corpus, 1 << 18, &places);
        is_sane(prepared.metadata());
        assert_eq!(prepared.metadata().digest, digest);
        let data = prepared.load(&|_| {}).unwrap();
        assert_eq!(data.train.len(), prepared.metadata().train.tokens);
        assert_eq!(data.test.len(), prepared.metadata().scored.tokens);
        assert_eq!(data.test.stretches(), prepared.metadata().scored.stretches);
        let again = prepare(corpus, 1 << 18, &places);
        assert_eq!(again.metadata(), prepared.metadata());
        assert_eq!(Cached::all(&places).len(), 1 + corpus as usize);
    }
}

#[test]
fn two_builders_at_once_and_a_damaged_cache_give_the_same_data() {
    let cache = tempfile::tempdir().unwrap();
    let places = places(cache.path());
    let build = || {
        let prepared = prepare(Corpus::RustDocs1, 1 << 12, &places);
        let data = prepared.load(&|_| {}).unwrap();
        (prepared, data)
    };
    let (first, second) = std::thread::scope(|scope| {
        let (first, second) = (scope.spawn(build), scope.spawn(build));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(first.1.train, second.1.train);
    assert_eq!(first.0.folder(), second.0.folder());

    let train = first.0.folder().join("train.tokens");
    let good = fs::read(&train).unwrap();
    let mut bytes = good.clone();
    bytes[1_000_000] ^= 1;
    fs::write(&train, &bytes).unwrap();
    let (_, mended) = build();
    assert_eq!(mended.train.len(), good.len());
    assert!(fs::read(&train).unwrap() == good);
}

#[test]
fn missing_sources_are_counted_and_no_data_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places { cache: folder.path().join("cache"), sources: folder.path().join("src") };
    let source = DataSource::Corpus("rust-code@1".to_owned());
    let options = DataOptions::default();
    let request = Request { source: &source, options: &options, test_tokens: 1 << 18 };
    let error = prepare_at(&request, &places, &|_| {}).unwrap_err();
    let message = error.to_string();
    let start = "rust-code@1 is made of the sources of ";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains("the first being adler2-"), "{message}");
    assert_eq!(error.hint().unwrap(), "run `cargo fetch --locked` in the checkout of isoflop");
    assert!(Cached::all(&places).is_empty());
}
