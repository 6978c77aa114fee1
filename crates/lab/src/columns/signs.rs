//! What is said of the sign before fractions.

use super::roles::Chosen;
use isoflop_core::text::shown;
use isoflop_results::Table;
use isoflop_results::table::{Cell, Decimal};

/// What is wrong where a loss of `3.405` was read as thousands, as others of the table are.
pub(super) fn thousands(table: &Table, loss: &Chosen, losses: &[Option<f64>]) -> Option<String> {
    let least = losses.iter().flatten().copied().reduce(f64::min)?;
    let by_comma = table.decimal(loss.at) == Some(Decimal::Comma);
    (by_comma && least > 100.0).then(|| {
        format!(
            "column `{}` holds {least} and more where a comma stands before fractions",
            shown(&loss.name)
        )
    })
}

/// A sentence where fractions stand behind a comma.
pub(super) fn behind_a_comma(table: &Table, columns: &[&Option<Chosen>]) -> Option<String> {
    let found = columns.iter().copied().flatten().find(|column| {
        let texts = table.cells(&column.name).into_iter().flatten();
        let mut marked =
            texts.filter(|cell| matches!(cell, Cell::Text(text) if text.contains([',', '.'])));
        table.decimal(column.at) == Some(Decimal::Comma) && marked.next().is_some()
    })?;
    let texts = table.cells(&found.name).into_iter().flatten();
    let mut text = texts.filter_map(|cell| match cell {
        Cell::Text(text) if text.contains([',', '.']) => Some(text),
        _ => None,
    });
    Some(format!(
        "a comma stands before fractions, and points between thousands: `{}`",
        shown(text.next_back()?)
    ))
}
