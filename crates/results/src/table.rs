//! Anyone's table of runs: CSV, JSON lines or parquet, read as columns of numbers.

mod parse;

use crate::error::ResultsError;
use crate::file::read_table;
use crate::frame::Trust;
use crate::row::RunRow;
use std::path::{Path, PathBuf};

/// A table read from a file, by column.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    columns: Vec<Vec<Cell>>,
    lines: Vec<u64>,
    sealed: bool,
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

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Fields between commas, names in the first line.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// Parquet.
    Parquet,
}

impl Format {
    /// The format that the extension of a file names.
    ///
    /// # Errors
    /// It names none.
    pub fn of(path: &Path) -> Result<Self, ResultsError> {
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        match extension.as_str() {
            "csv" => Ok(Format::Csv),
            "jsonl" | "ndjson" => Ok(Format::JsonLines),
            "parquet" => Ok(Format::Parquet),
            _ => Err(ResultsError::UnknownFormat {
                path: path.to_owned(),
                extension,
            }),
        }
    }
}

impl Table {
    /// Reads a file by its extension: `csv`, `jsonl` (also `ndjson`) or `parquet`.
    ///
    /// # Errors
    /// An unreadable or malformed file (with its line), an unknown extension, a column named twice,
    /// no rows, or a parquet file whose values do not match the digest that it carries.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        Table::read_with(path, Trust::Checked)
    }

    /// As [`Table::read`], of a parquet file whose digest is to be looked at or not.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read_with(path: &Path, trust: Trust) -> Result<Self, ResultsError> {
        let format = Format::of(path)?;
        Table::parse(path, format, read_table(path)?, trust)
    }

    /// As [`Table::read_with`], of the bytes of a file; the path is for messages.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(
        path: &Path,
        format: Format,
        bytes: Vec<u8>,
        trust: Trust,
    ) -> Result<Self, ResultsError> {
        let table = match format {
            Format::Csv => parse::csv(path, &bytes),
            Format::JsonLines => parse::json_lines(path, &bytes),
            Format::Parquet => parse::parquet(path, bytes, trust),
        }?;
        match table.lines.is_empty() {
            true => Err(ResultsError::NoRows {
                path: path.to_owned(),
            }),
            false => Ok(table),
        }
    }

    /// The table that `runs.parquet` would be; the path is for messages.
    pub fn of_runs(path: &Path, rows: &[RunRow]) -> Self {
        parse::of_runs(path, rows)
    }

    /// Whether it is from a parquet file that carries the digest of its values.
    pub fn sealed(&self) -> bool {
        self.sealed
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::write_runs;
    use crate::record::tests::record;
    use isoflop_parquet::{Column, Values};
    use std::fs::File;

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
    fn runs_parquet_is_such_a_table_too_and_so_are_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        write_runs(&path, &[record("a").row]).unwrap();
        let table = Table::read(&path).unwrap();
        assert!(table.sealed());
        let of_rows = Table::of_runs(&path, &[record("a").row]);
        assert_eq!(of_rows.names(), table.names());
        assert_eq!(of_rows.columns, table.columns);
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
    fn a_byte_order_mark_goes_and_a_null_is_a_gap_in_every_format() {
        let csv = read("a.csv", "\u{feff}loss,n\n3.5,\n").unwrap();
        let lines = read("a.jsonl", "\u{feff}{\"loss\": 3.5, \"n\": null}\n").unwrap();
        let mut bytes = Vec::new();
        let column = |name: &str, cell| Column {
            name: name.to_owned(),
            values: Values::Text(vec![cell]),
        };
        let columns = [column("loss", Some("3.5".to_owned())), column("n", None)];
        isoflop_parquet::write(&mut bytes, &columns, &[]).unwrap();
        let path = Path::new("a.parquet");
        let parquet = Table::parse(path, Format::Parquet, bytes, Trust::Checked).unwrap();
        for table in [csv, lines, parquet] {
            assert_eq!(table.names(), ["loss", "n"]);
            assert_eq!(table.numbers("loss").unwrap(), [3.5]);
            assert_eq!(table.cells("n").unwrap(), [Cell::Missing]);
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_with_both_places() {
        let csv = read("a.csv", "loss,n,loss\n1,2,3\n").unwrap_err();
        let text = csv.to_string();
        assert!(
            text.ends_with("a.csv:1: column `loss` is there twice, as fields 1 and 3"),
            "{text}"
        );
        assert!(csv.hint().is_some());
        let lines = "{\"n\": 1, \"loss\": 2}\n{\"n\": 1, \"loss\": 2, \"n\": 3}\n";
        let text = read("a.jsonl", lines).unwrap_err().to_string();
        assert!(
            text.ends_with("a.jsonl:2: key `n` is there twice, as values 1 and 3 of the line"),
            "{text}"
        );
        let spare = read("a.csv", "loss,n,,\n1,2,,\n").unwrap();
        assert_eq!(spare.numbers("n").unwrap(), [2.0]);
    }

    #[test]
    fn a_git_lfs_pointer_is_told_in_every_format() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9999\n";
        for name in ["a.csv", "a.jsonl", "a.parquet"] {
            let error = read(name, pointer).unwrap_err();
            assert!(error.to_string().contains("Git LFS pointer"), "{error}");
            assert!(error.hint().unwrap().contains("git lfs pull"));
        }
    }

    #[test]
    fn more_cells_than_memory_is_for_are_refused() {
        // Every line has a key of its own: a square of gaps.
        let lines: String = (0..5000).map(|i| format!("{{\"k{i}\": 1}}\n")).collect();
        let error = read("a.jsonl", &lines).unwrap_err();
        assert!(matches!(error, ResultsError::TooLarge { .. }), "{error}");
        let error = read("a.csv", &format!("n\n{}", "1\n".repeat(1_000_001))).unwrap_err();
        assert!(matches!(error, ResultsError::TooLarge { .. }), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vast.csv");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = Table::read(&path).unwrap_err();
        assert!(matches!(error, ResultsError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn long_values_and_names_are_cut_in_messages() {
        let long = "x".repeat(5000);
        let table = read("a.csv", &format!("loss\n{long}\n")).unwrap();
        assert!(table.numbers("loss").unwrap_err().to_string().len() < 400);
        let table = read("a.csv", &format!("{long},b\n1,2\n")).unwrap();
        assert!(table.numbers("loss").unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn nan_reads_as_a_number_so_that_the_fitter_can_name_it() {
        let table = read("a.csv", "loss\nNaN\n").unwrap();
        assert!(table.numbers("loss").unwrap()[0].is_nan());
    }
}
