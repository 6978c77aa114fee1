//! Anyone's table of runs: CSV, JSON lines or parquet, read as columns of numbers.

use crate::error::ResultsError;
use crate::frame::{Values, read_frame};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A table read from a file, by column.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    columns: Vec<Vec<Cell>>,
    lines: Vec<u64>,
}

/// One cell as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Empty or null.
    Missing,
    /// A number, not necessarily finite.
    Number(f64),
    /// Anything else.
    Text(String),
}

impl Table {
    /// Reads a file by its extension: `csv`, `jsonl` (also `ndjson`) or `parquet`.
    ///
    /// # Errors
    /// An unreadable or malformed file (with its line), an unknown extension, no rows.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let table = match extension.as_str() {
            "csv" => read_csv(path),
            "jsonl" | "ndjson" => read_jsonl(path),
            "parquet" => read_parquet(path),
            _ => Err(ResultsError::UnknownFormat {
                path: path.to_owned(),
                extension,
            }),
        }?;
        match table.lines.is_empty() {
            true => Err(ResultsError::NoRows {
                path: path.to_owned(),
            }),
            false => Ok(table),
        }
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

    /// A column as it was written.
    ///
    /// # Errors
    /// No such column.
    pub fn cells(&self, column: &str) -> Result<&[Cell], ResultsError> {
        match self.names.iter().position(|name| name == column) {
            Some(at) => Ok(&self.columns[at]),
            None => Err(ResultsError::MissingColumn {
                path: self.path.clone(),
                column: column.to_owned(),
                available: self.names.clone(),
            }),
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
        let cells = self.cells(column)?;
        rows.iter()
            .map(|&row| match &cells[row] {
                Cell::Number(value) => Ok(*value),
                other => Err(ResultsError::NotANumber {
                    path: self.path.clone(),
                    line: self.lines[row],
                    column: column.to_owned(),
                    value: match other {
                        Cell::Text(text) => text.clone(),
                        _ => String::new(),
                    },
                }),
            })
            .collect()
    }
}

fn cell(text: &str) -> Cell {
    match text.trim() {
        "" => Cell::Missing,
        trimmed => match trimmed.parse() {
            Ok(number) => Cell::Number(number),
            Err(_) => Cell::Text(trimmed.to_owned()),
        },
    }
}

fn read_csv(path: &Path) -> Result<Table, ResultsError> {
    let malformed = |error: ::csv::Error| ResultsError::MalformedLine {
        path: path.to_owned(),
        line: error.position().map_or(1, ::csv::Position::line),
        problem: error.to_string(),
    };
    let file = File::open(path).map_err(ResultsError::io(path, "read"))?;
    let mut reader = ::csv::Reader::from_reader(file);
    let names: Vec<String> = reader
        .headers()
        .map_err(malformed)?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    let mut columns = vec![Vec::new(); names.len()];
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        lines.push(record.position().map_or(0, ::csv::Position::line));
        for (column, text) in columns.iter_mut().zip(record.iter()) {
            column.push(cell(text));
        }
    }
    Ok(Table {
        path: path.to_owned(),
        names,
        columns,
        lines,
    })
}

fn read_jsonl(path: &Path) -> Result<Table, ResultsError> {
    let file = File::open(path).map_err(ResultsError::io(path, "read"))?;
    let mut table = Table {
        path: path.to_owned(),
        names: Vec::new(),
        columns: Vec::new(),
        lines: Vec::new(),
    };
    for (index, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(ResultsError::io(path, "read"))?;
        if text.trim().is_empty() {
            continue;
        }
        let line = index as u64 + 1;
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)
            .map_err(|error| ResultsError::MalformedLine {
                path: path.to_owned(),
                line,
                problem: format!("not a JSON object: {error}"),
            })?;
        table.push_object(line, object);
    }
    Ok(table)
}

impl Table {
    fn push_object(&mut self, line: u64, object: serde_json::Map<String, serde_json::Value>) {
        let row = self.lines.len();
        self.lines.push(line);
        for (name, value) in object {
            let at = self
                .names
                .iter()
                .position(|known| *known == name)
                .unwrap_or_else(|| {
                    self.names.push(name);
                    self.columns.push(vec![Cell::Missing; row]);
                    self.names.len() - 1
                });
            self.columns[at].push(match value {
                serde_json::Value::Null => Cell::Missing,
                serde_json::Value::Number(number) => {
                    Cell::Number(number.as_f64().unwrap_or(f64::NAN))
                }
                serde_json::Value::String(text) => cell(&text),
                other => Cell::Text(other.to_string()),
            });
        }
        for column in &mut self.columns {
            column.resize(row + 1, Cell::Missing);
        }
    }
}

