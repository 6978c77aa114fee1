//! Replicates of a fit: what its numbers would have been on other draws of the same runs.

use crate::design::Design;
use crate::fit::Options;
use crate::law::Law;
use crate::linalg::Vector;
use crate::objective::Objective;
use crate::output::{Bootstrap, Estimate};
use crate::point::Point;
use crate::polish::End;
use crate::problem::Problem;
use crate::solve::{resolve, solve};
use isoflop_core::rng::{Purpose, below, stream};
use rayon::prelude::*;
use std::collections::HashMap;

/// Coverage of every interval.
pub const LEVEL: f64 = 0.9;

/// With fewer units than this, resampling units leaves too few distinct rows to fit.
pub(crate) const FEWEST_UNITS: usize = 10;

/// Factors of mean 0 and variance 1 for a wild bootstrap with few clusters (Webb 2013, Queen's
/// Economics Department working paper 1315).
const WEBB: [f64; 6] = [
    -1.224_744_871_391_589,
    -1.0,
    -0.707_106_781_186_547_5,
    0.707_106_781_186_547_5,
    1.0,
    1.224_744_871_391_589,
];

/// With fewer units than this, one factor a unit has too few patterns to make an interval.
const FEWEST_FACTORS: usize = 4;

/// The replicates that converged.
pub(crate) struct Replicates {
    /// [`Law::values`] of each.
    pub(crate) values: Vec<Vec<f64>>,
    pub(crate) summary: Bootstrap,
}

/// Refits resamples of the rows. Ten units or more are drawn with replacement; below that, each
/// unit's residuals are multiplied by one random factor, below four each row's. A replicate
/// depends on its number and the seed alone, never on the thread.
pub(crate) fn bootstrap(
    design: &Design,
    problem: &Problem,
    points: &[Point],
    basins: &[Vector],
    options: &Options,
) -> Replicates {
    let units = Units::of(points, problem.form.parameters());
    let residuals = problem.residuals(&basins[0]);
    let refit = |index: u64| {
        let mut resampled = problem.clone();
        let rows = &mut resampled.rows;
        let mut weights: Vec<f64> = rows.iter().map(|row| row.weight).collect();
        let mut targets: Vec<f64> = rows.iter().map(|row| row.target).collect();
        units.resample(options.seed, index, &residuals, &mut weights, &mut targets);
        for ((row, weight), target) in rows.iter_mut().zip(&weights).zip(targets) {
            (row.weight, row.target) = (*weight, target);
        }
        // The units drawn may not tell the parameters.
        let told = design.determined_by(&weights);
        let theta = told.then(|| resolve(&resampled, basins))??.theta;
        Some(design.law.values(&theta, &design.centre))
    };
    let asked = options.bootstrap;
    let values: Vec<_> = (0..asked as u64).into_par_iter().map(refit).collect();
    summarise(
        values.into_iter().flatten().collect(),
        units.words(),
        units.count,
        options,
    )
}

/// Refits the points as each replicate of an earlier analysis placed them.
pub(crate) fn carried(
    draws: &[Vec<Point>],
    law: Law,
    objective: Objective,
    options: &Options,
) -> Replicates {
    let refit = |points: &Vec<Point>| {
        let design = Design::new(points, law).ok()?;
        let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
        let solution = solve(&mut Problem::new(&design, &losses, objective))?;
        let best = solution.best();
        (best.end == End::Converged).then(|| law.values(&best.theta, &design.centre))
    };
    let values: Vec<_> = draws.par_iter().map(refit).collect();
    let unit = "residuals of runs about their isoFLOP parabolas, carried through the minima; without the law's own lack of fit";
    let units = draws.first().map_or(0, Vec::len);
    summarise(values.into_iter().flatten().collect(), unit, units, options)
}

fn summarise(values: Vec<Vec<f64>>, unit: &str, units: usize, options: &Options) -> Replicates {
    let summary = Bootstrap {
        replicates: options.bootstrap,
        failed: options.bootstrap - values.len(),
        unit: unit.into(),
        units,
        interval: "percentile".into(),
        seed: options.seed,
    };
    Replicates { values, summary }
}

/// Numbers the units in order of first appearance.
fn number_units<'a>(units: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    units
        .into_iter()
        .map(|unit| {
            let next = numbers.len();
            *numbers.entry(unit).or_insert(next)
        })
        .collect()
}

