//! `runs.parquet` and `curves.parquet`.

use crate::curve::{Curve, CurvePoint};
use crate::error::ResultsError;
use crate::frame::{Column, Values, read_frame, write_frame};
use crate::row::{COLUMNS, Kind, LATER, RunRow};
use serde_json::{Map, Value};
use std::path::Path;

/// Writes one row a run, columns as in [`COLUMNS`].
///
/// # Errors
/// The file cannot be written.
pub fn write_runs(path: &Path, rows: &[RunRow]) -> Result<(), ResultsError> {
    let maps: Vec<Map<String, Value>> = rows.iter().map(as_map).collect();
    let columns: Vec<Column> = COLUMNS
        .iter()
        .map(|column| {
            let cells = maps.iter().map(|map| &map[column.name]);
            let values = match column.kind {
                Kind::Text => Values::Text(cells.map(|c| c.as_str().map(str::to_owned)).collect()),
                Kind::Integer => Values::Integer(cells.map(Value::as_u64).collect()),
                Kind::Float => Values::Float(cells.map(Value::as_f64).collect()),
            };
            Column {
                name: column.name.to_owned(),
                values,
            }
        })
        .collect();
    write_frame(path, &columns)
}

/// Reads rows back.
///
/// # Errors
/// The file cannot be read, or a column is missing or of another type.
pub fn read_runs(path: &Path) -> Result<Vec<RunRow>, ResultsError> {
    let frame = read_frame(path)?;
    let height = frame.first().map_or(0, |column| column.values.len());
    let mut maps = vec![Map::new(); height];
    let has = |name: &str| frame.iter().any(|column| column.name == name);
    let known = COLUMNS.iter();
    for column in known.filter(|column| has(column.name) || !LATER.contains(&column.name)) {
        let cells: Vec<Value> = match column.kind {
            Kind::Text => json(texts(path, &frame, column.name)?),
            Kind::Integer => json(integers(path, &frame, column.name)?),
            Kind::Float => json(floats(path, &frame, column.name)?),
        };
        for (map, cell) in maps.iter_mut().zip(cells) {
            map.insert(column.name.to_owned(), cell);
        }
    }
    maps.into_iter()
        .map(|map| serde_json::from_value(Value::Object(map)).map_err(|error| parquet(path, error)))
        .collect()
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
    let column = |name: &str, values| Column {
        name: name.to_owned(),
        values,
    };
    let integer = |name: &str, cell: fn(&CurvePoint) -> u64| {
        column(
            name,
            Values::Integer(points().map(|point| Some(cell(point))).collect()),
        )
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
    write_frame(path, &columns)
}

/// Reads curves back, grouped by run in the order of the file.
///
/// # Errors
/// The file cannot be read, or a column is missing or of another type.
pub fn read_curves(path: &Path) -> Result<Vec<Curve>, ResultsError> {
    let frame = read_frame(path)?;
    let ids = texts(path, &frame, "run_id")?;
    let step = integers(path, &frame, "step")?;
    let tokens = integers(path, &frame, "tokens")?;
    let flops = floats(path, &frame, "flops")?;
    let train_loss = floats(path, &frame, "train_loss")?;
    let test_loss = floats(path, &frame, "test_loss")?;
    let learning_rate = floats(path, &frame, "learning_rate")?;
    let grad_norm = floats(path, &frame, "grad_norm")?;
    let absent = |name: &str| parquet(path, format!("column `{name}` has a null"));
    let mut curves: Vec<Curve> = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        let run_id = id.clone().ok_or_else(|| absent("run_id"))?;
        if curves.last().is_none_or(|curve| curve.run_id != run_id) {
            curves.push(Curve {
                run_id,
                points: Vec::new(),
            });
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
    Ok(curves)
}

fn as_map(row: &RunRow) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("a struct of text and numbers is a JSON object"),
    }
}

fn parquet(path: &Path, problem: impl ToString) -> ResultsError {
    ResultsError::Parquet {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

fn json<T: Clone + Into<Value>>(cells: &[Option<T>]) -> Vec<Value> {
    cells
        .iter()
        .map(|cell| cell.clone().map_or(Value::Null, Into::into))
        .collect()
}

fn column<'a>(path: &Path, frame: &'a [Column], name: &str) -> Result<&'a Values, ResultsError> {
    match frame.iter().find(|column| column.name == name) {
        Some(column) => Ok(&column.values),
        None => Err(ResultsError::MissingColumn {
            path: path.to_owned(),
            column: name.to_owned(),
            available: frame.iter().map(|column| column.name.clone()).collect(),
        }),
    }
}

fn mistyped(path: &Path, name: &str, wanted: &str) -> ResultsError {
    parquet(path, format!("column `{name}` is not of {wanted}"))
}

fn texts<'a>(
    path: &Path,
    frame: &'a [Column],
    name: &str,
) -> Result<&'a [Option<String>], ResultsError> {
    match column(path, frame, name)? {
        Values::Text(cells) => Ok(cells),
        _ => Err(mistyped(path, name, "text")),
    }
}

fn integers<'a>(
    path: &Path,
    frame: &'a [Column],
    name: &str,
) -> Result<&'a [Option<u64>], ResultsError> {
    match column(path, frame, name)? {
        Values::Integer(cells) => Ok(cells),
        _ => Err(mistyped(path, name, "unsigned 64-bit integers")),
    }
}

fn floats<'a>(
    path: &Path,
    frame: &'a [Column],
    name: &str,
) -> Result<&'a [Option<f64>], ResultsError> {
    match column(path, frame, name)? {
        Values::Float(cells) => Ok(cells),
        _ => Err(mistyped(path, name, "floats")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

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
    fn runs_and_curves_read_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let records = [record("a"), record("b")];
        let rows: Vec<_> = records.iter().map(|record| record.row.clone()).collect();
        let curves: Vec<_> = records
            .iter()
            .map(|record| Curve {
                run_id: record.row.run_id.clone(),
                points: record.curve.clone(),
            })
            .collect();
        let (runs_path, curves_path) = (
            folder.path().join("r.parquet"),
            folder.path().join("c.parquet"),
        );
        write_runs(&runs_path, &rows).unwrap();
        write_curves(&curves_path, &curves).unwrap();
        assert_eq!(read_runs(&runs_path).unwrap(), rows);
        assert_eq!(read_curves(&curves_path).unwrap(), curves);
    }

    #[test]
    fn a_file_of_an_earlier_version_reads_with_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        let row = record("a").row;
        write_runs(&path, std::slice::from_ref(&row)).unwrap();
        let mut frame = read_frame(&path).unwrap();
        frame.retain(|column| !LATER.contains(&column.name.as_str()));
        write_frame(&path, &frame).unwrap();
        assert_eq!(read_runs(&path).unwrap(), [row]);
        frame.retain(|column| column.name != "seed");
        write_frame(&path, &frame).unwrap();
        let error = read_runs(&path).unwrap_err().to_string();
        assert!(error.contains("seed"), "{error}");
    }

    #[test]
    fn a_sweep_without_rows_yet_has_a_file_with_all_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        write_runs(&path, &[]).unwrap();
        assert_eq!(read_frame(&path).unwrap().len(), COLUMNS.len());
        assert_eq!(read_runs(&path).unwrap(), []);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        std::fs::write(&path, b"PAR1 nothing of the kind PAR1").unwrap();
        let error = read_runs(&path).unwrap_err().to_string();
        assert!(
            error.contains("runs.parquet: not readable as parquet"),
            "{error}"
        );
    }
}
