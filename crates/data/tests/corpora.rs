//! The built-in corpora, built from the sources that cargo unpacked to build this very program.

#![allow(clippy::unwrap_used)]

use isoflop_data::{Corpus, DataSource, Metadata, Places, Prepared, Request, Split, prepare_at};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

fn prepare(corpus: Corpus, test_tokens: usize, places: &Places) -> Prepared {
    let source = DataSource::Corpus(corpus);
    let request = Request {
        source: &source,
        base_dir: Path::new(""),
        test_tokens,
    };
    prepare_at(&request, places, &|_| {}).unwrap()
}

fn places(cache: &Path) -> Places {
    Places {
        cache: cache.to_owned(),
        ..Places::of_this_machine().unwrap()
    }
}

fn is_sane(metadata: &Metadata) {
    let Metadata {
        train,
        test,
        scored,
        ..
    } = metadata;
    assert!(
        train.bytes > 15_000_000,
        "{} bytes of train text",
        train.bytes
    );
    let share = test.bytes as f64 / (train.bytes + test.bytes) as f64;
    assert!((0.04..0.08).contains(&share), "{share} of the text is test");
    assert!(scored.tokens <= 1 << 18 && scored.tokens > (1 << 18) - 5);
    assert!(scored.stretches > 64);
    let overlap = metadata.overlap.share().unwrap();
    assert!(
        overlap < 0.02,
        "{overlap} of the test's 13-grams occur in train"
    );
    assert!(matches!(&metadata.split, Split::Family { test } if test.len() >= 5));
}

#[test]
fn both_corpora_are_as_pinned_and_held_out_honestly() {
    let cache = tempfile::tempdir().unwrap();
    let places = places(cache.path());
    for corpus in Corpus::ALL {
        // Building compares the digest with the pinned one.
        let prepared = prepare(corpus, 1 << 18, &places);
        is_sane(prepared.metadata());
        let data = prepared.load(&|_| {}).unwrap();
        assert_eq!(data.train.len(), prepared.metadata().train.tokens);
        assert_eq!(data.test.len(), prepared.metadata().scored.tokens);
        assert_eq!(data.test.stretches(), prepared.metadata().scored.stretches);

        let start = Instant::now();
        let again = prepare(corpus, 1 << 18, &places);
        assert!(
            start.elapsed() < Duration::from_millis(250),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(again.metadata(), prepared.metadata());
        assert_eq!(
            fs::read_dir(cache.path()).unwrap().count(),
            1 + corpus as usize
        );
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
    let entries: Vec<_> = fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(entries.len(), 1, "{entries:?}");

    let train = entries[0].join("train.tokens");
    let mut bytes = fs::read(&train).unwrap();
    bytes[1_000_000] ^= 1;
    fs::write(&train, &bytes).unwrap();
    let (_, mended) = build();
    assert_eq!(mended.train, first.1.train);
    assert_eq!(fs::read(&train).unwrap().len(), bytes.len());
    assert!(fs::read(&train).unwrap() != bytes);
}

#[test]
fn missing_sources_are_counted_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places {
        cache: folder.path().join("cache"),
        sources: folder.path().join("src"),
    };
    let source = DataSource::Corpus(Corpus::RustCode1);
    let request = Request {
        source: &source,
        base_dir: Path::new(""),
        test_tokens: 1 << 18,
    };
    let error = prepare_at(&request, &places, &|_| {}).unwrap_err();
    let message = error.to_string();
    let start = "rust-code@1 is made of the sources of ";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains("the first being adler2-"), "{message}");
    assert_eq!(
        error.hint().unwrap(),
        "run `cargo fetch --locked` in the checkout of isoflop"
    );
    assert!(!places.cache.exists());
}
