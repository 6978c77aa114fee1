//! Many starts, every distinct basin.

use super::polish::{End, Polished, go_on, polish, race};
use super::problem::Problem;
use super::scout::Scout;
use super::{Optimum, Solution, drawn, grid};
use rayon::prelude::*;

/// Exponents a term in the grid, and starts from it.
const SIDE: usize = 16;
const STARTS: usize = 8;
/// Points drawn and polished for laws without a grid.
const DRAWN: (usize, usize) = (600, 16);

/// Rows from which on a replicate of a fit with one optimum looks for no other.
const MANY: usize = 64;

/// Number of ends without steps left that are followed further.
const MOST_TAKEN_UP: usize = 4;

/// The scale's floor a row. Residuals carry rounding errors of about 1e-16, which the gradient of
/// rows without noise shows as 1e-16 / scale: below this floor no such fit would reach the
/// tolerance, and at it the tolerance still means residuals right to their last digits.
const FINEST_SCALE: f64 = 1e-6;

impl<const P: usize> Problem<P> {
    /// What makes an objective of this size one of order one.
    pub(super) fn scale_for(&self, value: f64) -> f64 {
        value.max(FINEST_SCALE * self.weight())
    }
}

/// The account of all starts that [`super::Engine::solve`] promises.
pub(super) fn solve<const P: usize>(problem: &mut Problem<P>) -> Option<Solution> {
    let starts = match problem.form {
        Some(form) => grid::starts(problem, form, SIDE, STARTS),
        None => drawn::starts(problem, DRAWN.0, DRAWN.1),
    };
    problem.scale = problem.scale_for(problem.value(starts.first()?));
    let solution = from_all(problem, &starts)?;
    let most = 2 * solution.agreed > solution.starts;
    problem.lone = problem.form.is_none() && solution.basins.len() == 1 && most;
    Some(solution)
}

fn from_all<const P: usize>(problem: &Problem<P>, starts: &[[f64; P]]) -> Option<Solution> {
    let ends = starts.par_iter().map(|start| polish(problem, *start));
    let polished = to_the_end(problem, ends.collect());
    let count = |test: fn(&Polished<P>) -> bool| polished.iter().filter(|p| test(p)).count();
    let unfinished = count(|p| p.end != End::Converged);
    let unmoved = count(|p| p.end != End::Converged && !p.moved);
    let mut order = polished;
    order.retain(|end| end.value.is_finite());
    order.sort_by(|a, b| a.value.total_cmp(&b.value));
    let best = order.first()?.clone();
    let agreed = order.iter().filter(|p| same_basin(problem, p, &best)).count();
    let mut basins: Vec<Polished<P>> = Vec::new();
    for end in order {
        let new = basins.iter().all(|basin| !same_basin(problem, basin, &end));
        if new && (basins.is_empty() || end.end == End::Converged) {
            basins.push(end);
        }
    }
    Some(Solution {
        basins: basins.into_iter().map(optimum).collect(),
        starts: starts.len(),
        agreed,
        unmoved,
        unfinished,
    })
}

/// The lowest end goes on if it ran out of steps, and the next if that one is the lowest then.
fn to_the_end<const P: usize>(
    problem: &Problem<P>,
    mut ends: Vec<Polished<P>>,
) -> Vec<Polished<P>> {
    for _ in 0..MOST_TAKEN_UP {
        let lowest = ends.iter_mut().filter(|end| end.value.is_finite());
        match lowest.min_by(|a, b| a.value.total_cmp(&b.value)) {
            Some(end) if end.end == End::StepLimit => *end = go_on(problem, end),
            _ => break,
        }
    }
    ends
}

/// Refits changed rows: from known basins and from where they themselves point.
pub(super) fn resolve<const P: usize>(problem: &Problem<P>, known: &[Vec<f64>]) -> Option<Optimum> {
    let known = known.iter().map(|start| super::vector(start));
    let near = lowest(problem, None, known);
    if problem.watch.is_stopped() {
        return None;
    }
    if near.is_some() && problem.lone && problem.rows.len() >= MANY {
        return near.map(optimum);
    }
    let scout = problem.scout.get_or_init(|| Scout::of(problem));
    let fresh = scout.starts(problem, near.as_ref().map(|end| &end.theta));
    lowest(problem, near, fresh.into_iter()).map(optimum)
}

/// The lowest converged end of these starts.
pub(super) fn best_of<const P: usize>(
    problem: &Problem<P>,
    starts: &[Vec<f64>],
) -> Option<Optimum> {
    let starts = starts.iter().map(|start| super::vector(start));
    lowest(problem, None, starts).map(optimum)
}

/// Each start has to come below the lowest end before it.
fn lowest<const P: usize>(
    problem: &Problem<P>,
    mut best: Option<Polished<P>>,
    starts: impl Iterator<Item = [f64; P]>,
) -> Option<Polished<P>> {
    for start in starts {
        let end = race(problem, start, best.as_ref().map(|best| best.value));
        let lower = best.as_ref().is_none_or(|best| end.value < best.value);
        if end.end == End::Converged && lower {
            best = Some(end);
        }
    }
    best
}

fn optimum<const P: usize>(end: Polished<P>) -> Optimum {
    Optimum {
        t: end.theta.to_vec(),
        value: end.value,
        gradient_norm: end.gradient_norm,
        end: end.end,
    }
}

/// Sums of powers: the same optimum to four digits in every parameter, in their natural units. Other
/// laws have directions in which nothing changes: the same objective to seven digits.
fn same_basin<const P: usize>(problem: &Problem<P>, a: &Polished<P>, b: &Polished<P>) -> bool {
    match problem.form {
        Some(_) => {
            (0..P).all(|k| (a.theta[k] - b.theta[k]).abs() < 1e-4 * problem.domains[k].scale)
        }
        None => (a.value - b.value).abs() <= 1e-7 * (a.value + 1e-9 * problem.scale),
    }
}
