//! Damaged files: reading one ends in values or a message.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_core::fuzz::run;
use isoflop_parquet::fuzz::{columns, texts};

fn samples() -> Vec<Vec<u8>> {
    let folder = format!("{}/tests/samples", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn damaged_files_end_in_values_or_a_message() {
    let samples = samples();
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    run(1, 10_000, &samples, |bytes| {
        columns(bytes);
        texts(bytes);
    });
}

#[test]
fn every_bit_of_a_sample_may_flip() {
    let sample = &samples()[0];
    for at in 0..sample.len() * 8 {
        let mut bytes = sample.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        columns(&bytes);
    }
}
