//! A person's own text, from files to windows.

#![allow(clippy::unwrap_used)]

use isoflop_data::{DataError, DataSource, Prepared, Request, TrainStream, prepare};
use std::fs;
use std::path::Path;

fn prepare_text(base_dir: &Path, pattern: &str, test_tokens: usize) -> Result<Prepared, DataError> {
    let source = DataSource::Text(pattern.to_owned());
    prepare(
        &Request {
            source: &source,
            base_dir,
            test_tokens,
        },
        &|_| {},
    )
}

fn folder_of(files: usize, end: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..files {
        let lines: Vec<String> = (0..50)
            .map(|line| format!("line {line} of file {file}{end}"))
            .collect();
        fs::write(folder.path().join(format!("{file}.txt")), lines.concat()).unwrap();
    }
    folder
}

#[test]
fn every_byte_trains_or_is_held_out() {
    let folder = folder_of(40, "\n");
    let prepared = prepare_text(folder.path(), "*.txt", 1 << 18).unwrap();
    let metadata = prepared.metadata();
    let written: u64 = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!((metadata.train.bytes + metadata.test.bytes) as u64, written);
    assert_eq!(metadata.train.documents + metadata.test.documents, 40);
    assert_eq!(metadata.scored.bytes, metadata.test.bytes);
    assert_eq!(metadata.sources.len(), 40);

    let data = prepared.load(&|_| {}).unwrap();
    let stream = TrainStream::new(data.train.clone(), 16, 0).unwrap();
    assert_eq!(stream.windows(), metadata.windows(16).unwrap());
    assert_eq!(stream.windows().count(), (data.train.len() as u64 - 1) / 16);
}

#[test]
fn the_digest_follows_the_text_and_the_cap_but_not_the_folder_or_line_ends() {
    let digest = |folder: &Path, test_tokens| {
        prepare_text(folder, "*.txt", test_tokens)
            .unwrap()
            .metadata()
            .digest
            .clone()
    };
    let (unix, windows) = (folder_of(12, "\n"), folder_of(12, "\r\n"));
    let first = digest(unix.path(), 1 << 18);
    assert_eq!(first.len(), 16);
    assert_eq!(first, digest(windows.path(), 1 << 18));
    assert_ne!(first, digest(unix.path(), 100));
    fs::write(unix.path().join("3.txt"), "something else").unwrap();
    assert_ne!(first, digest(unix.path(), 1 << 18));
}

#[test]
fn a_context_longer_than_the_text_is_refused() {
    let folder = folder_of(1, "\n");
    let prepared = prepare_text(folder.path(), "0.txt", 1 << 18).unwrap();
    let tokens = prepared.metadata().train.tokens;
    let error = prepared.metadata().windows(tokens).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{tokens} tokens of train text do not fill one context of {tokens}")
    );
}

#[test]
fn a_test_of_no_tokens_is_refused() {
    let folder = folder_of(1, "\n");
    let error = prepare_text(folder.path(), "0.txt", 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test_tokens = 0 leaves no text to be scored"
    );
    assert_eq!(
        error.hint().unwrap(),
        "leave it out for the default, 262144"
    );
}
