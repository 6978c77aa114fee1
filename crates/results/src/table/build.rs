//! A table as its rows come in.

use super::marks::{Marks, settle};
use super::numbers::{Decimal, Says};
use super::{Cell, Table};
use crate::error::ResultsError;
use isoflop_parquet::Limits;
use std::path::Path;

/// Rows at most: each becomes a point with its name, some 600 bytes.
pub(super) const MOST_ROWS: usize = 1_000_000;

/// Columns that grow, and what their texts say of the decimal sign.
pub(super) struct Builder {
    table: Table,
    marks: Vec<Marks>,
}

impl Builder {
    pub(super) fn new(path: &Path) -> Self {
        Builder {
            table: Table {
                path: path.to_owned(),
                names: Vec::new(),
                columns: Vec::new(),
                lines: Vec::new(),
                signs: Vec::new(),
                notes: Vec::new(),
                sealed: false,
            },
            marks: Vec::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.table.path
    }

    pub(super) fn names(&self) -> &[String] {
        &self.table.names
    }

    /// Begins a column behind the others.
    pub(super) fn column(&mut self, name: &str) -> Result<(), ResultsError> {
        let rows = self.table.lines.len();
        self.table.names.push(name.to_owned());
        self.table.check_size()?;
        self.table.columns.push(vec![Cell::Missing; rows]);
        self.marks.push(Marks::default());
        Ok(())
    }

    /// Begins a row of gaps.
    pub(super) fn begin(&mut self, line: u64) -> Result<(), ResultsError> {
        self.table.lines.push(line);
        for column in &mut self.table.columns {
            column.push(Cell::Missing);
        }
        self.table.check_size()
    }

    /// A row of texts; those beyond the names are left.
    pub(super) fn row(&mut self, line: u64, texts: &[&str]) -> Result<(), ResultsError> {
        self.begin(line)?;
        for (column, text) in texts.iter().enumerate().take(self.marks.len()) {
            let cell = self.heard(column, text);
            self.put(column, cell);
        }
        Ok(())
    }

    /// Puts a cell into the row begun last.
    pub(super) fn put(&mut self, column: usize, cell: Cell) {
        if let Some(last) = self.table.columns[column].last_mut() {
            *last = cell;
        }
    }

    /// A text as a cell: a number where it can be no other one under another decimal sign.
    pub(super) fn heard(&mut self, column: usize, text: &str) -> Cell {
        let text = text.trim();
        if text.is_empty() {
            return Cell::Missing;
        }
        let said = self.marks[column].hear(text);
        match (said, text.parse()) {
            (Says::Nothing | Says::Ungrouped | Says::Only(Decimal::Point), Ok(number)) => {
                Cell::Number(number)
            }
            _ => Cell::Text(text.to_owned()),
        }
    }

    /// Counts what was passed over.
    pub(super) fn note(&mut self, count: usize, one: &str, many: &str) {
        match count {
            0 => {}
            1 => self.table.notes.push(format!("1 {one} passed over")),
            count => self.table.notes.push(format!("{count} {many} passed over")),
        }
    }

    /// The table, with a decimal sign that somebody gave or with what the cells say.
    pub(super) fn finished(self, decimal: Option<Decimal>) -> Table {
        let mut table = self.table;
        table.signs = match decimal {
            Some(decimal) => vec![Some(decimal); self.marks.len()],
            None => settle(&self.marks),
        };
        table
    }

    /// As [`Builder::finished`], of columns that were read whole.
    pub(super) fn of_columns(
        mut self,
        columns: Vec<(String, Vec<Cell>)>,
        decimal: Option<Decimal>,
    ) -> Result<Table, ResultsError> {
        let rows = columns.first().map_or(0, |(_, cells)| cells.len());
        self.table.lines = (1..=rows as u64).collect();
        for (name, cells) in columns {
            let at = self.table.names.len();
            self.column(&name)?;
            let heard = cells.into_iter().map(|cell| match cell {
                Cell::Text(text) => self.heard(at, &text),
                other => other,
            });
            self.table.columns[at] = heard.collect();
        }
        self.table.check_size()?;
        Ok(self.finished(decimal))
    }
}

impl Table {
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
}

pub(super) fn named_twice(
    path: &Path,
    line: u64,
    what: &str,
    name: &str,
    places: &str,
) -> ResultsError {
    ResultsError::NamedTwice {
        path: path.to_owned(),
        line,
        what: what.to_owned(),
        name: name.to_owned(),
        places: places.to_owned(),
    }
}
