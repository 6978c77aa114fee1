//! A law that errs to one side wherever it was not fitted, in a sentence.

use super::{HeldOut, Reached, Validation};
use isoflop_core::units::decimals;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Windows below which nothing is said.
const FEWEST: usize = 3;

/// Windows from which on one of them may err to the other side.
const ONE_STRAYS: usize = 5;

/// Standard deviations by which the windows together must err. Each window is judged by a budget that no
/// window before it has seen, so that their errors are independent if the law is right (recursive
/// residuals: Brown, Durbin & Evans 1975); in simulated sweeps of right laws 1 of 160 came that far.
const SURE: f64 = 3.0;

/// A law that errs to one side in all or nearly all windows, beyond noise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Misfit {
    /// Whether the law predicts too high; otherwise it predicts too low.
    pub too_high: bool,
    /// Windows that err to that side.
    pub windows: usize,
    /// Number of windows in all.
    pub of: usize,
    /// Mean over all windows of the error of ln L at the next budget, positive where it is too high.
    pub error: f64,
    /// Compute of the next budget over the largest fitted, the geometric mean over windows.
    pub reach: f64,
    /// Errors in standard deviations that a right law would have, added over windows and divided by the
    /// square root of their number: a standard normal if the law is right.
    pub z: f64,
    /// The error of the first window at the last budget, and its reach.
    pub furthest: Option<(f64, f64)>,
    /// The verdict in words.
    pub sentence: String,
}

impl Validation {
    /// Whether the law errs to one side wherever it was not fitted; nothing where noise explains it.
    pub fn verdict(&self) -> Option<Misfit> {
        let next: Vec<Reached> = self.windows.iter().filter_map(next).collect();
        let of = next.len();
        if of < FEWEST {
            return None;
        }
        let count = of as f64;
        let z = next.iter().map(|at| at.mean_error / at.expected);
        let z = z.sum::<f64>() / count.sqrt();
        let windows = next.iter().filter(|at| at.mean_error * z > 0.0).count();
        let strays = usize::from(of >= ONE_STRAYS);
        if windows + strays < of || z.is_nan() || z.abs() < SURE {
            return None;
        }
        let mean =
            |of: &dyn Fn(&Reached) -> f64| -> f64 { next.iter().map(of).sum::<f64>() / count };
        let first = self.windows.first()?.reached();
        let last = first.last().filter(|_| first.len() > 1);
        let furthest = last.filter(|last| last.mean_error * z > 0.0);
        let mut found = Misfit {
            too_high: z > 0.0,
            windows,
            of,
            error: mean(&|at| at.mean_error),
            reach: mean(&|at| at.reach.ln()).exp(),
            z,
            furthest: furthest.map(|last| (last.mean_error, last.reach)),
            sentence: String::new(),
        };
        found.sentence = found.to_string();
        Some(found)
    }
}

/// The next budget, where a right law's error there is known to have a size.
fn next(held: &HeldOut) -> Option<Reached> {
    held.reached().into_iter().next().filter(|at| at.expected > 0.0)
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.too_high { "high" } else { "low" };
        write!(
            f,
            "the law predicts too {side} in {} of {} windows, by {} at {} times the compute",
            self.windows,
            self.of,
            per_cent(self.error),
            two_digits(self.reach)
        )?;
        if let Some((error, reach)) = self.furthest.filter(|(_, reach)| *reach > 2.0 * self.reach) {
            let reach = two_digits(reach);
            write!(f, " and by {} at {reach} times", per_cent(error))?;
        }
        write!(f, " ({:.1} standard deviations): this law does not hold here", self.z.abs())
    }
}

/// The size of an error of ln L.
fn per_cent(error: f64) -> String {
    format!("{} %", two_digits(100.0 * error.exp_m1().abs()))
}

/// Two significant digits, as people write them.
fn two_digits(x: f64) -> String {
    let decimals = decimals(x, 2).min(4);
    let rounded = match x {
        100.0.. => {
            let unit = 10f64.powi(x.log10().floor() as i32 - 1);
            (x / unit).round() * unit
        }
        _ => x,
    };
    let text = format!("{rounded:.decimals$}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validation(errors: &[f64], expected: f64) -> Validation {
        let window = |k: usize| HeldOut {
            reached: (k..errors.len())
                .map(|judged| Reached {
                    reach: 2.5f64.powi((judged - k + 1) as i32),
                    held_out: 8,
                    mean_error: errors[k] * (judged - k + 1) as f64,
                    rms_error: errors[k].abs(),
                    expected,
                    covered: None,
                })
                .collect(),
            ..HeldOut::default()
        };
        Validation { windows: (0..errors.len()).map(window).collect(), ..Validation::default() }
    }

    #[test]
    fn windows_that_all_err_to_one_side_beyond_noise_are_summed_up() {
        let errors = [0.17, 0.09, 0.05, 0.06, 0.07, 0.03];
        let found = validation(&errors, 0.02).verdict().unwrap();
        assert_eq!(
            found.sentence,
            "the law predicts too high in 6 of 6 windows, by 8.1 % at 2.5 times the compute and by 180 % at 240 times (9.6 standard deviations): this law does not hold here"
        );
        let low = validation(&errors.map(|e| -e), 0.02).verdict().unwrap();
        assert!(!low.too_high && low.sentence.contains("too low in 6 of 6"));
    }

    #[test]
    fn noise_a_few_windows_and_errors_to_both_sides_are_not() {
        assert_eq!(validation(&[0.01, 0.02, 0.01], 0.02).verdict(), None);
        assert_eq!(validation(&[0.17, 0.09], 0.01).verdict(), None);
        assert_eq!(validation(&[0.17, -0.01, 0.09], 0.01).verdict(), None);
        assert_eq!(validation(&[0.0, 0.0, 0.0], 0.0).verdict(), None);
        let one_strays = validation(&[0.17, 0.09, -0.01, 0.06, 0.07], 0.01);
        assert_eq!(one_strays.verdict().unwrap().windows, 4);
    }

    #[test]
    fn windows_of_an_earlier_version_are_summed_up_by_their_scatter() {
        let mut old = validation(&[0.17, 0.09, 0.05], 0.0);
        for held in &mut old.windows {
            held.reach = 2.5;
            held.held_out = 9;
            held.mean_error = held.reached[0].mean_error;
            held.rms_error = 1.2 * held.mean_error;
            held.reached.clear();
        }
        let found = old.verdict().unwrap();
        assert_eq!((found.windows, found.of, found.furthest), (3, 3, None));
    }

    #[test]
    fn digits_are_those_that_people_write() {
        let all = [0.0432, 0.43, 2.0, 2.46, 16.2, 99.6, 239.0, 12_345.0].map(two_digits);
        assert_eq!(all, ["0.043", "0.43", "2", "2.5", "16", "100", "240", "12000"]);
    }
}
