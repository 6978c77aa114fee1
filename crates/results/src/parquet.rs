//! `runs.parquet` and `curves.parquet`.

use crate::curve::{Curve, CurvePoint};
use crate::error::ResultsError;
use crate::file::read_table;
use crate::frame::{Frame, write_columns};
pub use crate::frame::{Sealed, Trust};
use crate::row::{COLUMNS, Kind, LATER, RunRow};
use isoflop_core::text::shown_up_to;
use isoflop_parquet::{Column, Values};
use serde_json::{Map, Value};
use std::path::Path;

/// Writes one row a run, columns as in [`COLUMNS`].
///
/// # Errors
/// The file cannot be written.
pub fn write_runs(path: &Path, rows: &[RunRow]) -> Result<(), ResultsError> {
    write_columns(path, &run_columns(rows))
}

/// Rows by column.
pub(crate) fn run_columns(rows: &[RunRow]) -> Vec<Column> {
    let maps: Vec<Map<String, Value>> = rows.iter().map(as_map).collect();
    COLUMNS
        .iter()
        .map(|column| {
            let cells = maps.iter().map(|map| &map[column.name]);
            let values = match column.kind {
                Kind::Text => Values::Text(cells.map(|c| c.as_str().map(str::to_owned)).collect()),
                Kind::Integer => Values::Unsigned(cells.map(Value::as_u64).collect()),
                Kind::Float => Values::Float(cells.map(Value::as_f64).collect()),
            };
            Column { name: column.name.to_owned(), values }
        })
        .collect()
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
    let height = frame.columns.first().map_or(0, |column| column.values.len());
    let mut maps = vec![Map::new(); height];
    let known = COLUMNS.iter();
    for column in known.filter(|column| frame.has(column.name) || !LATER.contains(&column.name)) {
        let cells: Vec<Value> = match column.kind {
            Kind::Text => json(frame.texts(column.name)?),
            Kind::Integer => json(frame.integers(column.name)?),
            Kind::Float => json(frame.floats(column.name)?),
        };
        for (map, cell) in maps.iter_mut().zip(cells) {
            map.insert(column.name.to_owned(), cell);
        }
    }
    let row = |(i, map): (usize, Map<String, Value>)| {
        let empty: Vec<String> =
            map.iter().filter(|(_, cell)| cell.is_null()).map(|(name, _)| name.clone()).collect();
        serde_json::from_value(Value::Object(map)).map_err(|error| {
            let nulls = format!("row {}: {error}; null are {}", i + 1, empty.join(", "));
            frame.wrong(shown_up_to(400, &nulls))
        })
    };
    let rows: Result<_, _> = maps.into_iter().enumerate().map(row).collect();
    Ok(Sealed { rows: rows?, sealed: frame.sealed })
}

/// Writes one row a point: run_id, step, tokens, flops, train_loss, test_loss, learning_rate,
/// grad_norm.
///
/// # Errors
/// The file cannot be written.
pub fn write_curves(path: &Path, curves: &[Curve]) -> Result<(), ResultsError> {
    let points = || curves.iter().flat_map(|curve| curve.points.iter());
    let ids = curves
        .iter()
        .flat_map(|curve| std::iter::repeat_n(Some(curve.run_id.clone()), curve.points.len()))
        .collect();
    let column = |name: &str, values| Column { name: name.to_owned(), values };
    let integer = |name: &str, cell: fn(&CurvePoint) -> u64| {
        column(name, Values::Unsigned(points().map(|point| Some(cell(point))).collect()))
    };
    let float = |name: &str, cell: fn(&CurvePoint) -> Option<f64>| {
        column(name, Values::Float(points().map(cell).collect()))
    };
    let columns = [
        column("run_id", Values::Text(ids)),
        integer("step", |point| point.step),
        integer("tokens", |point| point.tokens),
        float("flops", |point| Some(point.flops)),
        float("train_loss", |point| point.train_loss),
        float("test_loss", |point| point.test_loss),
        float("learning_rate", |point| Some(point.learning_rate)),
        float("grad_norm", |point| point.grad_norm),
    ];
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

/// As [`open_curves`], of the bytes of a file; the path is for messages.
///
/// # Errors
/// As [`read_runs`].
pub fn parse_curves(
    path: &Path,
    bytes: Vec<u8>,
    trust: Trust,
) -> Result<Sealed<Vec<Curve>>, ResultsError> {
    let frame = Frame::parse(path, bytes, trust)?;
    let ids = frame.texts("run_id")?;
    let step = frame.integers("step")?;
    let tokens = frame.integers("tokens")?;
    let flops = frame.floats("flops")?;
    let train_loss = frame.floats("train_loss")?;
    let test_loss = frame.floats("test_loss")?;
    let learning_rate = frame.floats("learning_rate")?;
    let grad_norm = frame.floats("grad_norm")?;
    let absent = |name: &str| frame.wrong(format!("column `{name}` has a null"));
    let mut curves: Vec<Curve> = Vec::new();
    for (i, id) in ids.into_iter().enumerate() {
        let run_id = id.ok_or_else(|| absent("run_id"))?;
        if curves.last().is_none_or(|curve| curve.run_id != run_id) {
            curves.push(Curve { run_id, points: Vec::new() });
        }
        let point = CurvePoint {
            step: step[i].ok_or_else(|| absent("step"))?,
            tokens: tokens[i].ok_or_else(|| absent("tokens"))?,
            flops: flops[i].ok_or_else(|| absent("flops"))?,
            train_loss: train_loss[i],
            test_loss: test_loss[i],
            learning_rate: learning_rate[i].ok_or_else(|| absent("learning_rate"))?,
            grad_norm: grad_norm[i],
        };
        curves.last_mut().expect("pushed above").points.push(point);
    }
    Ok(Sealed { rows: curves, sealed: frame.sealed })
}

fn as_map(row: &RunRow) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("a struct of text and numbers is a JSON object"),
    }
}

