//! Runs and curves as CSV, for tools that read nothing else.

use crate::curve::{Curve, CurvePoint};
use crate::error::ResultsError;
use crate::file::write_atomic;
use crate::parquet::RUN_ID;
use crate::row::RunRow;
use crate::schema::Value;
use std::path::Path;

/// Writes one row a run, columns as in [`RunRow::COLUMNS`]; what is missing is empty.
///
/// # Errors
/// The file cannot be written.
pub fn write_runs(path: &Path, rows: &[RunRow]) -> Result<(), ResultsError> {
    let header = RunRow::COLUMNS.iter().map(|column| column.name.to_owned());
    let cells = rows.iter().map(|row| row.values().iter().map(cell).collect());
    write(path, header.collect(), cells)
}

/// Writes one row a point: the columns of `curves.parquet`.
///
/// # Errors
/// The file cannot be written.
pub fn write_curves(path: &Path, curves: &[Curve]) -> Result<(), ResultsError> {
    let names = CurvePoint::COLUMNS.iter().map(|column| column.name);
    let header = std::iter::once(RUN_ID).chain(names).map(str::to_owned);
    let points = curves.iter().flat_map(|curve| {
        curve.points.iter().map(|point| {
            let id = std::iter::once(text(&curve.run_id));
            id.chain(point.values().iter().map(cell)).collect()
        })
    });
    write(path, header.collect(), points)
}

fn write(
    path: &Path,
    header: Vec<String>,
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<(), ResultsError> {
    write_atomic(path, &table(header, rows))
}

/// A table as the bytes of a CSV file: cells with a comma, a quote or the end of a line are quoted
/// (RFC 4180).
pub fn table<R: IntoIterator<Item = String>>(
    header: R,
    rows: impl IntoIterator<Item = R>,
) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(header).chain(rows) {
        writer.write_record(row).expect("memory takes every record");
    }
    writer.into_inner().expect("memory takes every record")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Text(words) => text(words),
        other => other.to_string(),
    }
}

/// Text as a cell: what a spreadsheet would run as a formula gets an apostrophe in front (OWASP, "CSV
/// injection").
pub fn text(words: &str) -> String {
    match words.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{words}"),
        false => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use crate::table::{Cell, Table};

    #[test]
    fn rows_read_back_and_a_formula_is_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        let mut row = record("a").row;
        row.corpus = "=cmd(), \"x\"".to_owned();
        row.peak_memory_bytes = None;
        write_runs(&path, &[row.clone()]).unwrap();
        let table = Table::read(&path).unwrap();
        assert_eq!(table.names().len(), RunRow::COLUMNS.len());
        assert_eq!(table.numbers("learning_rate").unwrap(), [row.learning_rate]);
        let corpus = Cell::Text("'=cmd(), \"x\"".to_owned());
        assert_eq!(table.cells("corpus").unwrap(), [corpus]);
        assert_eq!(table.cells("peak_memory_bytes").unwrap(), [Cell::Missing]);
    }

    #[test]
    fn a_curve_is_a_row_a_point() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        let points = record("a").curve;
        let run_id = "-a".to_owned();
        write_curves(&path, &[Curve { run_id, points }]).unwrap();
        let table = Table::read(&path).unwrap();
        assert_eq!(table.numbers("step").unwrap(), [10.0, 20.0]);
        assert_eq!(table.cells("run_id").unwrap()[0], Cell::Text("'-a".to_owned()));
        assert_eq!(table.cells("train_loss").unwrap()[1], Cell::Missing);
    }
}
