//! `runs.parquet`, `curves.parquet` and `positions.parquet`.

#[cfg(doc)]
use crate::curve::CurvePoint;
use crate::curve::{Curve, OfRun};
use crate::error::ResultsError;
use crate::file::read_table;
use crate::frame::{Frame, write_columns};
pub use crate::frame::{Sealed, Trust};
use crate::position::Positions;
use crate::row::RunRow;
use crate::schema::{self, Columns, Kind, Value};
use isoflop_core::text::shown_up_to;
use isoflop_parquet::{Column, Values};
use std::path::Path;

/// The column of a curve's point that names its run.
pub(crate) const RUN_ID: &str = "run_id";

/// Writes one row a run, columns as in [`RunRow::COLUMNS`].
///
/// # Errors
/// The file cannot be written.
pub fn write_runs(path: &Path, rows: &[RunRow]) -> Result<(), ResultsError> {
    write_columns(path, &run_columns(rows))
}

/// Rows by column.
pub(crate) fn run_columns(rows: &[RunRow]) -> Vec<Column> {
    columns_of(RunRow::COLUMNS, rows.iter().map(RunRow::values).collect())
}

fn columns_of(schema: &[schema::Column], mut rows: Vec<Vec<Value>>) -> Vec<Column> {
    let column = |(at, column): (usize, &schema::Column)| {
        let cells = rows.iter_mut().map(|row| std::mem::replace(&mut row[at], Value::Null));
        Column { name: column.name.to_owned(), values: schema::values(column.kind, cells) }
    };
    schema.iter().enumerate().map(column).collect()
}

/// The rows of a file, each with the value of every column of a schema; `None` where the file has no
/// such column and may lack it.
fn rows_of(
    frame: &Frame<'_>,
    schema: &[schema::Column],
) -> Result<Vec<Vec<Option<Value>>>, ResultsError> {
    let height = frame.columns.first().map_or(0, |column| column.values.len());
    let mut rows = vec![Vec::with_capacity(schema.len()); height];
    for column in schema {
        if column.later && !frame.has(column.name) {
            rows.iter_mut().for_each(|row| row.push(None));
            continue;
        }
        let cells: Vec<Value> = match column.kind {
            Kind::Text => values(frame.texts(column.name)?, Value::Text),
            Kind::Integer => values(frame.integers(column.name)?, Value::Integer),
            // What is not finite is nothing.
            Kind::Float => values(frame.floats(column.name)?, |x| match x.is_finite() {
                true => Value::Float(x),
                false => Value::Null,
            }),
        };
        rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(Some(cell)));
    }
    Ok(rows)
}

fn values<T>(cells: Vec<Option<T>>, value: fn(T) -> Value) -> Vec<Value> {
    cells.into_iter().map(|cell| cell.map_or(Value::Null, value)).collect()
}

/// One row, where the number of a bad one is told from 1 on.
fn built<T>(frame: &Frame<'_>, number: usize, row: Result<T, String>) -> Result<T, ResultsError> {
    row.map_err(|problem| frame.wrong(shown_up_to(400, &format!("row {}: {problem}", number + 1))))
}

/// Reads rows back, from a file of this program's or one that another has saved again.
///
/// # Errors
/// The file cannot be read, does not match its digest, or a column is missing or of another type.
pub fn read_runs(path: &Path) -> Result<Vec<RunRow>, ResultsError> {
    Ok(open_runs(path, Trust::Checked)?.rows)
}

/// As [`read_runs`], checked or not, and whether there is a digest to check.
///
/// # Errors
/// As [`read_runs`].
pub fn open_runs(path: &Path, trust: Trust) -> Result<Sealed<Vec<RunRow>>, ResultsError> {
    parse_runs(path, read_table(path)?, trust)
}

