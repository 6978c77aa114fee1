//! Replicates of a fit: what its numbers would have been on other draws of the same runs.

use crate::design::{Design, mean};
use crate::engine::{End, Engine, Resample, engine};
use crate::fit::{Options, REPLICATES};
use crate::law::Law;
use crate::objective::Objective;
use crate::output::{Bootstrap, Estimate};
use crate::point::Point;
use crate::watch::Task;
use isoflop_core::rng::{Purpose, below, stream};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use std::collections::HashMap;

/// Coverage of every interval.
pub const LEVEL: f64 = 0.9;

/// Share of the distribution beyond either end.
pub(crate) const TAIL: f64 = (1.0 - LEVEL) / 2.0;

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

/// Replicates below which the ends of a corrected interval are single replicates.
const FEWEST_CORRECTED: usize = 100;

/// The replicates that converged.
pub(crate) struct Replicates {
    /// [`Law::natural`] of each.
    pub(crate) values: Vec<Vec<f64>>,
    /// The same with each unit left out in turn, where that could be fitted for all.
    jackknife: Option<Vec<Vec<f64>>>,
    /// Share of the replicates beyond either end of an interval.
    tail: f64,
    pub(crate) summary: Bootstrap,
}

/// Refits resamples of the rows. Ten units or more are drawn with replacement; below that, each
/// unit's residuals are multiplied by one random factor, below four each row's. A replicate
/// depends on its number and the seed alone, never on the thread.
pub(crate) fn bootstrap(
    design: &Design,
    engine: &dyn Engine,
    points: &[Point],
    known: &[Vec<f64>],
    options: &Options,
    task: Option<&Task>,
) -> Replicates {
    let units = Units::of(points, engine.law().parameters());
    let residuals = engine.residuals(&known[0]);
    let refit = |index: u64| {
        let mut changed = Resample::of(engine);
        units.resample(options.seed, index, &residuals, &mut changed);
        // The units drawn may not tell the parameters.
        let told = design.determined_by(&changed.weights);
        let end = told.then(|| engine.resolve(&changed, known));
        if let Some(task) = task {
            task.part(REPLICATES / options.bootstrap as f64);
        }
        Some(engine.natural(&end??.t))
    };
    let asked = options.bootstrap;
    let values: Vec<_> = (0..asked as u64).into_par_iter().map(refit).collect();
    let mut found = summarise(
        values.into_iter().flatten().collect(),
        &units.words(&options.unit),
        units.count,
        options,
    );
    if units.count >= FEWEST_UNITS {
        found.tail = expanded(units.count);
    }
    if units.count >= FEWEST_UNITS && found.values.len() >= FEWEST_CORRECTED {
        found.jackknife = jackknife(design, engine, &units, known);
        if found.jackknife.is_some() {
            found.summary.interval = "BCa".into();
        }
    }
    found
}

/// Resampling n units gives replicates that are too close by `sqrt((n - 1) / n)`, and their quantiles know
/// nothing of Student's: the share beyond either end that makes up for both (Hesterberg 2015, section 4.3).
fn expanded(units: usize) -> f64 {
    let n = units as f64;
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("ten units have degrees of freedom");
    Normal::standard().cdf((n / (n - 1.0)).sqrt() * student.inverse_cdf(TAIL))
}

/// Fits without each unit in turn; nothing unless all converge.
fn jackknife(
    design: &Design,
    engine: &dyn Engine,
    units: &Units,
    known: &[Vec<f64>],
) -> Option<Vec<Vec<f64>>> {
    let without = |unit: usize| {
        let mut changed = Resample::of(engine);
        for (weight, number) in changed.weights.iter_mut().zip(&units.numbers) {
            if *number == unit {
                *weight = 0.0;
            }
        }
        let told = design.determined_by(&changed.weights);
        let end = told.then(|| engine.refit(Some(&changed), &known[..1]))??;
        Some(engine.natural(&end.t))
    };
    (0..units.count).into_par_iter().map(without).collect()
}