fn read_parquet(path: &Path) -> Result<Table, ResultsError> {
    let frame = read_frame(path)?;
    let height = frame.first().map_or(0, |column| column.values.len());
    let (names, columns) = frame
        .into_iter()
        .map(|column| (column.name, as_cells(column.values)))
        .unzip();
    Ok(Table {
        path: path.to_owned(),
        names,
        columns,
        lines: (1..=height as u64).collect(),
    })
}

fn as_cells(values: Values) -> Vec<Cell> {
    let number = |value: Option<f64>| value.map_or(Cell::Missing, Cell::Number);
    match values {
        Values::Text(cells) => cells
            .into_iter()
            .map(|text| text.map_or(Cell::Missing, Cell::Text))
            .collect(),
        Values::Integer(cells) => cells
            .into_iter()
            .map(|c| number(c.map(|x| x as f64)))
            .collect(),
        Values::Float(cells) => cells.into_iter().map(number).collect(),
        Values::Other(dtype, len) => vec![Cell::Text(format!("a value of type {dtype}")); len],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::write_runs;
    use crate::record::tests::record;

    fn read(name: &str, content: &str) -> Result<Table, ResultsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Table::read(&path)
    }

    #[test]
    fn the_same_rows_read_alike_from_csv_and_json_lines() {
        let from_csv = read("a.csv", "params,loss,name\n1e6,3.5,a\n2000000,3.25,b\n").unwrap();
        let from_jsonl = read(
            "a.jsonl",
            "{\"params\": 1e6, \"loss\": 3.5, \"name\": \"a\"}\n\n{\"loss\": 3.25, \"name\": \"b\", \"params\": 2000000}\n",
        )
        .unwrap();
        for table in [&from_csv, &from_jsonl] {
            assert_eq!(table.numbers("params").unwrap(), [1e6, 2e6]);
            assert_eq!(table.numbers("loss").unwrap(), [3.5, 3.25]);
        }
        assert_eq!((from_csv.line(1), from_jsonl.line(1)), (3, 3));
    }

    #[test]
    fn runs_parquet_is_such_a_table_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        write_runs(&path, &[record("a").row]).unwrap();
        let table = Table::read(&path).unwrap();
        assert_eq!(table.numbers("n_non_embedding").unwrap(), [3120.0]);
        assert_eq!(table.cells("run_id").unwrap(), [Cell::Text("a".to_owned())]);
    }

    #[test]
    fn errors_name_the_file_the_line_and_the_value() {
        let text = read("a.csv", "loss\n3.5\nlow\n")
            .unwrap()
            .numbers("loss")
            .unwrap_err()
            .to_string();
        assert!(
            text.ends_with("a.csv:3: column `loss` holds `low`, not a number"),
            "{text}"
        );
        let gap = read("a.csv", "n,loss\n1,2\n3,\n")
            .unwrap()
            .numbers("loss")
            .unwrap_err()
            .to_string();
        assert!(
            gap.ends_with("a.csv:3: column `loss` holds ``, not a number"),
            "{gap}"
        );
        let missing = read("a.csv", "n,l\n1,2\n")
            .unwrap()
            .numbers("loss")
            .unwrap_err()
            .to_string();
        assert!(
            missing.ends_with("no column `loss`; it has n, l"),
            "{missing}"
        );
        let ragged = read("a.csv", "n,l\n1,2\n1\n").unwrap_err().to_string();
        assert!(ragged.contains("a.csv:3: "), "{ragged}");
        let json = read("a.jsonl", "{\"a\": 1}\n[]\n").unwrap_err().to_string();
        assert!(json.contains("a.jsonl:2: not a JSON object"), "{json}");
        assert!(matches!(
            read("a.csv", "n,l\n"),
            Err(ResultsError::NoRows { .. })
        ));
        assert!(matches!(
            read("a.xlsx", ""),
            Err(ResultsError::UnknownFormat { .. })
        ));
    }

    #[test]
    fn nan_reads_as_a_number_so_that_the_fitter_can_name_it() {
        let table = read("a.csv", "loss\nNaN\n").unwrap();
        assert!(table.numbers("loss").unwrap()[0].is_nan());
    }
}
