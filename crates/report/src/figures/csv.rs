//! The data of a figure as CSV.

use crate::chart::MarkRow;
use isoflop_results::csv::{table, text};

const COLUMNS: [&str; 8] = ["panel", "mark", "series", "label", "x", "y", "low", "high"];

/// The CSV of a figure: one row a mark, in the units of the axes of its panel.
pub(super) fn write<'a>(rows: impl Iterator<Item = &'a MarkRow>) -> String {
    let end = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
    let rows = rows.map(|row| {
        let (series, label) = (text(&row.series), text(&row.label));
        let (x, y) = (row.x.to_string(), row.y.to_string());
        let (low, high) = (end(row.low), end(row.high));
        [row.panel.to_owned(), row.mark.to_owned(), series, label, x, y, low, high]
    });
    String::from_utf8(table(COLUMNS.map(str::to_owned), rows)).expect("cells are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text_and_quotes_are_doubled() {
        let row = |series: &str, label: &str| MarkRow {
            panel: "compute",
            mark: "run",
            series: series.to_owned(),
            label: label.to_owned(),
            x: 1.5,
            y: 1e-7,
            low: None,
            high: Some(2.0),
        };
        let rows = [row("=cmd()", "@a, \"b\""), row("", "n3k-d1M")];
        assert_eq!(
            write(rows.iter()),
            "panel,mark,series,label,x,y,low,high\n\
             compute,run,'=cmd(),\"'@a, \"\"b\"\"\",1.5,0.0000001,,2\n\
             compute,run,,n3k-d1M,1.5,0.0000001,,2\n"
        );
    }
}
