//! Damaged and strange inputs: every reader ends in rows or a message.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_core::fuzz::run;
use isoflop_results::parquet::{write_curves, write_runs};
use isoflop_results::sealed::Predicted;
use isoflop_results::{Chain, Curve, CurvePoint, RunRecord, SealedForecast, fuzz};
use std::fs;
use std::path::Path;

const RECORD: &[u8] = include_bytes!("samples/record.json");
const DATA: &[u8] = include_bytes!("samples/data.json");

const CSV: &[&[u8]] = &[
    b"n,tokens,loss,name\n1e6,2e7,3.5,a\n2000000,4e7,3.25,\"b, c\"\n",
    b"\xef\xbb\xbfparams,flops,L\r\n1,2,NaN\r\n,,\r\n",
    b"# a family\nparams;tokens;loss\n1.200.000;40.000.000;7,879\n110M;2,2B;1,45 x 10^18\n",
    b"| n | d |\n|---|---|\n| 1 200 | ~7B |\n",
    b"#n d l\r\n1   2  3\r\n4 5 6\r\n",
];
const JSON_LINES: &[&[u8]] = &[
    b"{\"n\": 1e6, \"loss\": 3.5, \"name\": \"a\"}\n\n{\"loss\": null, \"n\": 12345678901234567890}\n",
    b"\xef\xbb\xbf{\"a\": {\"b\": [1, 2.5, true]}, \"loss\": \"3.5\"}\r\n",
    b"[{\"n\": 1, \"loss\": NaN},\n {\"n\": \"2,5\"}]",
    b"{\"n\": [1, 2], \"loss\": [3.5, null]}",
    b"{\"n\": {\"0\": 1, \"1\": 2}, \"loss\": {\"0\": 3, \"1\": 4}}",
    b"{\"columns\": [\"n\"], \"data\": [[1], [2]], \"runs\": [{\"n\": {\"m\": 1}}]}",
];

fn record() -> RunRecord {
    RunRecord::parse(RECORD).unwrap()
}

/// The bytes of a file that `write` has written.
fn written(write: impl Fn(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    write(&path);
    fs::read(&path).unwrap()
}

fn runs() -> Vec<u8> {
    let mut other = record().row;
    other.run_id.push('b');
    other.peak_memory_bytes = None;
    written(|path| write_runs(path, &[record().row, other.clone()]).unwrap())
}

fn curves() -> Vec<u8> {
    let curve = |run_id: &str| Curve { run_id: run_id.to_owned(), points: record().curve };
    written(|path| write_curves(path, &[curve("a"), curve("b")]).unwrap())
}

#[test]
fn the_samples_are_good() {
    let points: Vec<CurvePoint> = record().curve;
    assert!(points.len() > 2);
    fuzz::record(RECORD);
    assert!(isoflop_results::DataFile::parse(DATA).is_ok());
}

#[test]
fn csv() {
    run(2, 30_000, CSV, fuzz::csv);
}

#[test]
fn json_lines() {
    run(3, 30_000, JSON_LINES, fuzz::json_lines);
}

#[test]
fn parquet() {
    let (runs, curves) = (runs(), curves());
    run(4, 3_000, &[&runs, &curves], fuzz::parquet);
}

#[test]
fn records() {
    run(5, 20_000, &[RECORD], fuzz::record);
}

#[test]
fn runs_parquet() {
    run(6, 1_000, &[&runs(), &curves()], fuzz::runs);
}

#[test]
fn curves_parquet() {
    run(7, 3_000, &[&curves(), &runs()], fuzz::curves);
}

#[test]
fn data_json() {
    run(8, 20_000, &[DATA], fuzz::data);
}

#[test]
fn sealed_forecasts() {
    let positive = Predicted { value: 2.0, low: 1.9, high: 2.1 };
    let mut chain = Chain::default();
    for run_id in ["n1-s0-aa", "n2-s0-bb"] {
        let forecast = SealedForecast {
            compute: 1e13,
            reach: 10.0,
            level: 0.9,
            n_opt: positive,
            d_opt: positive,
            loss_opt: positive,
            loss: positive,
            c_exact: 1e13,
            epochs: 1.0,
            seeds: vec![0],
            run_ids: vec![run_id.to_owned()],
            ..SealedForecast::new()
        };
        chain.push(forecast).unwrap();
    }
    run(9, 20_000, &[chain.text().as_bytes()], fuzz::forecasts);
}
