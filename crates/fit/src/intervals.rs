//! Intervals from replicates of a number.

use crate::design::mean;
use crate::output::Estimate;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Coverage of every interval of this crate.
pub const LEVEL: f64 = 0.9;

/// Share of the distribution beyond either end of an interval.
pub(crate) const TAIL: f64 = (1.0 - LEVEL) / 2.0;

/// Half of an interval of a normal distribution, in standard deviations.
pub(crate) const HALF_WIDTH: f64 = 1.644_853_627;

/// Half of an interval of this coverage of a normal distribution, in standard deviations.
pub fn half_width(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + 0.5 * level)
}

/// [`LEVEL`] as people read it: `90 %`.
pub fn level_words() -> String {
    format!("{:.0} %", 100.0 * LEVEL)
}

/// Resampling n units gives replicates that are too close by `sqrt((n - 1) / n)`, and their quantiles know
/// nothing of Student's: the share beyond either end that makes up for both (Hesterberg 2015, section 4.3).
pub(crate) fn expanded(units: usize) -> f64 {
    let n = units as f64;
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("ten units have degrees of freedom");
    Normal::standard().cdf((n / (n - 1.0)).sqrt() * student.inverse_cdf(TAIL))
}

/// The interval corrected for bias and for a spread that changes with the value (BCa, Efron 1987,
/// eq. 2.3): quantiles of the replicates, but other ones. None where all replicates lie on one side.
pub(crate) fn corrected(
    value: f64,
    replicates: &[f64],
    left_out: &[f64],
    tail: f64,
) -> Option<(f64, f64)> {
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

/// A value with the percentile interval and the standard deviation of its replicates; without
/// replicates, the value alone.
pub(crate) fn estimate(value: f64, replicates: &[f64]) -> Estimate {
    estimate_within(value, replicates, TAIL)
}

pub(crate) fn estimate_within(value: f64, replicates: &[f64], tail: f64) -> Estimate {
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
        fixed: false,
    }
    .with_its_value()
}

/// Linear between order statistics (type 7 of Hyndman & Fan 1996).
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    below + (at - at.floor()) * (above - below)
}

/// A quantile of values that may be infinite; none where it is one of the infinite ones.
pub(crate) fn outer_quantile(mut values: Vec<f64>, p: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = (values.len() > 1).then(|| quantile(&values, p))?;
    at.is_finite().then_some(at)
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
        assert!((low + 450.0).abs() < 1.0 && (high - 450.0).abs() < 1.0, "{low} {high}");
        let skewed: Vec<f64> = (0..20).map(|i| -f64::from(i).powi(3)).collect();
        let (low, high) = corrected(0.0, &symmetric, &skewed, TAIL).unwrap();
        assert!(low > -440.0 && high > 455.0, "{low} {high}");
        // All replicates above the value: nothing can be corrected.
        assert_eq!(corrected(-501.0, &symmetric, &even, TAIL), None);
    }

    #[test]
    fn the_level_the_tail_the_width_and_the_words_are_one() {
        assert_eq!(level_words(), "90 %");
        assert!((Normal::standard().cdf(-HALF_WIDTH) - TAIL).abs() < 1e-9);
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
        assert_eq!((estimate.low, estimate.high, estimate.standard_error), (None, None, None));
    }
}
