//! Tables from the bytes of their files.

use super::{Cell, Table};
use crate::error::ResultsError;
use crate::frame::{Frame, Trust};
use crate::json_lines::Pairs;
use crate::parquet::run_columns;
use crate::row::RunRow;
use isoflop_parquet::{Limits, Values};
use std::collections::HashMap;
use std::path::Path;

/// Rows at most: each becomes a point with its name, some 600 bytes.
const MOST_ROWS: usize = 1_000_000;
/// Bytes of the longest line that is read as JSON.
const LONGEST_LINE: usize = 1 << 24;

fn cell(text: &str) -> Cell {
    match text.trim() {
        "" => Cell::Missing,
        trimmed => match trimmed.parse() {
            Ok(number) => Cell::Number(number),
            Err(_) => Cell::Text(trimmed.to_owned()),
        },
    }
}

/// A byte order mark, which some programs put before UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) fn csv(path: &Path, bytes: &[u8]) -> Result<Table, ResultsError> {
    let malformed = |error: ::csv::Error| ResultsError::MalformedLine {
        path: path.to_owned(),
        line: error.position().map_or(1, ::csv::Position::line),
        problem: error.to_string(),
    };
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let mut reader = ::csv::Reader::from_reader(bytes);
    let mut table = Table::empty(path);
    let mut places = HashMap::new();
    for (i, name) in reader.headers().map_err(malformed)?.iter().enumerate() {
        let name = name.trim_start_matches('\u{feff}').trim();
        let first = places.insert(name.to_owned(), i);
        // Columns without a name are what spreadsheets leave behind the last one.
        if let Some(first) = first.filter(|_| !name.is_empty()) {
            let places = format!("fields {} and {}", first + 1, i + 1);
            return Err(named_twice(path, 1, "column", name, &places));
        }
        table.names.push(name.to_owned());
    }
    table.columns = vec![Vec::new(); table.names.len()];
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, ::csv::Position::line);
        table.lines.push(line);
        table.check_size()?;
        for (column, text) in table.columns.iter_mut().zip(record.iter()) {
            column.push(cell(text));
        }
    }
    Ok(table)
}

pub(super) fn json_lines(path: &Path, bytes: &[u8]) -> Result<Table, ResultsError> {
    let mut table = Table::empty(path);
    let mut places = HashMap::new();
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line = index as u64 + 1;
        if text.len() > LONGEST_LINE {
            return Err(ResultsError::TooLarge {
                path: path.to_owned(),
                problem: format!("a line of {} MB (line {line})", text.len() >> 20),
            });
        }
        let Pairs(pairs) = Pairs::parse(text).map_err(|problem| ResultsError::MalformedLine {
            path: path.to_owned(),
            line,
            problem,
        })?;
        table.push_object(line, pairs, &mut places)?;
        table.check_size()?;
    }
    // Keys that later lines do not have.
    for column in &mut table.columns {
        column.resize(table.lines.len(), Cell::Missing);
    }
    Ok(table)
}

fn named_twice(path: &Path, line: u64, what: &str, name: &str, places: &str) -> ResultsError {
    ResultsError::NamedTwice {
        path: path.to_owned(),
        line,
        what: what.to_owned(),
        name: name.to_owned(),
        places: places.to_owned(),
    }
}

impl Table {
    fn empty(path: &Path) -> Self {
        Table {
            path: path.to_owned(),
            names: Vec::new(),
            columns: Vec::new(),
            lines: Vec::new(),
            sealed: false,
        }
    }

    fn check_size(&self) -> Result<(), ResultsError> {
        let cells = self.names.len().saturating_mul(self.lines.len());
        match cells > Limits::TABLE.cells || self.lines.len() > MOST_ROWS {
            false => Ok(()),
            true => Err(ResultsError::TooLarge {
                path: self.path.clone(),
                problem: format!(
                    "{} columns and {} rows or more",
                    self.names.len(),
                    self.lines.len()
                ),
            }),
        }
    }

    fn push_object(
        &mut self,
        line: u64,
        pairs: Vec<(String, serde_json::Value)>,
        places: &mut HashMap<String, usize>,
    ) -> Result<(), ResultsError> {
        let row = self.lines.len();
        self.lines.push(line);
        // Columns in the order of the keys of this line.
        let mut order = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let at = *places.entry(name).or_insert_with_key(|name| {
                self.names.push(name.clone());
                self.columns.push(Vec::new());
                self.columns.len() - 1
            });
            if self.columns[at].len() > row {
                let first = order.iter().position(|known| *known == at).unwrap_or(0);
                let both = format!("values {} and {} of the line", first + 1, order.len() + 1);
                return Err(named_twice(&self.path, line, "key", &self.names[at], &both));
            }
            order.push(at);
            self.columns[at].resize(row, Cell::Missing);
            self.columns[at].push(match value {
                serde_json::Value::Null => Cell::Missing,
                serde_json::Value::Number(number) => {
                    Cell::Number(number.as_f64().unwrap_or(f64::NAN))
                }
                serde_json::Value::String(text) => cell(&text),
                other => Cell::Text(other.to_string()),
            });
        }
        Ok(())
    }
}

pub(super) fn parquet(path: &Path, bytes: Vec<u8>, trust: Trust) -> Result<Table, ResultsError> {
    let frame = Frame::parse(path, bytes, trust)?;
    let height = frame
        .columns
        .first()
        .map_or(0, |column| column.values.len());
    let sealed = frame.sealed;
    let columns = frame.columns.into_iter();
    let (names, columns) = columns
        .map(|column| (column.name, as_cells(column.values)))
        .unzip();
    let table = Table {
        path: path.to_owned(),
        names,
        columns,
        lines: (1..=height as u64).collect(),
        sealed,
    };
    table.check_size()?;
    Ok(table)
}

pub(super) fn of_runs(path: &Path, rows: &[RunRow]) -> Table {
    let mut table = Table::empty(path);
    let (names, columns) = run_columns(rows)
        .into_iter()
        .map(|column| (column.name, as_cells(column.values)))
        .unzip();
    (table.names, table.columns) = (names, columns);
    table.lines = (1..=rows.len() as u64).collect();
    table
}

fn as_cells(values: Values) -> Vec<Cell> {
    fn numbers<T>(cells: Vec<Option<T>>, number: impl Fn(T) -> f64) -> Vec<Cell> {
        let cell = |value| Cell::Number(number(value));
        let cells = cells.into_iter();
        cells
            .map(|value| value.map_or(Cell::Missing, &cell))
            .collect()
    }
    match values {
        Values::Text(cells) => cells
            .into_iter()
            .map(|text| text.map_or(Cell::Missing, |text| cell(&text)))
            .collect(),
        Values::Unsigned(cells) => numbers(cells, |x| x as f64),
        Values::Signed(cells) => numbers(cells, |x| x as f64),
        Values::Float(cells) => numbers(cells, |x| x),
        Values::Null(len) => vec![Cell::Missing; len],
        Values::Other(kind, len) => vec![Cell::Text(format!("a value of type {kind}")); len],
    }
}