fn json<T: Into<Value>>(cells: Vec<Option<T>>) -> Vec<Value> {
    let value = |cell: Option<T>| cell.map_or(Value::Null, Into::into);
    cells.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::KEY;
    use crate::record::tests::record;
    use std::fs;

    fn curve(record: &crate::RunRecord) -> Curve {
        Curve { run_id: record.row.run_id.clone(), points: record.curve.clone() }
    }

    /// Saves columns as another program does: without a digest.
    fn save(path: &Path, columns: &[Column]) {
        let mut bytes = Vec::new();
        isoflop_parquet::write(&mut bytes, columns, &[]).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn columns(path: &Path) -> Vec<Column> {
        let bytes = fs::read(path).unwrap();
        Frame::parse(path, bytes, Trust::Checked).unwrap().columns
    }

    fn checked(path: &Path) -> Result<Sealed<Vec<RunRow>>, ResultsError> {
        open_runs(path, Trust::Checked)
    }

    #[test]
    fn the_columns_are_exactly_the_fields_of_a_row() {
        let map = as_map(&record("a").row);
        let mut fields: Vec<_> = map.keys().map(String::as_str).collect();
        let mut columns: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
        fields.sort_unstable();
        columns.sort_unstable();
        assert_eq!(fields, columns);
    }

    #[test]
    fn runs_and_curves_read_back_to_the_last_bit_and_carry_their_digest() {
        let folder = tempfile::tempdir().unwrap();
        let records = [record("a"), record("b")];
        let rows: Vec<_> = records.iter().map(|record| record.row.clone()).collect();
        let curves: Vec<_> = records.iter().map(curve).collect();
        let (runs_path, curves_path) =
            (folder.path().join("r.parquet"), folder.path().join("c.parquet"));
        write_runs(&runs_path, &rows).unwrap();
        write_curves(&curves_path, &curves).unwrap();
        let runs = checked(&runs_path).unwrap();
        assert_eq!((runs.rows, runs.sealed), (rows, true));
        let read = open_curves(&curves_path, Trust::Checked).unwrap();
        assert_eq!((read.rows, read.sealed), (curves, true));
    }

    #[test]
    fn no_flipped_bit_of_runs_or_curves_gives_other_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.parquet");
        let records = [record("a"), record("b")];
        let rows = records.clone().map(|record| record.row);
        let curves = records.each_ref().map(curve);
        let flips = |bytes: &[u8], check: &dyn Fn(Vec<u8>, usize)| {
            for at in (0..bytes.len()).step_by(bytes.len() / 400 + 1) {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << (at % 8);
                check(flipped, at);
            }
        };
        write_runs(&path, &rows).unwrap();
        flips(&fs::read(&path).unwrap(), &|bytes, at| {
            if let Ok(read) = parse_runs(&path, bytes, Trust::Checked) {
                assert_eq!(read.rows, rows, "byte {at}");
            }
        });
        write_curves(&path, &curves).unwrap();
        flips(&fs::read(&path).unwrap(), &|bytes, at| {
            if let Ok(read) = parse_curves(&path, bytes, Trust::Checked) {
                assert_eq!(read.rows, curves, "byte {at}");
            }
        });
    }

    #[test]
    fn values_that_do_not_match_the_digest_are_refused_unless_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        write_runs(&path, &[record("a").row]).unwrap();
        let mut columns = columns(&path);
        let loss = columns.iter_mut().find(|column| column.name == "test_loss");
        loss.unwrap().values = Values::Float(vec![Some(1.5)]);
        let mut bytes = Vec::new();
        let old = crate::digest::digest(&[]);
        isoflop_parquet::write(&mut bytes, &columns, &[(KEY, old)]).unwrap();
        fs::write(&path, bytes).unwrap();
        let error = checked(&path).unwrap_err();
        assert!(matches!(error, ResultsError::OtherDigest { .. }), "{error}");
        assert!(error.hint().unwrap().contains("--trust"));
        let read = open_runs(&path, Trust::Blind).unwrap();
        assert_eq!(read.rows[0].test_loss, Some(1.5));
    }

    #[test]
    fn a_file_that_pandas_saved_again_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        let mut rows = [record("a").row, record("b").row];
        rows[1].peak_memory_bytes = Some(1 << 40);
        write_runs(&path, &rows).unwrap();
        let mut saved = columns(&path);
        for column in &mut saved {
            let values = &mut column.values;
            *values = match (column.name.as_str(), &*values) {
                // Whole numbers with gaps become floats, others signed; a column of gaps alone loses its
                // type.
                ("peak_memory_bytes", Values::Unsigned(cells)) => {
                    Values::Float(cells.iter().map(|c| c.map(|x| x as f64)).collect())
                }
                ("message" | "diverged_step" | "mfu", cells) => Values::Null(cells.len()),
                (_, Values::Unsigned(cells)) => {
                    Values::Signed(cells.iter().map(|c| c.map(|x| x as i64)).collect())
                }
                (_, other) => other.clone(),
            };
        }
        saved.push(Column {
            name: "__index_level_0__".to_owned(),
            values: Values::Signed(vec![Some(1), Some(0)]),
        });
        save(&path, &saved);
        let read = checked(&path).unwrap();
        assert_eq!((read.rows, read.sealed), (rows.to_vec(), false));
    }

    #[test]
    fn a_number_that_is_not_whole_or_a_gap_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        write_runs(&path, &[record("a").row]).unwrap();
        let whole = columns(&path);
        let problem = |name: &str, values: Values| {
            let mut columns = whole.clone();
            let column = columns.iter_mut().find(|column| column.name == name);
            column.unwrap().values = values;
            save(&path, &columns);
            checked(&path).unwrap_err().to_string()
        };
        let half = problem("steps", Values::Float(vec![Some(2.5)]));
        assert!(half.contains("`steps` holds 2.5, not a whole number"), "{half}");
        let negative = problem("steps", Values::Signed(vec![Some(-1)]));
        assert!(negative.contains("`steps` holds -1"), "{negative}");
        let vast = problem("steps", Values::Float(vec![Some(1e17)]));
        assert!(vast.contains("not a whole number"), "{vast}");
        let gap = problem("epochs", Values::Float(vec![None]));
        assert!(gap.contains("row 1: ") && gap.contains("epochs"), "{gap}");
        let text = problem("epochs", Values::Text(vec![Some("x".to_owned())]));
        assert!(text.contains("`epochs` is not of floats"), "{text}");
    }

    #[test]
    fn a_file_of_an_earlier_version_reads_with_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        let row = record("a").row;
        write_runs(&path, std::slice::from_ref(&row)).unwrap();
        let mut earlier = columns(&path);
        earlier.retain(|column| !LATER.contains(&column.name.as_str()));
        save(&path, &earlier);
        assert_eq!(checked(&path).unwrap().rows, [row]);
        earlier.retain(|column| column.name != "seed");
        save(&path, &earlier);
        let error = checked(&path).unwrap_err().to_string();
        assert!(error.contains("seed"), "{error}");
    }

    #[test]
    fn a_sweep_without_rows_yet_has_a_file_with_all_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        write_runs(&path, &[]).unwrap();
        assert_eq!(columns(&path).len(), COLUMNS.len());
        assert_eq!(checked(&path).unwrap().rows, []);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        fs::write(&path, b"PAR1 nothing of the kind PAR1").unwrap();
        let error = checked(&path).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("runs.parquet: not readable as parquet"), "{text}");
        assert!(error.hint().is_some());
    }
}
