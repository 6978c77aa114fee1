//! Which rows carry the fit: refits without one row, and without the few that fit worst.

use crate::design::Design;
use crate::law::Law;
use crate::linalg::Vector;
use crate::output::Influence;
use crate::point::Point;
use crate::problem::Problem;
use crate::solve::best_of;
use rayon::prelude::*;

/// Rows listed, and rows of largest residual taken out together; at most a twentieth of all.
const LISTED: usize = 5;
/// Leaving out every row of a larger table would cost more than the fit; there, the rows of
/// largest residual are tried.
const MOST_ROWS: usize = 1000;

/// The rows whose removal moves a parameter most, most influential first. Refits start at the
/// known basins.
pub(crate) fn leave_one_out(
    points: &[Point],
    design: &Design,
    problem: &Problem,
    basins: &[Vector],
) -> Vec<Influence> {
    let (law, full) = (design.law, &basins[0]);
    let mut rows = by_residual(problem, full);
    rows.truncate(MOST_ROWS);
    let mut all: Vec<(usize, Influence)> = rows
        .into_par_iter()
        .filter_map(|row| {
            let theta = without(design, problem, basins, &[row])?;
            let (parameter, before, after) = most_moved(law, design, full, &theta)?;
            Some((
                row,
                Influence {
                    label: points[row].label.clone(),
                    parameter: parameter.into(),
                    without: after,
                    relative_change: after / before - 1.0,
                },
            ))
        })
        .collect();
    let size = |influence: &Influence| influence.relative_change.abs();
    all.sort_by(|(i, a), (j, b)| size(b).total_cmp(&size(a)).then(i.cmp(j)));
    all.into_iter()
        .take(LISTED)
        .map(|(_, influence)| influence)
        .collect()
}

/// The rows that fit worst, taken out one after another with a refit between (outliers hide each
/// other while they pull on the fit), and what the fit becomes without them.
pub(crate) struct WorstRows {
    pub(crate) rows: Vec<usize>,
    pub(crate) parameter: &'static str,
    pub(crate) before: f64,
    pub(crate) after: f64,
}

/// None for tables of fewer than twenty rows, where one row in twenty is none.
pub(crate) fn without_worst_fitted(
    design: &Design,
    problem: &Problem,
    basins: &[Vector],
) -> Option<WorstRows> {
    let (law, full) = (design.law, &basins[0]);
    let mut out: Vec<usize> = Vec::new();
    let mut starts = basins.to_vec();
    let mut best: Option<WorstRows> = None;
    for _ in 0..LISTED.min(problem.rows.len() / 20) {
        let worst = by_residual(problem, &starts[0])
            .into_iter()
            .find(|row| !out.contains(row))?;
        out.push(worst);
        let theta = without(design, problem, &starts, &out)?;
        starts[0] = theta;
        let (parameter, before, after) = most_moved(law, design, full, &theta)?;
        let farther =
            |best: &WorstRows| relative(before, after) > 1.02 * relative(best.before, best.after);
        if best.as_ref().is_none_or(farther) {
            best = Some(WorstRows {
                rows: out.clone(),
                parameter,
                before,
                after,
            });
        }
    }
    best
}

fn by_residual(problem: &Problem, theta: &Vector) -> Vec<usize> {
    let residuals = problem.residuals(theta);
    let mut order: Vec<usize> = (0..residuals.len()).collect();
    order.sort_by(|&i, &j| residuals[j].abs().total_cmp(&residuals[i].abs()));
    order
}

fn without(
    design: &Design,
    problem: &Problem,
    starts: &[Vector],
    rows: &[usize],
) -> Option<Vector> {
    let mut left = problem.clone();
    rows.iter().for_each(|&row| left.rows[row].weight = 0.0);
    let weights: Vec<f64> = left.rows.iter().map(|row| row.weight).collect();
    design
        .determined_by(&weights)
        .then(|| best_of(&left, starts))?
        .map(|polished| polished.theta)
}

/// The free parameter that changed most relative to its value, before and after.
fn most_moved(
    law: Law,
    design: &Design,
    full: &Vector,
    other: &Vector,
) -> Option<(&'static str, f64, f64)> {
    let before = law.values(full, &design.centre);
    let after = law.values(other, &design.centre);
    let moves = law.names().iter().zip(before.into_iter().zip(after));
    moves
        .map(|(&name, (before, after))| (name, before, after))
        .filter(|(_, before, after)| *before > 0.0 && after.is_finite())
        .max_by(|a, b| relative(a.1, a.2).total_cmp(&relative(b.1, b.2)))
}

/// Factor between two values, at least 1; a vanished parameter counts as infinitely far.
pub(crate) fn relative(before: f64, after: f64) -> f64 {
    (after / before).max(before / after)
}
