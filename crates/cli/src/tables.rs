//! Lays out tables of text and formats the numbers in them.

use crate::output::{LONGEST_VALUE, cut, on_one_line};
use isoflop_core::units::scientific;
use isoflop_fit::output::Estimate;

/// A table whose columns are as wide as their widest cell, with two spaces between; numbers are
/// aligned to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let shown = |cell: &String| cut(&on_one_line(cell), LONGEST_VALUE).into_owned();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let is_number = |column: usize| {
        rows.iter().all(|row| {
            row[column].starts_with(|c: char| c.is_ascii_digit()) || row[column].is_empty()
        })
    };
    let right: Vec<bool> =
        (0..header.len()).map(|column| column > 0 && is_number(column)).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .zip(&right)
            .map(|((cell, width), right)| {
                let space = " ".repeat(width.saturating_sub(cell.chars().count()));
                if *right { format!("{space}{cell}") } else { format!("{cell}{space}") }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(line(header.to_vec()))
        .chain(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A number with four decimals, or with an exponent where four decimals would say little.
pub(crate) fn number(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e4).contains(&size) => format!("{x:.4}"),
        _ => scientific(x),
    }
}

/// An estimate with its interval, such as `0.1134 [0.105, 0.121]`.
pub(crate) fn interval(estimate: &Estimate) -> String {
    let value = number(estimate.value);
    let end = |end: Option<f64>| end.map_or("open".to_owned(), number);
    let range = match (estimate.low, estimate.high) {
        _ if estimate.fixed => format!("{value} (fixed)"),
        (None, None) => value,
        (low, high) => format!("{value} [{}, {}]", end(low), end(high)),
    };
    match estimate.identified {
        true => range,
        false => format!("{range} (not identified)"),
    }
}