/// What a bootstrap of rows resamples: units with replacement, or, where they are too few,
/// residuals times one random factor a unit (or a row, where even those are too few).
pub(crate) struct Units {
    numbers: Vec<usize>,
    count: usize,
    /// `sqrt(n / (n - p))`
    inflate: f64,
}

impl Units {
    pub(crate) fn of(points: &[Point], parameters: usize) -> Self {
        let numbers = number_units(points.iter().map(|point| point.unit.as_str()));
        let rows = points.len() as f64;
        Units {
            count: numbers.iter().max().map_or(0, |last| last + 1),
            numbers,
            inflate: (rows / (rows - parameters as f64)).sqrt(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn words(&self) -> &'static str {
        words(self.count)
    }

    /// Replicate number `index`: new weights, or new targets from the residuals (target less fit).
    pub(crate) fn resample(
        &self,
        seed: u64,
        index: u64,
        residuals: &[f64],
        weights: &mut [f64],
        targets: &mut [f64],
    ) {
        let mut rng = stream(seed, Purpose::Bootstrap, index);
        if self.count >= FEWEST_UNITS {
            let mut times = vec![0.0; self.count];
            for _ in 0..self.count {
                times[below(&mut rng, self.count as u64) as usize] += 1.0;
            }
            for (weight, unit) in weights.iter_mut().zip(&self.numbers) {
                *weight = times[*unit];
            }
            return;
        }
        let by_row = self.count < FEWEST_FACTORS;
        let draws = if by_row { targets.len() } else { self.count };
        let factors: Vec<f64> = (0..draws)
            .map(|_| WEBB[below(&mut rng, WEBB.len() as u64) as usize])
            .collect();
        for (row, (target, residual)) in targets.iter_mut().zip(residuals).enumerate() {
            let factor = factors[if by_row { row } else { self.numbers[row] }];
            *target += residual * (factor * self.inflate - 1.0);
        }
    }
}

/// What a bootstrap over so many units resamples.
fn words(units: usize) -> &'static str {
    match units {
        0..FEWEST_FACTORS => {
            "residuals about the fit, scaled by sqrt(n / (n - p)), each row's times one random factor (wild bootstrap, Webb's six points): too few units to keep rows of a unit together"
        }
        FEWEST_FACTORS..FEWEST_UNITS => {
            "residuals about the fit, scaled by sqrt(n / (n - p)), each unit's times one random factor (wild bootstrap, Webb's six points): too few units to resample"
        }
        _ => "units with replacement; rows that share a trunk (size, data, seed) are one unit",
    }
}

/// A value with the percentile interval and the standard deviation of its replicates; without
/// replicates, the value alone.
pub(crate) fn estimate(value: f64, replicates: &[f64]) -> Estimate {
    let finite = |x: f64| x.is_finite().then_some(x);
    let mut sorted = replicates.to_vec();
    sorted.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    let ends = (sorted.len() > 1).then(|| (quantile(&sorted, tail), quantile(&sorted, 1.0 - tail)));
    Estimate {
        value,
        low: ends.and_then(|(low, _)| finite(low)),
        high: ends.and_then(|(_, high)| finite(high)),
        standard_error: ends.and_then(|_| finite(deviation(&sorted))),
        identified: true,
    }
}

/// Linear between order statistics (type 7 of Hyndman & Fan 1996).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    below + (at - at.floor()) * (above - below)
}

fn deviation(values: &[f64]) -> f64 {
    let mean = crate::design::mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wild_factors_have_mean_zero_and_variance_one() {
        assert!(WEBB.iter().sum::<f64>().abs() < 1e-12);
        assert!((WEBB.iter().map(|w| w * w).sum::<f64>() / 6.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_holds_nine_tenths_of_the_replicates() {
        let replicates: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let estimate = estimate(50.0, &replicates);
        let ends = [estimate.low.unwrap() - 5.0, estimate.high.unwrap() - 95.0];
        assert!(ends.iter().all(|off| off.abs() < 1e-12));
        // Variance of 0..=100 with divisor n - 1: n (n + 1) / 12 at n = 101.
        assert!((estimate.standard_error.unwrap() - (101.0 * 102.0 / 12.0f64).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn without_replicates_there_is_no_interval() {
        let estimate = estimate(1.0, &[]);
        assert_eq!(
            (estimate.low, estimate.high, estimate.standard_error),
            (None, None, None)
        );
    }
}
