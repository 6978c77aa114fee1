//! Tables from parquet and from rows of this program's own.

use super::build::Builder;
use super::{Cell, How, Table};
use crate::error::ResultsError;
use crate::frame::Frame;
use crate::parquet::run_columns;
use crate::row::RunRow;
use isoflop_parquet::Values;
use std::path::Path;

pub(super) fn parquet(path: &Path, bytes: Vec<u8>, how: How) -> Result<Table, ResultsError> {
    let frame = Frame::parse(path, bytes, how.trust)?;
    let sealed = frame.sealed;
    let columns = frame.columns.into_iter();
    let columns = columns.map(|column| (column.name, as_cells(column.values)));
    let mut table = Builder::new(path).of_columns(columns.collect(), how.decimal)?;
    table.sealed = sealed;
    Ok(table)
}

pub(super) fn of_runs(path: &Path, rows: &[RunRow]) -> Table {
    let columns = run_columns(rows).into_iter();
    let columns = columns.map(|column| (column.name, as_cells(column.values)));
    let table = Builder::new(path).of_columns(columns.collect(), None);
    table.expect("as many rows as are held in memory already")
}

fn as_cells(values: Values) -> Vec<Cell> {
    fn numbers<T>(cells: Vec<Option<T>>, number: impl Fn(T) -> f64) -> Vec<Cell> {
        let cell = |value| Cell::Number(number(value));
        let cells = cells.into_iter();
        cells.map(|value| value.map_or(Cell::Missing, &cell)).collect()
    }
    match values {
        Values::Text(cells) => {
            cells.into_iter().map(|text| text.map_or(Cell::Missing, Cell::Text)).collect()
        }
        Values::Unsigned(cells) => numbers(cells, |x| x as f64),
        Values::Signed(cells) => numbers(cells, |x| x as f64),
        Values::Float(cells) => numbers(cells, |x| x),
        Values::Null(len) => vec![Cell::Missing; len],
        Values::Other(kind, len) => vec![Cell::Text(format!("a value of type {kind}")); len],
    }
}
