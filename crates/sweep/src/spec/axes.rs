//! Parses `[axes]`: any other key with several values; the axes form a cross product.

use crate::error::Problem;
use isoflop_core::Series;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys that define the sweep itself, over which an axis would have no single meaning.
const FIXED: &[&str] =
    &["name", "question", "max_failures", "plan", "model.sizes", "train.seeds", "axes"];

/// Maximum number of combinations of the values of all axes.
const MOST_CELLS: usize = 10_000;

struct Axis<'i> {
    key: String,
    span: Range<usize>,
    values: Vec<Spanned<DeValue<'i>>>,
}

/// Label of a cell, and the document with the cell's values in place.
type CellTable<'i> = (Series, Spanned<DeTable<'i>>);

/// One document for each cell of the cross product, in the order of the file; the value of the last
/// axis changes fastest. Values keep their place in the file.
pub(super) fn cells(mut document: Spanned<DeTable<'_>>) -> Result<Vec<CellTable<'_>>, Problem> {
    let axes = match document.get_mut().remove("axes") {
        Some(value) => read_axes(value)?,
        None => Vec::new(),
    };
    let mut cells = vec![(Series::default(), document)];
    for axis in axes {
        if cells.len().saturating_mul(axis.values.len()) > MOST_CELLS {
            let message = format!("the axes have more than {MOST_CELLS} cells");
            let hint = "drop values, or split the axes over several sweep files";
            return Err(Problem::new(axis.span, message).hint(hint));
        }
        let mut crossed = Vec::with_capacity(cells.len() * axis.values.len());
        for (series, table) in cells {
            for value in &axis.values {
                let mut table = table.clone();
                place(table.get_mut(), &axis, value.clone())?;
                crossed.push((series.with(&axis.key, shown(value.get_ref())), table));
            }
        }
        cells = crossed;
    }
    Ok(cells)
}

fn read_axes(value: Spanned<DeValue<'_>>) -> Result<Vec<Axis<'_>>, Problem> {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else {
        return Err(Problem::new(span, "`axes` must be a table of keys and lists of values"));
    };
    let mut axes = table
        .into_iter()
        .map(|(key, value)| read_axis(key, value))
        .collect::<Result<Vec<_>, _>>()?;
    axes.sort_by_key(|axis| axis.span.start);
    Ok(axes)
}

fn read_axis<'i>(
    key: Spanned<Cow<'i, str>>,
    value: Spanned<DeValue<'i>>,
) -> Result<Axis<'i>, Problem> {
    let (span, name) = (key.span(), key.get_ref().to_string());
    if FIXED.iter().any(|fixed| name == *fixed || name.starts_with(&format!("{fixed}."))) {
        let hint = "write a second sweep file for it, or use `sizes` and `seeds` themselves";
        return Err(Problem::new(span, format!("`{name}` cannot be an axis")).hint(hint));
    }
    let value_span = value.span();
    match value.into_inner() {
        DeValue::Array(values) if !values.is_empty() => {
            Ok(Axis { key: name, span, values: values.into_iter().collect() })
        }
        DeValue::Table(_) => Err(Problem::new(span, format!("axis `{name}` is a table"))
            .hint(format!("quote the whole key: \"{name}.key\" = [..]"))),
        _ => Err(Problem::new(value_span, format!("axis `{name}` needs a list of values"))
            .hint(format!("\"{name}\" = [first, second]"))),
    }
}

fn place<'i>(
    table: &mut DeTable<'i>,
    axis: &Axis<'i>,
    value: Spanned<DeValue<'i>>,
) -> Result<(), Problem> {
    let mut parts: Vec<&str> = axis.key.split('.').collect();
    let last = parts.pop().expect("split yields at least one part");
    let mut inner = table;
    for part in parts {
        let key = Spanned::new(axis.span.clone(), Cow::Owned(part.to_owned()));
        let empty = || Spanned::new(axis.span.clone(), DeValue::Table(DeTable::new()));
        let entry = inner.entry(key).or_insert_with(empty);
        inner = match entry.get_mut() {
            DeValue::Table(table) => table,
            _ => {
                let message = format!("`{part}` in axis `{}` is not a table", axis.key);
                return Err(Problem::new(axis.span.clone(), message));
            }
        };
    }
    inner.remove(last);
    inner.insert(Spanned::new(axis.span.clone(), Cow::Owned(last.to_owned())), value);
    Ok(())
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(values) => {
            let all: Vec<String> = values.iter().map(|value| shown(value.get_ref())).collect();
            format!("[{}]", all.join(", "))
        }
        DeValue::Table(table) => {
            let pair = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                format!("{} = {}", key.get_ref(), shown(value.get_ref()))
            };
            format!("{{ {} }}", table.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}
