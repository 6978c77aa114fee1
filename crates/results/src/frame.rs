//! Columns of a parquet file with the digest of their values.

use crate::digest::{self, digest};
use crate::error::ResultsError;
use crate::file::write_atomic;
use isoflop_core::text::shown;
use isoflop_parquet::{Column, File, Limits, Values};
use std::path::Path;

/// What a file says of its own values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Values that do not match the digest beside them are refused.
    Checked,
    /// The digest is not looked at.
    Blind,
}

/// What was read from a parquet file.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed<T> {
    /// The rows.
    pub rows: T,
    /// Whether the file carries a digest of them; one saved by another program does not.
    pub sealed: bool,
}

/// Writes columns of equal length with their digest.
pub(crate) fn write_columns(path: &Path, columns: &[Column]) -> Result<(), ResultsError> {
    let mut bytes = Vec::new();
    isoflop_parquet::write(&mut bytes, columns, &[(digest::KEY, digest(columns))])
        .map_err(|problem| ResultsError::WriteParquet { path: path.to_owned(), problem })?;
    write_atomic(path, &bytes)
}

/// The columns of a parquet file.
pub(crate) struct Frame<'p> {
    path: &'p Path,
    pub(crate) columns: Vec<Column>,
    pub(crate) sealed: bool,
}

impl<'p> Frame<'p> {
    pub(crate) fn parse(
        path: &'p Path,
        bytes: Vec<u8>,
        trust: Trust,
    ) -> Result<Self, ResultsError> {
        let wrong = |problem: String| parquet(path, problem);
        let file = File::open(bytes, Limits::TABLE).map_err(wrong)?;
        let columns = file.columns().map_err(wrong)?;
        let seal = file.note(digest::KEY);
        if trust == Trust::Checked && seal.is_some_and(|seal| seal != digest(&columns)) {
            return Err(ResultsError::OtherDigest { path: path.to_owned() });
        }
        Ok(Frame { path, columns, sealed: seal.is_some() })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    pub(crate) fn wrong(&self, problem: String) -> ResultsError {
        parquet(self.path, problem)
    }

    fn values(&self, name: &str) -> Result<&Values, ResultsError> {
        match self.columns.iter().find(|column| column.name == name) {
            Some(column) => Ok(&column.values),
            None => Err(ResultsError::MissingColumn {
                path: self.path.to_owned(),
                column: name.to_owned(),
                available: self.columns.iter().map(|column| column.name.clone()).collect(),
            }),
        }
    }

    fn mistyped(&self, name: &str, wanted: &str) -> ResultsError {
        self.wrong(format!("column `{name}` is not of {wanted}"))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<Option<String>>, ResultsError> {
        match self.values(name)? {
            Values::Text(cells) => Ok(cells.clone()),
            gaps if are_gaps(gaps) => Ok(vec![None; gaps.len()]),
            _ => Err(self.mistyped(name, "text")),
        }
    }

    /// Whole numbers, also where another program has saved them as signed or, for the sake of
    /// gaps, as floats.
    pub(crate) fn integers(&self, name: &str) -> Result<Vec<Option<u64>>, ResultsError> {
        let wrong = |value: String| {
            let value = shown(&value);
            self.wrong(format!("column `{name}` holds {value}, not a whole number from 0"))
        };
        match self.values(name)? {
            Values::Unsigned(cells) => Ok(cells.clone()),
            gaps if are_gaps(gaps) => Ok(vec![None; gaps.len()]),
            Values::Signed(cells) => {
                let whole = |x: i64| u64::try_from(x).map_err(|_| wrong(x.to_string()));
                cells.iter().map(|cell| cell.map(whole).transpose()).collect()
            }
            Values::Float(cells) => {
                // Beyond 2^53 a float does not hold every whole number.
                let exact = |x: f64| x.fract() == 0.0 && (0.0..=2f64.powi(53)).contains(&x);
                let whole = |x: f64| match exact(x) {
                    true => Ok(x as u64),
                    false => Err(wrong(x.to_string())),
                };
                // Some programs write a gap as NaN.
                let gap = |cell: &Option<f64>| cell.filter(|x| !x.is_nan());
                let cells = cells.iter().map(|cell| gap(cell).map(whole).transpose());
                cells.collect()
            }
            _ => Err(self.mistyped(name, "whole numbers")),
        }
    }

    pub(crate) fn floats(&self, name: &str) -> Result<Vec<Option<f64>>, ResultsError> {
        match self.values(name)? {
            Values::Float(cells) => Ok(cells.clone()),
            gaps if are_gaps(gaps) => Ok(vec![None; gaps.len()]),
            Values::Unsigned(cells) => Ok(cells.iter().map(|c| c.map(|x| x as f64)).collect()),
            Values::Signed(cells) => Ok(cells.iter().map(|c| c.map(|x| x as f64)).collect()),
            _ => Err(self.mistyped(name, "floats")),
        }
    }
}

/// Whether there is no value at all: other programs forget the type of such a column.
fn are_gaps(values: &Values) -> bool {
    match values {
        Values::Text(cells) => cells.iter().all(Option::is_none),
        Values::Unsigned(cells) => cells.iter().all(Option::is_none),
        Values::Signed(cells) => cells.iter().all(Option::is_none),
        Values::Float(cells) => cells.iter().all(Option::is_none),
        Values::Null(_) => true,
        Values::Other(..) => false,
    }
}

fn parquet(path: &Path, problem: String) -> ResultsError {
    ResultsError::Parquet { path: path.to_owned(), problem }
}
