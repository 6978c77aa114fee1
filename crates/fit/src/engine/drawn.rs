//! Starts of laws that no grid of exponents covers: drawn where such parameters are found, the best
//! kept.

use super::problem::Problem;
use super::projected::project;
use isoflop_core::rng::{Purpose, stream, uniform};

/// Points drawn in the ranges of the parameters; the same ones for every fit of a law.
pub(super) fn points<const P: usize>(
    problem: &Problem<P>,
    drawn: usize,
) -> impl Iterator<Item = [f64; P]> {
    let mut rng = stream(0, Purpose::Starts, 0);
    (0..drawn).map(move |_| {
        let mut t = std::array::from_fn(|k| {
            let (low, high) = problem.domains[k].start_range;
            low + (high - low) * uniform(&mut rng)
        });
        problem.impose(&mut t);
        if problem.law.is_linear_in_levels() {
            project(problem, &mut t);
        }
        t
    })
}

/// The `wanted` points of lowest value.
pub(super) fn best<const P: usize>(
    mut points: Vec<(f64, [f64; P])>,
    wanted: usize,
) -> Vec<[f64; P]> {
    points.retain(|(value, _)| value.is_finite());
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.into_iter().take(wanted).map(|(_, t)| t).collect()
}

/// The `wanted` best of the `drawn` points.
pub(crate) fn starts<const P: usize>(
    problem: &Problem<P>,
    drawn: usize,
    wanted: usize,
) -> Vec<[f64; P]> {
    let points = points(problem, drawn).map(|t| (problem.value(&t), t));
    best(points.collect(), wanted)
}
