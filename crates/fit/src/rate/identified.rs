//! Which terms of a power law of best settings its cells identify.

use super::law::{Cell, Term};
use crate::design::{classify, mean};
use crate::engine::linalg::solve_dense;
use crate::output::NotIdentified;

/// Spread of a logarithm about what others say of it, as a share of its own, below which it follows them.
const FOLLOWS: f64 = 0.1;

/// Terms that cells with their best setting inside identify.
pub(super) fn identified(
    cells: &[&Cell],
    terms: &[Term],
    missing: &mut Vec<NotIdentified>,
) -> Vec<Term> {
    let mut kept: Vec<Term> = Vec::new();
    for term in terms {
        let column = |of: usize| -> Vec<f64> { cells.iter().map(|cell| cell.place[of]).collect() };
        let values = classify(&column(term.of)).into_iter().max().unwrap_or(0) + 1;
        let not = |reason: String, hint: String| NotIdentified {
            parameter: term.name.to_owned(),
            reason,
            hint,
        };
        if values < term.needed {
            let reason = format!(
                "best settings lie inside those tried at {values} {}, and its exponent needs {}",
                counted(term.called, values),
                term.needed
            );
            missing.push(not(
                reason,
                format!("add runs at {} or more other {}s", term.needed - values, term.called),
            ));
            continue;
        }
        if cells.len() < kept.len() + 3 {
            let reason = format!(
                "{} cells have their best setting inside those tried, too few for {} exponents",
                cells.len(),
                kept.len() + 1
            );
            missing.push(not(
                reason,
                "add cells, or values at the end where losses are lowest".to_owned(),
            ));
            continue;
        }
        let others: Vec<Vec<f64>> = cells
            .iter()
            .map(|cell| {
                [1.0].into_iter().chain(kept.iter().map(|other| cell.place[other.of])).collect()
            })
            .collect();
        if follows(&others, &column(term.of)) {
            let names: Vec<String> =
                kept.iter().map(|other| format!("{}s", other.called)).collect();
            let reason = format!("{}s follow {} along one line", term.called, names.join(" and "));
            missing.push(not(
                reason,
                format!("add runs of the same {} at other {}s", names.join(" and "), term.called),
            ));
            continue;
        }
        kept.push(*term);
    }
    kept
}

fn counted(noun: &str, count: usize) -> String {
    format!("{noun}{}", if count == 1 { "" } else { "s" })
}

/// Whether a column is a linear function of others, but for a little.
pub(super) fn follows(others: &[Vec<f64>], column: &[f64]) -> bool {
    let rows: Vec<(Vec<f64>, f64)> = others.iter().cloned().zip(column.iter().copied()).collect();
    let Some(fit) = squares(&rows) else { return true };
    let centre = mean(column);
    let own: f64 = column.iter().map(|x| (x - centre).powi(2)).sum();
    let rest = |(z, y): &(Vec<f64>, f64)| y - z.iter().zip(&fit).map(|(z, of)| z * of).sum::<f64>();
    let left: f64 = rows.iter().map(|row| rest(row).powi(2)).sum();
    left < FOLLOWS * FOLLOWS * own
}

/// Ordinary least squares.
pub(super) fn squares(rows: &[(Vec<f64>, f64)]) -> Option<Vec<f64>> {
    let size = rows.first()?.0.len();
    let mut gram = vec![vec![0.0; size]; size];
    let mut right = vec![0.0; size];
    for (z, y) in rows {
        for i in 0..size {
            right[i] += z[i] * y;
            for j in 0..size {
                gram[i][j] += z[i] * z[j];
            }
        }
    }
    solve_dense(&gram, &right)
}
