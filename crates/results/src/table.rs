//! Anyone's table of runs: text with separators, JSON or parquet, read as columns of numbers.

mod build;
mod columnar;
mod delimited;
mod flat;
mod json;
mod json_columns;
mod marks;
mod names;
pub mod numbers;
mod sniff;

pub use names::key;
pub use numbers::Decimal;

use crate::error::ResultsError;
use crate::file::read_table;
use crate::frame::Trust;
use crate::row::RunRow;
use numbers::Written;
use std::path::{Path, PathBuf};

/// A table read from a file, by column.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    columns: Vec<Vec<Cell>>,
    lines: Vec<u64>,
    /// The decimal sign of each column, where its texts tell it.
    signs: Vec<Option<Decimal>>,
    notes: Vec<String>,
    sealed: bool,
}

/// One cell as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Empty or null.
    Missing,
    /// A number, not necessarily finite.
    Number(f64),
    /// Anything else, numbers that are not written plainly included.
    Text(String),
}

/// A cell of a column of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'t> {
    /// A number, not necessarily finite.
    Number(Written),
    /// Empty, null, or a word for it.
    Blank,
    /// `1.234` where nothing tells whether that is a thousand or a fraction.
    Unclear(&'t str),
    /// Anything else.
    Text(&'t str),
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Fields between separators, names in the first line.
    Delimited,
    /// Objects, an array of them, or an object of columns.
    Json,
    /// Parquet.
    Parquet,
}

/// What a reader is told of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// Of a parquet file that carries a digest of its values, whether it is looked at.
    pub trust: Trust,
    /// The decimal sign, where somebody gave it.
    pub decimal: Option<Decimal>,
}

impl From<Trust> for How {
    fn from(trust: Trust) -> Self {
        How { trust, decimal: None }
    }
}

/// Ends of files that hold tables in formats that are not read.
const FOREIGN: &[&str] = &[
    "xlsx", "xls", "ods", "feather", "arrow", "ipc", "pkl", "pickle", "npy", "npz", "h5", "hdf5",
    "db", "sqlite", "rds", "rdata", "dta", "sav", "orc", "avro", "yaml", "yml", "toml", "xml",
];

impl Format {
    /// The format of the bytes of a file, by what they are and by the end of its name.
    ///
    /// # Errors
    /// The name says that it is in another format.
    pub fn of(path: &Path, bytes: &[u8]) -> Result<Self, ResultsError> {
        if bytes.starts_with(b"PAR1") {
            return Ok(Format::Parquet);
        }
        let extension = path.extension().unwrap_or_default();
        let extension = extension.to_string_lossy().to_lowercase();
        let text = bytes.strip_prefix(MARK).unwrap_or(bytes).trim_ascii_start();
        match extension.as_str() {
            "csv" | "tsv" => Ok(Format::Delimited),
            "jsonl" | "ndjson" | "json" => Ok(Format::Json),
            "parquet" | "pq" => Ok(Format::Parquet),
            foreign if FOREIGN.contains(&foreign) => {
                Err(ResultsError::UnknownFormat { path: path.to_owned(), extension })
            }
            _ if text.starts_with(b"{") || text.starts_with(b"[") => Ok(Format::Json),
            _ => Ok(Format::Delimited),
        }
    }
}

