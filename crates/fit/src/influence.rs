//! The influence of rows on a fit: refits without one row, and without the few that fit worst.

use crate::design::Design;
use crate::engine::{Engine, Resample, linalg::solve_dense};
use crate::output::Influence;
use crate::point::Point;
use rayon::prelude::*;

/// Number of rows that are listed, and of rows of largest residual that are taken out together: at most a
/// twentieth of all.
const LISTED: usize = 5;
/// Number of rows without which the fit is really repeated: those that one step of Newton's says move the
/// fit most, and those of largest residual.
const TRIED: usize = 10;

/// The rows whose removal moves a parameter most, most influential first. Refits start at the
/// known basins.
pub(crate) fn leave_one_out(
    points: &[Point],
    design: &Design,
    engine: &dyn Engine,
    known: &[Vec<f64>],
) -> Vec<Influence> {
    let full = engine.natural(&known[0]);
    let names = engine.law().names();
    let mut rows = by_one_step(engine, &known[0]);
    rows.truncate(TRIED);
    for row in by_residual(engine, &known[0]).into_iter().take(TRIED) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let mut all: Vec<(usize, Influence)> = rows
        .into_par_iter()
        .filter_map(|row| {
            let other = without(design, engine, known, &[row])?;
            let (k, before, after) = most_moved(&full, &engine.natural(&other), names.len())?;
            Some((
                row,
                Influence {
                    label: points[row].label.clone(),
                    parameter: names[k].clone(),
                    without: after,
                    relative_change: after / before - 1.0,
                },
            ))
        })
        .collect();
    let size = |influence: &Influence| influence.relative_change.abs();
    all.sort_by(|(i, a), (j, b)| size(b).total_cmp(&size(a)).then(i.cmp(j)));
    let listed = all.into_iter().take(LISTED);
    listed.map(|(_, influence)| influence).collect()
}

/// The rows that fit worst, taken out one after another with a refit between (outliers hide each
/// other while they pull on the fit), and what the fit becomes without them.
pub(crate) struct WorstRows {
    pub(crate) rows: Vec<usize>,
    pub(crate) parameter: String,
    pub(crate) before: f64,
    pub(crate) after: f64,
}

/// None for tables of fewer than twenty rows, where one row in twenty is none.
pub(crate) fn without_worst_fitted(
    design: &Design,
    engine: &dyn Engine,
    known: &[Vec<f64>],
) -> Option<WorstRows> {
    let full = engine.natural(&known[0]);
    let names = engine.law().names();
    let mut out: Vec<usize> = Vec::new();
    let mut starts = known.to_vec();
    let mut best: Option<WorstRows> = None;
    for _ in 0..LISTED.min(engine.rows().len() / 20) {
        let worst = by_residual(engine, &starts[0]).into_iter().find(|row| !out.contains(row))?;
        out.push(worst);
        starts[0] = without(design, engine, &starts, &out)?;
        let (k, before, after) = most_moved(&full, &engine.natural(&starts[0]), names.len())?;
        let farther =
            |best: &WorstRows| relative(before, after) > 1.02 * relative(best.before, best.after);
        if best.as_ref().is_none_or(farther) {
            best =
                Some(WorstRows { rows: out.clone(), parameter: names[k].clone(), before, after });
        }
    }
    best
}

fn by_residual(engine: &dyn Engine, t: &[f64]) -> Vec<usize> {
    let residuals = engine.residuals(t);
    let mut order: Vec<usize> = (0..residuals.len()).collect();
    order.sort_by(|&i, &j| residuals[j].abs().total_cmp(&residuals[i].abs()));
    order
}

/// Rows by how far one step of Newton's moves the fit without them, farthest first; all as they are
/// where the curvature at the optimum tells nothing.
fn by_one_step(engine: &dyn Engine, t: &[f64]) -> Vec<usize> {
    let size = t.len();
    let lower = engine.derivatives(t).1;
    let full: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| lower[i.max(j)][i.min(j)]).collect()).collect();
    let objective = engine.objective();
    let jacobian = engine.jacobian(t);
    let natural = engine.natural(t);
    let gradients = engine.natural_gradients(t);
    let rows = engine.rows().iter().zip(engine.residuals(t)).zip(&jacobian);
    let mut order: Vec<(usize, f64)> = rows
        .enumerate()
        .map(|(row, ((of, residual), slopes))| {
            let pull = of.weight * objective.penalty.derivatives(residual).0;
            let right: Vec<f64> = slopes.iter().map(|slope| -pull * slope).collect();
            let step = solve_dense(&full, &right).unwrap_or_else(|| vec![0.0; size]);
            let moves = gradients.iter().zip(&natural).take(size).map(|(gradient, value)| {
                let change: f64 = gradient.iter().zip(&step).map(|(g, s)| g * s).sum();
                (change / value).abs()
            });
            (row, moves.filter(|x| x.is_finite()).fold(0.0, f64::max))
        })
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.into_iter().map(|(row, _)| row).collect()
}

/// The fit without some rows.
pub(crate) fn without(
    design: &Design,
    engine: &dyn Engine,
    starts: &[Vec<f64>],
    rows: &[usize],
) -> Option<Vec<f64>> {
    let mut changed = Resample::of(engine);
    rows.iter().for_each(|&row| changed.weights[row] = 0.0);
    let told = design.determined_by(&changed.weights);
    told.then(|| engine.refit(Some(&changed), starts))?.map(|end| end.t)
}

/// The free parameter that changed most relative to its value: its index, before and after.
fn most_moved(full: &[f64], other: &[f64], free: usize) -> Option<(usize, f64, f64)> {
    let moves = full.iter().zip(other).take(free).enumerate();
    moves
        .map(|(k, (before, after))| (k, *before, *after))
        .filter(|(_, before, after)| *before > 0.0 && (after / before).is_finite())
        .max_by(|a, b| relative(a.1, a.2).total_cmp(&relative(b.1, b.2)))
}

/// Factor between two values, at least 1; a vanished parameter counts as infinitely far.
pub(crate) fn relative(before: f64, after: f64) -> f64 {
    (after / before).max(before / after)
}
