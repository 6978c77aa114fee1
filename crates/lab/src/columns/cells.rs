//! The numbers of the columns that a fit needs, and all that stands in the way of them.

use super::roles::Chosen;
use crate::Hinted;
use isoflop_core::text::shown;
use isoflop_results::Table;
use isoflop_results::table::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// What a message shows of many like problems.
const MOST_SHOWN: usize = 8;

/// What was found wrong, each with what to do about it.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<String>,
    /// Problems of cells, in the order of their lines.
    cells: BTreeSet<(u64, String)>,
    hints: Vec<&'static str>,
}

/// What to do about blank cells.
const BLANK: &str = "fill in or remove rows with blank cells, or leave them out with --skip-blank";
/// What to do about cells that are no numbers.
const TEXT: &str = "mend or remove the row; a missing loss must not be a number";
/// What to do about `1.234`.
const UNCLEAR: &str = "say with --decimal comma or --decimal point what stands before a fraction";

impl Problems {
    pub(super) fn add(&mut self, problem: String, hint: &'static str) {
        self.found.push(problem);
        self.hint(hint);
    }

    pub(super) fn cell(&mut self, line: u64, problem: String, hint: &'static str) {
        self.cells.insert((line, problem));
        self.hint(hint);
    }

    fn hint(&mut self, hint: &'static str) {
        if !hint.is_empty() && !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.cells.is_empty()
    }

    /// One error that lists everything, if there is anything.
    pub(super) fn none(&self, path: &Path) -> Result<(), Hinted> {
        let path = path.display();
        let mut lines: Vec<String> =
            self.found.iter().map(|what| format!("{path}: {what}")).collect();
        let cells = self.cells.iter().take(MOST_SHOWN);
        lines.extend(cells.map(|(line, what)| format!("{path}:{line}: {what}")));
        let more = self.cells.len().saturating_sub(MOST_SHOWN);
        if more > 0 {
            lines.push(format!("and {more} more such cells"));
        }
        let message = match lines.len() {
            0 => return Ok(()),
            1 => lines.remove(0),
            _ => {
                let count = self.found.len() + self.cells.len();
                let list = lines.join("\n  ");
                format!("{path}: {count} things stand in the way of a fit\n  {list}")
            }
        };
        Err(Hinted::new(message, self.hints.join("; ")))
    }
}

/// Numbers of one column, by row; a gap where a cell is none.
pub(super) struct Numbers {
    pub(super) values: Vec<Option<f64>>,
    /// Rows whose cell is blank.
    pub(super) blank: BTreeSet<usize>,
}

/// Reads a column: its unit is in each number. A cell that is no number is a problem where the column is
/// needed, and a gap elsewhere.
pub(super) fn numbers(
    table: &Table,
    column: &Chosen,
    scale: Option<f64>,
    rows: &[usize],
    needed: Option<&mut Problems>,
) -> Numbers {
    let of_header = column.unit.as_ref().map_or(1.0, |unit| unit.scale);
    let scale = scale.unwrap_or(of_header);
    let mut blank = BTreeSet::new();
    let mut wrong = Vec::new();
    let name = shown(&column.name);
    let values = rows.iter().map(|&row| match table.value(column.at, row) {
        // Programs write a gap among floats as NaN, and a diverged run has no loss.
        Value::Number(written) if written.value.is_nan() => {
            blank.insert(row);
            None
        }
        Value::Number(written) if !(written.value.is_finite() && written.value > 0.0) => {
            let problem = format!(
                "column `{name}` holds {}; it must be positive and finite",
                written.value
            );
            wrong.push((table.line(row), problem, TEXT));
            None
        }
        // A suffix in the cell is the unit of the cell.
        Value::Number(written) if written.scaled || scale == 1.0 => Some(written.value),
        Value::Number(written) => Some(written.value * scale),
        Value::Blank => {
            blank.insert(row);
            None
        }
        Value::Unclear(text) => {
            let problem = format!(
                "column `{name}` holds `{}`, and nothing tells whether that is a thousand or a fraction",
                shown(text)
            );
            wrong.push((table.line(row), problem, UNCLEAR));
            None
        }
        Value::Text(text) => {
            let problem = format!("column `{name}` holds `{}`, not a number", shown(text));
            wrong.push((table.line(row), problem, TEXT));
            None
        }
    });
    let values = values.collect();
    if let Some(problems) = needed {
        for (line, problem, hint) in wrong {
            problems.cell(line, problem, hint);
        }
    }
    Numbers { values, blank }
}

/// Names the blank cells of a column.
pub(super) fn name_blanks(
    table: &Table,
    column: &str,
    blank: &BTreeSet<usize>,
    problems: &mut Problems,
) {
    for row in blank {
        let problem = format!("column `{}` is blank or NaN", shown(column));
        problems.cell(table.line(*row), problem, BLANK);
    }
}