/// A byte order mark, which some programs put before UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// An unreadable or malformed file (with its line), a format that is not read, a column named twice,
    /// no rows, or a parquet file whose values do not match the digest that it carries.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        Table::read_with(path, Trust::Checked)
    }

    /// As [`Table::read`], told how.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read_with(path: &Path, how: impl Into<How>) -> Result<Self, ResultsError> {
        let bytes = read_table(path)?;
        let format = Format::of(path, &bytes)?;
        Table::parse(path, format, bytes, how)
    }

    /// As [`Table::read_with`], of the bytes of a file; the path is for messages.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(
        path: &Path,
        format: Format,
        bytes: Vec<u8>,
        how: impl Into<How>,
    ) -> Result<Self, ResultsError> {
        let how = how.into();
        let text = bytes.strip_prefix(MARK).unwrap_or(&bytes);
        let table = match format {
            Format::Delimited => delimited::delimited(path, text, how),
            Format::Json => json::json(path, text, how),
            Format::Parquet => columnar::parquet(path, bytes, how),
        }?;
        match table.lines.is_empty() {
            true => Err(ResultsError::NoRows { path: path.to_owned() }),
            false => Ok(table),
        }
    }

    /// The table that `runs.parquet` would be; the path is for messages.
    pub fn of_runs(path: &Path, rows: &[RunRow]) -> Self {
        columnar::of_runs(path, rows)
    }

    /// Whether it is from a parquet file that carries the digest of its values.
    pub fn sealed(&self) -> bool {
        self.sealed
    }

    /// What was passed over when it was read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Names of the columns in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Never, for a table that was read; for completeness.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Line of a row in its file (from 1, the header counted); in parquet the row from 1.
    pub fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// Whether a column exists.
    pub fn has(&self, column: &str) -> bool {
        self.names.iter().any(|name| name == column)
    }

    /// The place of a column.
    ///
    /// # Errors
    /// No such column.
    pub fn column(&self, name: &str) -> Result<usize, ResultsError> {
        let at = self.names.iter().position(|known| known == name);
        at.ok_or_else(|| ResultsError::MissingColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            available: self.names.clone(),
        })
    }

    /// A column as it was written.
    ///
    /// # Errors
    /// No such column.
    pub fn cells(&self, column: &str) -> Result<&[Cell], ResultsError> {
        Ok(&self.columns[self.column(column)?])
    }

    /// The decimal sign of a column, where it is told.
    pub fn decimal(&self, column: usize) -> Option<Decimal> {
        self.signs[column]
    }

    /// A cell as a number, where it is one.
    pub fn value(&self, column: usize, row: usize) -> Value<'_> {
        let text = match &self.columns[column][row] {
            Cell::Missing => return Value::Blank,
            Cell::Number(value) => {
                return Value::Number(Written { value: *value, scaled: false });
            }
            Cell::Text(text) if numbers::is_blank(text) => return Value::Blank,
            Cell::Text(text) => text,
        };
        let under = |sign| numbers::number(text, sign);
        let written = match self.signs[column] {
            Some(sign) => under(sign),
            // Both readings may agree, as those of `2e9` do.
            None => match (under(Decimal::Point), under(Decimal::Comma)) {
                (Some(a), Some(b)) if a.value != b.value => return Value::Unclear(text),
                (a, b) => a.or(b),
            },
        };
        match (written, text.parse()) {
            (Some(written), _) => Value::Number(written),
            (None, Ok(value)) if !text.contains(['.', ',']) => {
                Value::Number(Written { value, scaled: false })
            }
            _ => Value::Text(text),
        }
    }

    /// A column of numbers; `NaN` and infinities pass, text and gaps do not.
    ///
    /// # Errors
    /// No such column, or a cell that is not a number (with its line).
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>, ResultsError> {
        let all: Vec<usize> = (0..self.len()).collect();
        self.numbers_of(column, &all)
    }

    /// As [`Table::numbers`], of some rows.
    ///
    /// # Errors
    /// As [`Table::numbers`]; other rows may hold anything.
    pub fn numbers_of(&self, column: &str, rows: &[usize]) -> Result<Vec<f64>, ResultsError> {
        let at = self.column(column)?;
        rows.iter()
            .map(|&row| match self.value(at, row) {
                Value::Number(written) => Ok(written.value),
                other => Err(ResultsError::NotANumber {
                    path: self.path.clone(),
                    line: self.lines[row],
                    column: column.to_owned(),
                    value: match other {
                        Value::Text(text) | Value::Unclear(text) => text.to_owned(),
                        _ => String::new(),
                    },
                }),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
