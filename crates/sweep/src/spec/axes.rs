//! Parses `[axes]`: any other key with several values; the axes form a cross product.

use super::when;
use crate::error::Problem;
use isoflop_core::Series;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys that define the sweep itself, over which an axis would have no single meaning.
const FIXED: &[&str] =
    &["name", "question", "max_failures", "plan", "model.sizes", "train.seeds", "axes", "when"];

/// Axis that is no key of the file: names of variants, which `[[when]]` explains.
pub(super) const VARIANT: &str = "variant";

/// Maximum number of combinations of the values of all axes.
const MOST_CELLS: usize = 10_000;

pub(super) struct Axis<'i> {
    pub(super) given: Given,
    pub(super) values: Vec<Spanned<DeValue<'i>>>,
}

/// A key of another table, with its place in the file: `"model.norm"`.
pub(super) struct Given {
    pub(super) key: String,
    pub(super) span: Range<usize>,
}

/// Label of a cell, and the document with the cell's values in place.
type CellTable<'i> = (Series, Spanned<DeTable<'i>>);

/// One document for each cell of the cross product, in the order of the file, with what `[[when]]` sets
/// there; the value of the last axis changes fastest. Values keep their place in the file.
pub(super) fn cells(mut document: Spanned<DeTable<'_>>) -> Result<Vec<CellTable<'_>>, Problem> {
    let axes = match document.get_mut().remove("axes") {
        Some(value) => read_axes(value)?,
        None => Vec::new(),
    };
    let entries = match document.get_mut().remove("when") {
        Some(value) => when::read(value, &axes)?,
        None => Vec::new(),
    };
    let mut cells = vec![(Series::default(), document)];
    for axis in axes {
        if cells.len().saturating_mul(axis.values.len()) > MOST_CELLS {
            let message = format!("the axes have more than {MOST_CELLS} cells");
            let hint = "drop values, or split the axes over several sweep files";
            return Err(Problem::new(axis.given.span, message).hint(hint));
        }
        let mut crossed = Vec::with_capacity(cells.len() * axis.values.len());
        for (series, table) in cells {
            for value in &axis.values {
                let mut table = table.clone();
                if axis.given.key != VARIANT {
                    place(table.get_mut(), &axis.given, value.clone())?;
                }
                crossed.push((series.with(&axis.given.key, shown(value.get_ref())), table));
            }
        }
        cells = crossed;
    }
    for (series, table) in &mut cells {
        for entry in entries.iter().filter(|entry| entry.matches(series.pairs())) {
            for (given, value) in &entry.set {
                place(table.get_mut(), given, value.clone())?;
            }
        }
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
    axes.sort_by_key(|axis| axis.given.span.start);
    Ok(axes)
}

fn read_axis<'i>(
    key: Spanned<Cow<'i, str>>,
    value: Spanned<DeValue<'i>>,
) -> Result<Axis<'i>, Problem> {
    let given = Given::axis(&key)?;
    let (value_span, name) = (value.span(), &given.key);
    match value.into_inner() {
        DeValue::Array(values) if !values.is_empty() => {
            Ok(Axis { given, values: values.into_iter().collect() })
        }
        DeValue::Table(_) => Err(Problem::new(given.span, format!("axis `{name}` is a table"))
            .hint(format!("quote the whole key: \"{name}.key\" = [..]"))),
        _ => Err(Problem::new(value_span, format!("axis `{name}` needs a list of values"))
            .hint(format!("\"{name}\" = [first, second]"))),
    }
}

impl Given {
    /// Reads a key that is an axis.
    fn axis(key: &Spanned<Cow<'_, str>>) -> Result<Self, Problem> {
        let given = Given { key: key.get_ref().to_string(), span: key.span() };
        if given.is_under(FIXED) {
            let hint = "write a second sweep file for it, or use `sizes` and `seeds` themselves";
            let message = format!("`{}` cannot be an axis", given.key);
            return Err(Problem::new(given.span, message).hint(hint));
        }
        Ok(given)
    }

    /// Whether the key is one of `tables`, or stands in one of them.
    pub(super) fn is_under(&self, tables: &[&str]) -> bool {
        let rest = |table: &&str| self.key.strip_prefix(table);
        tables.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn place<'i>(
    table: &mut DeTable<'i>,
    given: &Given,
    value: Spanned<DeValue<'i>>,
) -> Result<(), Problem> {
    let mut parts: Vec<&str> = given.key.split('.').collect();
    let last = parts.pop().expect("split yields at least one part");
    let mut inner = table;
    for part in parts {
        let key = Spanned::new(given.span.clone(), Cow::Owned(part.to_owned()));
        let empty = || Spanned::new(given.span.clone(), DeValue::Table(DeTable::new()));
        let entry = inner.entry(key).or_insert_with(empty);
        inner = match entry.get_mut() {
            DeValue::Table(table) => table,
            _ => {
                let message = format!("`{part}` in `{}` is not a table", given.key);
                return Err(Problem::new(given.span.clone(), message));
            }
        };
    }
    inner.remove(last);
    inner.insert(Spanned::new(given.span.clone(), Cow::Owned(last.to_owned())), value);
    Ok(())
}

/// A value as labels of series have it.
pub(super) fn shown(value: &DeValue<'_>) -> String {
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
