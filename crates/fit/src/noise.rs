//! How much runs differ that differ in their seed alone.

use crate::intervals::{HALF_WIDTH, TAIL};
use crate::point::Point;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::HashMap;
use std::hash::Hash;

/// Standard deviation between replicates, pooled over groups of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseFloor {
    /// Standard deviation, in the unit of the losses.
    pub sd: f64,
    /// Lower end of the interval of `sd` for normal noise, of coverage [`crate::LEVEL`].
    pub low: f64,
    /// Upper end of that interval.
    pub high: f64,
    /// Number of groups of two replicates or more.
    pub groups: usize,
    /// Degrees of freedom: replicates beyond the first of each group.
    pub degrees: usize,
}

impl NoiseFloor {
    /// Half of the interval of the difference between the mean of `a` runs and that of `b` runs of other seeds,
    /// of coverage [`crate::LEVEL`] by Student's t.
    pub fn of_difference(&self, a: usize, b: usize) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.degrees as f64).expect("degrees are positive");
        let share = |runs: usize| 1.0 / runs.max(1) as f64;
        student.inverse_cdf(1.0 - TAIL) * self.sd * (share(a) + share(b)).sqrt()
    }
}

/// The noise floor of losses, each with the group that it is a replicate of; `None` without replicates.
pub fn noise_floor<G: Hash + Eq>(losses: impl IntoIterator<Item = (G, f64)>) -> Option<NoiseFloor> {
    let mut groups: HashMap<G, Vec<f64>> = HashMap::new();
    for (group, loss) in losses {
        groups.entry(group).or_default().push(loss);
    }
    groups.retain(|_, losses| losses.len() > 1);
    let degrees: usize = groups.values().map(|losses| losses.len() - 1).sum();
    if degrees == 0 {
        return None;
    }
    let squares: f64 = groups
        .values()
        .map(|losses| {
            let mean = losses.iter().sum::<f64>() / losses.len() as f64;
            losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>()
        })
        .sum();
    let sd = (squares / degrees as f64).sqrt();
    let bound = |z: f64| sd / (chi_squared(degrees as f64, z) / degrees as f64).sqrt();
    Some(NoiseFloor {
        sd,
        low: bound(HALF_WIDTH),
        high: bound(-HALF_WIDTH),
        groups: groups.len(),
        degrees,
    })
}

/// Standard deviation between runs that are alike in size, tokens and compute.
pub(crate) fn between_seeds(points: &[Point]) -> Option<f64> {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    let alike = |p: &Point| (bits(p.n), bits(p.d), bits(p.flops_budget));
    Some(noise_floor(points.iter().map(|point| (alike(point), point.loss)))?.sd)
}

/// The quantile of chi-squared at the normal quantile `z` (Wilson & Hilferty 1931); within 2 % from
/// ten degrees of freedom on; at two the lower tail is a quarter too low, the interval too wide.
fn chi_squared(degrees: f64, z: f64) -> f64 {
    let c = 2.0 / (9.0 * degrees);
    degrees * (1.0 - c + z * c.sqrt()).max(0.05).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicates_are_pooled_within_their_groups() {
        let losses = [("a", 2.0), ("a", 2.2), ("b", 3.0), ("b", 3.1), ("b", 3.2), ("c", 9.0)];
        let floor = noise_floor(losses).unwrap();
        // (0.02 + 0.02) / 3 degrees
        assert!((floor.sd - (0.04f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!((floor.groups, floor.degrees), (2, 3));
        assert!(floor.low < floor.sd && floor.sd < floor.high);
        assert_eq!(noise_floor([("a", 1.0), ("b", 2.0)]), None);
        // Student's t of 3 degrees leaves 5 % beyond 2.353.
        let half = floor.of_difference(2, 2);
        assert!((half / (2.353 * floor.sd) - 1.0).abs() < 1e-3, "{half}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Abramowitz & Stegun 1964, table 26.8.
        for (degrees, low, high, within) in
            [(2.0, 0.1026, 5.991, 0.25), (10.0, 3.940, 18.307, 0.02), (30.0, 18.493, 43.773, 0.005)]
        {
            assert!((chi_squared(degrees, -HALF_WIDTH) / low - 1.0f64).abs() < within);
            assert!((chi_squared(degrees, HALF_WIDTH) / high - 1.0f64).abs() < within);
        }
    }
}
