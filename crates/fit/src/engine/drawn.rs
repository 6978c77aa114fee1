//! Starts of laws that no grid of exponents covers: drawn where such parameters are found, the best
//! kept.

use super::problem::Problem;
use isoflop_core::rng::{Purpose, stream, uniform};

/// The `wanted` best of so many points, always the same ones.
pub(crate) fn starts<const P: usize>(
    problem: &Problem<P>,
    drawn: usize,
    wanted: usize,
) -> Vec<[f64; P]> {
    let mut rng = stream(0, Purpose::Starts, 0);
    let mut points: Vec<(f64, [f64; P])> = (0..drawn)
        .map(|_| {
            let t = std::array::from_fn(|k| {
                let (low, high) = problem.rooms[k].drawn;
                low + (high - low) * uniform(&mut rng)
            });
            (problem.value(&t), t)
        })
        .filter(|(value, _)| value.is_finite())
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.into_iter().take(wanted).map(|(_, t)| t).collect()
}
