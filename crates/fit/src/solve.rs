//! Many starts, every distinct basin.

use crate::form::Form;
use crate::linalg::Vector;
use crate::polish::{End, Polished, polish};
use crate::problem::Problem;
use crate::varpro::starts;

/// Exponents a term in the grid of the fit itself, and of a bootstrap replicate.
const SIDE: usize = 16;
const REPLICATE_SIDE: usize = 8;
const STARTS: usize = 8;
const REPLICATE_STARTS: usize = 2;

/// The scale's floor a row. Residuals carry rounding errors of about 1e-16, which the gradient of
/// rows without noise shows as 1e-16 / scale: below this floor no such fit would reach the
/// tolerance, and at it the tolerance still means residuals right to their last digits.
const FINEST_SCALE: f64 = 1e-6;

/// Everything the starts found.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// Distinct local optima, best first; never empty.
    pub(crate) basins: Vec<Polished>,
    pub(crate) starts: usize,
    /// Starts that ended in the best basin.
    pub(crate) agreed: usize,
    /// Starts that were returned as they were given without being optimal.
    pub(crate) unmoved: usize,
    /// Starts that used up their steps or stalled.
    pub(crate) unfinished: usize,
}

impl Solution {
    pub(crate) fn best(&self) -> &Polished {
        &self.basins[0]
    }
}

/// Scales the problem to order one and fits it from every start. None where no start could be
/// built: no coefficients above zero describe the rows.
pub(crate) fn solve(problem: &mut Problem) -> Option<Solution> {
    let starts = starts(problem, SIDE, STARTS);
    problem.scale = problem
        .value(starts.first()?)
        .max(FINEST_SCALE * problem.weight());
    let polished: Vec<Polished> = starts.iter().map(|start| polish(problem, *start)).collect();
    let count = |test: fn(&Polished) -> bool| polished.iter().filter(|p| test(p)).count();
    let unfinished = count(|p| p.end != End::Converged);
    let unmoved = count(|p| p.end != End::Converged && !p.moved);
    let mut order = polished;
    order.sort_by(|a, b| a.value.total_cmp(&b.value));
    let agreed = order
        .iter()
        .filter(|p| same_basin(problem, p, &order[0]))
        .count();
    let mut basins: Vec<Polished> = Vec::new();
    for end in order {
        let new = basins.iter().all(|basin| !same_basin(problem, basin, &end));
        if new && (basins.is_empty() || end.end == End::Converged) {
            basins.push(end);
        }
    }
    Some(Solution {
        basins,
        starts: starts.len(),
        agreed,
        unmoved,
        unfinished,
    })
}

/// Refits reweighted or perturbed rows: from the known basins and from a coarse grid of its own,
/// so that a replicate may leave the basin of the full fit. None unless it converged.
pub(crate) fn resolve(problem: &Problem, basins: &[Vector]) -> Option<Polished> {
    let fresh = starts(problem, REPLICATE_SIDE, REPLICATE_STARTS);
    best_of(problem, basins.iter().chain(&fresh))
}

/// The lowest converged end of these starts.
pub(crate) fn best_of<'a>(
    problem: &Problem,
    starts: impl IntoIterator<Item = &'a Vector>,
) -> Option<Polished> {
    let ends = starts.into_iter().map(|start| polish(problem, *start));
    ends.filter(|p| p.end == End::Converged)
        .min_by(|a, b| a.value.total_cmp(&b.value))
}

/// Same optimum to four digits in every parameter, coefficients in units of the mean loss.
fn same_basin(problem: &Problem, a: &Polished, b: &Polished) -> bool {
    let unit = |k| {
        if problem.form.is_exponent(k) {
            1.0
        } else {
            problem.loss_unit
        }
    };
    (0..problem.form.parameters()).all(|k| (a.theta[k] - b.theta[k]).abs() < 1e-4 * unit(k))
}

/// Parameters that sit at a bound.
pub(crate) fn at_bound(form: Form, theta: &Vector) -> Vec<usize> {
    let held = |k: &usize| {
        let (low, high) = form.bounds(*k);
        theta[*k] <= low || theta[*k] >= high
    };
    (0..form.parameters()).filter(held).collect()
}