/// Refits the points as each replicate of an earlier analysis placed them.
pub(crate) fn carried(
    draws: &[Vec<Point>],
    law: Law,
    objective: Objective,
    options: &Options,
) -> Replicates {
    let refit = |points: &Vec<Point>| {
        Design::new(points, law).ok()?;
        let mut engine = engine(points, law, objective).ok()?;
        engine.watched_by(&options.watch);
        let solution = engine.solve()?;
        let best = solution.best();
        (best.end == End::Converged).then(|| engine.natural(&best.t))
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
    Replicates {
        values,
        jackknife: None,
        tail: TAIL,
        summary,
    }
}

impl Replicates {
    /// Quantity `k` with its interval.
    pub(crate) fn estimate(&self, k: usize, value: f64) -> Estimate {
        let column: Vec<f64> = self.values.iter().map(|values| values[k]).collect();
        let plain = estimate_within(value, &column, self.tail);
        let Some(left_out) = &self.jackknife else {
            return plain;
        };
        let left_out: Vec<f64> = left_out.iter().map(|values| values[k]).collect();
        match corrected(value, &column, &left_out, self.tail) {
            Some((low, high)) => Estimate {
                low: Some(low),
                high: Some(high),
                ..plain
            },
            None => plain,
        }
    }
}

/// The interval corrected for bias and for a spread that changes with the value (BCa, Efron 1987,
/// eq. 2.3): quantiles of the replicates, but other ones. None where all replicates lie on one side.
fn corrected(value: f64, replicates: &[f64], left_out: &[f64], tail: f64) -> Option<(f64, f64)> {
    let normal = Normal::standard();
    let mut sorted: Vec<f64> = replicates.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = |test: &dyn Fn(f64) -> bool| sorted.iter().filter(|x| test(**x)).count() as f64;
    let below = (count(&|x| x < value) + count(&|x| x == value) / 2.0) / sorted.len() as f64;
    if below <= 0.0 || below >= 1.0 {
        return None;
    }
    let bias = normal.inverse_cdf(below);
    let centre = mean(left_out);
    let moment = |power: i32| -> f64 { left_out.iter().map(|x| (centre - x).powi(power)).sum() };
    let acceleration = match moment(2) > 0.0 {
        true => moment(3) / (6.0 * moment(2).powf(1.5)),
        false => 0.0,
    };
    let end = |tail: f64| {
        let z = bias + normal.inverse_cdf(tail);
        let p = normal.cdf(bias + z / (1.0 - acceleration * z));
        quantile(&sorted, p)
    };
    let (low, high) = (end(tail), end(1.0 - tail));
    (low.is_finite() && high.is_finite() && low < high).then_some((low, high))
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

    pub(crate) fn words(&self, unit: &str) -> String {
        words(self.count, unit)
    }

    /// The unit of each row.
    pub(crate) fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// How often each row counts in replicate number `index` of units drawn with replacement; none
    /// below two units.
    pub(crate) fn drawn(&self, seed: u64, index: u64) -> Option<Vec<f64>> {
        (self.count > 1).then(|| {
            let times = self.draw(seed, index);
            self.numbers.iter().map(|unit| times[*unit]).collect()
        })
    }

    /// How often each unit is drawn.
    fn draw(&self, seed: u64, index: u64) -> Vec<f64> {
        let mut rng = stream(seed, Purpose::Bootstrap, index);
        let mut times = vec![0.0; self.count];
        for _ in 0..self.count {
            times[below(&mut rng, self.count as u64) as usize] += 1.0;
        }
        times
    }

    /// Replicate number `index`: new weights, or new targets from the residuals (target less fit).
    fn resample(&self, seed: u64, index: u64, residuals: &[f64], changed: &mut Resample) {
        let Resample { weights, targets } = changed;
        if self.count >= FEWEST_UNITS {
            let times = self.draw(seed, index);
            for (weight, unit) in weights.iter_mut().zip(&self.numbers) {
                *weight *= times[*unit];
            }
            return;
        }
        let mut rng = stream(seed, Purpose::Bootstrap, index);
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

/// What a bootstrap over so many units resamples; `unit` says what one is.
fn words(units: usize, unit: &str) -> String {
    match units {
        0..FEWEST_FACTORS => {
            "residuals about the fit, scaled by sqrt(n / (n - p)), each row's times one random factor (wild bootstrap, Webb's six points): too few units to keep rows of a unit together".to_owned()
        }
        FEWEST_FACTORS..FEWEST_UNITS => {
            format!("residuals about the fit, scaled by sqrt(n / (n - p)), each unit's times one random factor (wild bootstrap, Webb's six points): too few units to resample; {unit}")
        }
        _ => format!("units with replacement; {unit}"),
    }
}

/// A value with the percentile interval and the standard deviation of its replicates; without
/// replicates, the value alone.
pub(crate) fn estimate(value: f64, replicates: &[f64]) -> Estimate {
    estimate_within(value, replicates, TAIL)
}

fn estimate_within(value: f64, replicates: &[f64], tail: f64) -> Estimate {
    let finite = |x: f64| x.is_finite().then_some(x);
    let mut sorted = replicates.to_vec();
    sorted.sort_by(f64::total_cmp);
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
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    below + (at - at.floor()) * (above - below)
}

pub(crate) fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|x| (x - centre).powi(2)).sum();
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

    /// Efron 1987: for the variance of a normal sample the corrected interval leans to larger values,
    /// as the exact one does; without skew and bias it is the percentile interval.
    #[test]
    fn a_corrected_interval_leans_where_the_replicates_do() {
        let symmetric: Vec<f64> = (0..=1000).map(|i| f64::from(i) - 500.0).collect();
        let even: Vec<f64> = (0..20).map(f64::from).collect();
        let (low, high) = corrected(0.0, &symmetric, &even, TAIL).unwrap();
        assert!(
            (low + 450.0).abs() < 1.0 && (high - 450.0).abs() < 1.0,
            "{low} {high}"
        );
        let skewed: Vec<f64> = (0..20).map(|i| -f64::from(i).powi(3)).collect();
        let (low, high) = corrected(0.0, &symmetric, &skewed, TAIL).unwrap();
        assert!(low > -440.0 && high > 455.0, "{low} {high}");
        // All replicates above the value: nothing can be corrected.
        assert_eq!(corrected(-501.0, &symmetric, &even, TAIL), None);
    }

    #[test]
    fn few_units_widen_an_interval_and_many_do_not() {
        // Phi(-sqrt(11/10) 1.8125), Student's 95 % point at ten degrees of freedom.
        assert!((expanded(11) - 0.0287).abs() < 1e-3, "{}", expanded(11));
        assert!((expanded(10_000) - TAIL).abs() < 1e-4);
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
