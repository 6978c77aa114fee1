//! What must hold of every input that a reader here takes.

use crate::data::DataFile;
use crate::parquet::{parse_curves, parse_runs};
use crate::record::{RunRecord, sealed};
use crate::sealed::{Chain, SealedForecast};
use crate::table::{Cell, Format, Value};
use crate::{Table, Trust};
use std::path::Path;

/// A table of text.
pub fn csv(bytes: &[u8]) {
    table(Format::Delimited, bytes);
}

/// A table of JSON.
pub fn json_lines(bytes: &[u8]) {
    table(Format::Json, bytes);
}

/// A table of parquet.
pub fn parquet(bytes: &[u8]) {
    table(Format::Parquet, bytes);
}

/// Names are there once, columns are of one length, and a column of numbers has no gap.
fn table(format: Format, bytes: &[u8]) {
    let path = Path::new("table");
    let Ok(table) = Table::parse(path, format, bytes.to_vec(), Trust::Checked) else {
        return;
    };
    assert!(!table.is_empty());
    for (i, name) in table.names().iter().enumerate() {
        let first = table.names().iter().position(|known| known == name);
        assert!(first == Some(i) || name.is_empty(), "{name} twice");
        let cells = table.cells(name).expect("it has the column");
        assert_eq!(cells.len(), table.len());
        let column = table.column(name).expect("it has the column");
        let is_number = |row| matches!(table.value(column, row), Value::Number(_));
        let plain = cells.iter().enumerate().filter(|(_, cell)| matches!(cell, Cell::Number(_)));
        assert!(plain.map(|(row, _)| row).all(is_number), "a number that is none");
        let whole = (0..table.len()).all(is_number);
        let error = table.numbers(name).err();
        assert_eq!(whole, error.is_none());
        if let Some(error) = error {
            // A name and a value of 80 letters each, which may all be written out.
            assert!(error.to_string().len() < 2000, "a message of any length");
        }
    }
}

/// A record as it is and with its checksum made good: what is taken is written and read alike.
pub fn record(bytes: &[u8]) {
    let body = std::str::from_utf8(bytes).ok().and_then(|text| {
        let (_, body) = text.split_once('\n')?;
        body.strip_suffix('\n')
    });
    let good = body.map(sealed);
    for bytes in [Some(bytes), good.as_deref()].into_iter().flatten() {
        if let Ok(record) = RunRecord::parse(bytes) {
            let again = RunRecord::parse(&record.to_bytes()).expect("it was written here");
            assert_eq!(again, record);
        }
    }
}

/// `runs.parquet`.
pub fn runs(bytes: &[u8]) {
    let path = Path::new("runs.parquet");
    let checked = parse_runs(path, bytes.to_vec(), Trust::Checked);
    let blind = parse_runs(path, bytes.to_vec(), Trust::Blind);
    if let Ok(checked) = checked {
        // Rows hold no NaN: what is not finite reads as a gap.
        assert_eq!(blind.expect("less was asked"), checked);
    }
}

/// `curves.parquet`.
pub fn curves(bytes: &[u8]) {
    let path = Path::new("curves.parquet");
    let checked = parse_curves(path, bytes.to_vec(), Trust::Checked);
    let blind = parse_curves(path, bytes.to_vec(), Trust::Blind);
    if let Ok(checked) = checked {
        let blind = blind.expect("less was asked");
        // Points may hold NaN, which differs from itself.
        assert_eq!(format!("{checked:?}"), format!("{blind:?}"));
    }
}

/// `data.json`.
pub fn data(bytes: &[u8]) {
    if let Ok(file) = DataFile::parse(bytes) {
        let json = serde_json::to_vec(&file).expect("text and numbers");
        assert_eq!(DataFile::parse(&json).expect("it was written here"), file);
    }
}

/// `forecasts.jsonl`: a chain that is taken is the one that was written, and a forecast that is sealed is
/// read back.
pub fn forecasts(bytes: &[u8]) {
    if let Ok(chain) = Chain::parse(bytes) {
        assert_eq!(chain.text().as_bytes(), bytes);
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    let told = lines.filter_map(|line| serde_json::from_slice::<SealedForecast>(line).ok());
    let mut chain = Chain::default();
    for forecast in told {
        // A forecast with an impossible number is refused and leaves the chain as it is.
        let _ = chain.push(forecast);
    }
    assert_eq!(Chain::parse(chain.text().as_bytes()).expect("it was sealed here"), chain);
}
