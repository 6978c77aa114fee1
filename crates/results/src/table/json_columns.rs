//! A JSON object that is a table by itself, as pandas and others write one.

use super::Cell;
use super::flat::Flat;
use crate::error::ResultsError;
use isoflop_core::text::shown_up_to;
use serde_json::{Map, Value};
use std::path::Path;

/// What one object is.
pub(super) enum Whole {
    /// Columns of equal length.
    Columns(Vec<(String, Vec<Cell>)>),
    /// Rows.
    Rows(Vec<Flat>),
    /// One row.
    Row,
    /// It is followed by others.
    Several,
}

/// Looks at an object that begins a text: names over lists (`{"n": [1, 2]}`), names over numbered cells
/// (pandas' `columns`), rows by their names (`index`), `columns` beside `data` (`split`), or a list of
/// objects under one of its keys.
///
/// # Errors
/// It is not JSON, or its columns are of different lengths.
pub(super) fn of(path: &Path, bytes: &[u8]) -> Result<Whole, ResultsError> {
    let malformed = |line: usize, problem: String| ResultsError::MalformedLine {
        path: path.to_owned(),
        line: line as u64,
        problem,
    };
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let object = match values.next() {
        Some(Ok(Value::Object(object))) => object,
        Some(Err(error)) => {
            let problem = format!("not JSON: {}", shown_up_to(200, &error.to_string()));
            return Err(malformed(error.line(), problem));
        }
        _ => return Ok(Whole::Row),
    };
    if bytes[values.byte_offset()..].iter().any(|byte| !byte.is_ascii_whitespace()) {
        return Ok(Whole::Several);
    }
    let columns = match table(&object) {
        Whole::Columns(columns) => columns,
        other => return Ok(other),
    };
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    match columns.iter().find(|(_, cells)| cells.len() != rows) {
        None => Ok(Whole::Columns(columns)),
        Some((name, cells)) => {
            let problem = format!(
                "column `{}` has {} values and `{}` has {rows}",
                shown_up_to(80, name),
                cells.len(),
                shown_up_to(80, &columns[0].0)
            );
            Err(malformed(1, problem))
        }
    }
}

type Columns = Vec<(String, Vec<Cell>)>;

fn table(object: &Map<String, Value>) -> Whole {
    if let (Some(Value::Array(names)), Some(Value::Array(rows))) =
        (object.get("columns"), object.get("data"))
    {
        return split(names, rows).map_or(Whole::Row, Whole::Columns);
    }
    let lists = object.values().filter(|value| value.is_array()).count();
    if lists == object.len() && lists > 0 && !object.values().any(holds_objects) {
        let columns = object.iter().map(|(name, cells)| (name.clone(), listed(cells)));
        return Whole::Columns(columns.collect());
    }
    let mut tables = object.values().filter(|value| holds_objects(value));
    if let (Some(Value::Array(rows)), None) = (tables.next(), tables.next()) {
        return Whole::Rows(rows.iter().map(flat).collect());
    }
    let maps: Vec<&Map<String, Value>> = object.values().filter_map(Value::as_object).collect();
    let (true, Some(first)) = (maps.len() > 1 && maps.len() == object.len(), maps.first()) else {
        return Whole::Row;
    };
    let same = |map: &&Map<String, Value>| map.keys().eq(first.keys());
    let numbered = first.keys().all(|key| key.parse::<u64>().is_ok());
    if numbered && maps.iter().all(same) {
        let columns = object.keys().cloned().zip(&maps);
        let cells = |map: &Map<String, Value>| map.values().map(cell).collect();
        return Whole::Columns(columns.map(|(name, map)| (name, cells(map))).collect());
    }
    // Sections of one row hold different names; rows hold the same.
    let shares = |row: &&Map<String, Value>| row.keys().any(|key| first.contains_key(key));
    match maps.iter().all(shares) {
        true => Whole::Rows(object.values().map(flat).collect()),
        false => Whole::Row,
    }
}

fn holds_objects(value: &Value) -> bool {
    let list = value.as_array();
    list.is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_object))
}

fn split(names: &[Value], rows: &[Value]) -> Option<Columns> {
    let mut columns: Columns = Vec::new();
    for name in names {
        columns.push((name.as_str()?.to_owned(), Vec::new()));
    }
    for row in rows {
        for (i, (_, cells)) in columns.iter_mut().enumerate() {
            cells.push(cell(row.as_array()?.get(i).unwrap_or(&Value::Null)));
        }
    }
    Some(columns)
}

fn flat(row: &Value) -> Flat {
    let mut out = Flat::default();
    flatten("", row, &mut out);
    out
}

fn flatten(path: &str, value: &Value, out: &mut Flat) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match path {
                    "" => flatten(key, value, out),
                    path => flatten(&format!("{path}.{key}"), value, out),
                }
            }
        }
        other => out.0.push((path.to_owned(), cell(other))),
    }
}

fn listed(value: &Value) -> Vec<Cell> {
    value.as_array().into_iter().flatten().map(cell).collect()
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Missing,
        Value::Number(number) => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Bool(truth) => Cell::Text(truth.to_string()),
        Value::Array(_) => Cell::Text("a list of values".to_owned()),
        Value::Object(_) => Cell::Text("an object".to_owned()),
    }
}
