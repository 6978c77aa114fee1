//! What of a row is the same in every repeat of its run on one machine.

use crate::file::sha256;
use crate::row::RunRow;
use serde_json::{Map, Value};

/// Parts of the names of columns that may differ between repeats.
const MAY_DIFFER: [&str; 7] = ["time", "per_s", "mfu", "memory", "host", "pid", "attempt"];

/// A row without the columns that may differ between repeats.
pub fn reproducible(row: &RunRow) -> Map<String, Value> {
    let value = serde_json::to_value(row).expect("a struct of text and numbers");
    let Value::Object(mut columns) = value else {
        unreachable!("a struct is an object");
    };
    columns.retain(|name, _| !MAY_DIFFER.iter().any(|part| name.contains(part)));
    columns
}

/// SHA-256 of rows without what may differ between repeats, whatever their order, in hex: the same rows
/// trained twice have one digest.
pub fn rows_digest(rows: &[RunRow]) -> String {
    let line = |row: &RunRow| Value::Object(reproducible(row)).to_string();
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    sha256(lines.join("\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn a_digest_sees_losses_and_neither_times_nor_order() {
        let (a, b) = (record("a").row, record("b").row);
        let digest = rows_digest(&[a.clone(), b.clone()]);
        let later = RunRow { wall_time_s: 9.0, host: "elsewhere".to_owned(), ..a.clone() };
        assert_eq!(rows_digest(&[b.clone(), later]), digest);
        let other = RunRow { test_loss: Some(2.0), ..a };
        assert_ne!(rows_digest(&[other, b]), digest);
    }
}
