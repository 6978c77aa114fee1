//! What of a row is the same in every repeat of its run on one machine.

use crate::row::RunRow;
use crate::schema::{Role, Value};
use isoflop_core::digest::sha256;
use std::fmt::Write as _;

/// Names and values of the columns that no repeat changes.
pub fn reproducible(row: &RunRow) -> Vec<(&'static str, Value)> {
    let all = RunRow::COLUMNS.iter().zip(row.values());
    let same = all.filter(|(column, _)| column.role != Role::Machine);
    same.map(|(column, value)| (column.name, value)).collect()
}

/// SHA-256 of rows without what may differ between repeats, whatever their order, in hex: the same rows
/// trained twice have one digest. A null counts for nothing, so that a column added later changes no
/// digest of rows that do not have it.
pub fn rows_digest(rows: &[RunRow]) -> String {
    let line = |row: &RunRow| {
        let mut line = String::new();
        for (name, value) in reproducible(row) {
            if value != Value::Null {
                let _ = write!(line, "{name}={value}\u{0}");
            }
        }
        line
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    sha256([lines.join("\n").as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn columns_that_may_differ_say_so_in_their_names() {
        let parts = ["time", "per_s", "mfu", "memory", "host", "pid", "attempt"];
        for column in RunRow::COLUMNS {
            let told = parts.iter().any(|part| column.name.contains(part));
            assert_eq!(told, column.role == Role::Machine, "{}", column.name);
        }
    }

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