/// As [`open_runs`], of the bytes of a file; the path is for messages.
///
/// # Errors
/// As [`read_runs`].
pub fn parse_runs(
    path: &Path,
    bytes: Vec<u8>,
    trust: Trust,
) -> Result<Sealed<Vec<RunRow>>, ResultsError> {
    let frame = Frame::parse(path, bytes, trust)?;
    let rows = rows_of(&frame, RunRow::COLUMNS)?.into_iter().enumerate();
    let rows: Result<_, _> =
        rows.map(|(at, row)| built(&frame, at, RunRow::from_values(row))).collect();
    Ok(Sealed { rows: rows?, sealed: frame.sealed })
}

/// Writes one row a point: `run_id` and the columns of [`CurvePoint`].
///
/// # Errors
/// The file cannot be written.
pub fn write_curves(path: &Path, curves: &[Curve]) -> Result<(), ResultsError> {
    write_points(path, curves)
}

/// Writes one row a range of positions: `run_id` and the columns of [`crate::PositionPoint`].
///
/// # Errors
/// The file cannot be written.
pub fn write_positions(path: &Path, positions: &[Positions]) -> Result<(), ResultsError> {
    write_points(path, positions)
}

fn write_points<P: Columns>(path: &Path, runs: &[OfRun<P>]) -> Result<(), ResultsError> {
    let ids =
        runs.iter().flat_map(|run| std::iter::repeat_n(Some(run.run_id.clone()), run.points.len()));
    let mut columns = vec![Column { name: RUN_ID.to_owned(), values: Values::Text(ids.collect()) }];
    let points = runs.iter().flat_map(|run| run.points.iter().map(P::values));
    columns.extend(columns_of(P::COLUMNS, points.collect()));
    write_columns(path, &columns)
}

/// Reads curves back, grouped by run in the order of the file.
///
/// # Errors
/// As [`read_runs`].
pub fn read_curves(path: &Path) -> Result<Vec<Curve>, ResultsError> {
    Ok(open_curves(path, Trust::Checked)?.rows)
}

/// As [`read_curves`], checked or not, and whether there is a digest to check.
///
/// # Errors
/// As [`read_runs`].
pub fn open_curves(path: &Path, trust: Trust) -> Result<Sealed<Vec<Curve>>, ResultsError> {
    parse_curves(path, read_table(path)?, trust)
}

/// Reads losses by position back as [`open_curves`] reads curves.
///
/// # Errors
/// As [`read_runs`].
pub fn open_positions(path: &Path, trust: Trust) -> Result<Sealed<Vec<Positions>>, ResultsError> {
    parse_positions(path, read_table(path)?, trust)
}

/// As [`open_curves`], of the bytes of a file; the path is for messages.
///
/// # Errors
/// As [`read_runs`].
pub fn parse_curves(
    path: &Path,
    bytes: Vec<u8>,
    trust: Trust,
) -> Result<Sealed<Vec<Curve>>, ResultsError> {
    parse_points(path, bytes, trust)
}

/// As [`open_positions`], of the bytes of a file; the path is for messages.
///
/// # Errors
/// As [`read_runs`].
pub fn parse_positions(
    path: &Path,
    bytes: Vec<u8>,
    trust: Trust,
) -> Result<Sealed<Vec<Positions>>, ResultsError> {
    parse_points(path, bytes, trust)
}

fn parse_points<P: Columns>(
    path: &Path,
    bytes: Vec<u8>,
    trust: Trust,
) -> Result<Sealed<Vec<OfRun<P>>>, ResultsError> {
    let frame = Frame::parse(path, bytes, trust)?;
    let ids = frame.texts(RUN_ID)?;
    let mut runs: Vec<OfRun<P>> = Vec::new();
    for (at, (id, point)) in ids.into_iter().zip(rows_of(&frame, P::COLUMNS)?).enumerate() {
        let id = id.ok_or_else(|| frame.wrong(format!("column `{RUN_ID}` has a null")))?;
        let point = built(&frame, at, P::from_values(point))?;
        match runs.last_mut() {
            Some(last) if last.run_id == id => last.points.push(point),
            _ => runs.push(OfRun { run_id: id, points: vec![point] }),
        }
    }
    Ok(Sealed { rows: runs, sealed: frame.sealed })
}

#[cfg(test)]
mod tests;
