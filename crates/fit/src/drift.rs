//! The drift of a law: how far it errs beyond the compute that it was fitted on, as its own windows show it.
//!
//! A law that is wrong by a little bends away from the rows. Like the straight line through a curve, it errs by
//! `k (rho^2 + rho R)` at a distance `rho` (of ln C) beyond a range of `R`. Every window that fits the smaller
//! budgets and is judged by a later one measures `k`, and long windows measure it best. Late windows count more
//! than early ones, and an error that noise alone explains counts for nothing.

use crate::output::{HeldOut, Reached};
use crate::spread::Spread;

/// Weight of a window as a share of the weight of the one after it.
const FADING: f64 = 0.5;

/// Distance (of ln C) from the budgets fitted below which a budget shows no drift.
const NEAREST: f64 = 0.1;

/// Standard deviations of `k` among laws, evenly spaced in ln from one to the other and all as likely
/// before any window is seen. Published isoFLOP sweeps measure .0020 to .0023 (three of arXiv 2603.22339 by
/// one group), .0012 to .0015 (two) and nothing beyond .0002 (two).
const LAWS: (f64, f64) = (3e-4, 5e-3);
const STEPS: u32 = 8;

/// Standard deviation of the next `k` around those of the windows, however well these agree: a law that
/// bends in the midst of its budgets has it behind it in all late windows, and errs beyond them all the
/// same.
const NEXT: f64 = 4e-4;

/// How surely a drift goes on as it was: its own size times this is added to its standard deviation.
const GOES_ON: f64 = 0.5;

/// Share of the drift that may come from the other side, where the law bends back.
const TURNS: f64 = 0.7;

/// The error of one fit at one later budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// Number of the fit, in the order of the compute fitted.
    pub(crate) window: usize,
    /// `ln` of the largest over the smallest compute fitted.
    pub(crate) range: f64,
    /// `ln` of the compute judged over the largest fitted.
    pub(crate) beyond: f64,
    /// Mean of ln(predicted / measured).
    pub(crate) error: f64,
    /// Standard deviation that the mean has if the law is right.
    pub(crate) expected: f64,
}

impl Evidence {
    /// All that the windows of a fit show.
    pub(crate) fn of<'a>(windows: impl Iterator<Item = &'a HeldOut>) -> Vec<Evidence> {
        let all = windows.enumerate();
        all.flat_map(|(window, held)| Evidence::of_window(window, held)).collect()
    }

    pub(crate) fn new(window: usize, range: f64, at: &Reached) -> Self {
        Evidence {
            window,
            range,
            beyond: at.reach.ln(),
            error: at.mean_error,
            expected: at.expected,
        }
    }

    fn of_window(window: usize, held: &HeldOut) -> Vec<Evidence> {
        let range = held.range.unwrap_or(held.reach).ln();
        let reached = held.reached();
        let all = reached.iter();
        all.map(|at| Evidence::new(window, range, at)).collect()
    }
}

/// The drift of a law, ready to be carried to any compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drift {
    /// Expectation of `k`, positive where the law predicts too high.
    mean: f64,
    /// Variance of `k`, that between windows included.
    variance: f64,
    /// `ln` of the range of compute of the fit that drifts.
    range: f64,
}

/// `rho^2 + rho R`.
fn bend(beyond: f64, range: f64) -> f64 {
    beyond * (beyond + range)
}

impl Drift {
    /// The drift of a fit over `range` (of ln C), from what its windows showed.
    pub(crate) fn of(evidence: &[Evidence], range: f64) -> Self {
        let (mean, variance) = match Measured::of(evidence) {
            Some(measured) => measured.drift(),
            None => believed(0.0, f64::INFINITY),
        };
        Drift { mean, variance, range }
    }

    /// What the drift adds to the scatter of single runs at `beyond` (of ln C) the largest compute fitted.
    pub(crate) fn spread(&self, noise: f64, beyond: f64) -> Spread {
        let bend = bend(beyond, self.range);
        let squares = self.mean * self.mean;
        let wide = |variance: f64| noise.hypot(bend * variance.sqrt());
        Spread {
            shift: bend * self.mean,
            noise: wide(self.variance + squares * GOES_ON * GOES_ON),
            turning: wide((self.variance + squares) * TURNS * TURNS),
        }
    }
}

/// The drift `k` as the windows measure it.
#[derive(Clone, Copy, Debug)]
struct Measured {
    mean: f64,
    /// Variance of that mean.
    variance: f64,
    /// Variance of `k` between windows, beyond what noise explains.
    between: f64,
}

impl Measured {
    fn of(evidence: &[Evidence]) -> Option<Self> {
        let mut windows: Vec<(f64, f64)> = Vec::new();
        let last = evidence.iter().map(|seen| seen.window).max()?;
        for window in 0..=last {
            windows.extend(one_window(evidence.iter().filter(|e| e.window == window)));
        }
        if windows.is_empty() {
            return None;
        }
        let mut found = Measured::within(&windows, 0.0);
        // The weights depend on the variance between windows, that on the weights: six rounds settle both.
        for _ in 0..6 {
            found = Measured::within(&windows, found.between);
        }
        Some(found)
    }

    /// The drift where the variance between windows is known.
    fn within(windows: &[(f64, f64)], between: f64) -> Self {
        let count = windows.len();
        let weights: Vec<f64> = windows
            .iter()
            .enumerate()
            .map(|(k, (_, sd))| FADING.powi((count - 1 - k) as i32) / (sd * sd + between))
            .collect();
        let all: f64 = weights.iter().sum();
        let weighed = |of: &dyn Fn(&(f64, f64)) -> f64| {
            let both = weights.iter().zip(windows);
            both.map(|(weight, window)| weight * of(window)).sum::<f64>() / all
        };
        let mean = weighed(&|(k, _)| *k);
        let expected = weighed(&|(_, sd)| sd * sd);
        let scatter = weighed(&|(k, _)| (k - mean).powi(2));
        let lost = count as f64 / (count.max(2) - 1) as f64;
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        Measured {
            mean,
            variance: (expected + between) * squares / (all * all),
            between: (scatter * lost - expected).max(0.0),
        }
    }

    /// Expectation and variance of the next `k`.
    fn drift(self) -> (f64, f64) {
        let (mean, variance) = believed(self.mean, self.variance);
        (mean, variance + self.between + NEXT * NEXT)
    }
}

/// `k` of one window and its standard deviation. The errors of one fit at several budgets go together, so
/// that many of them are no surer than the best.
fn one_window<'a>(seen: impl Iterator<Item = &'a Evidence>) -> Option<(f64, f64)> {
    let (mut all, mut k, mut sd) = (0.0, 0.0, 0.0);
    for seen in seen.filter(|seen| seen.beyond > NEAREST && seen.expected > 0.0) {
        let bend = bend(seen.beyond, seen.range);
        let weight = (bend / seen.expected).powi(2);
        all += weight;
        k += weight * seen.error / bend;
        sd += weight * seen.expected / bend;
    }
    (all > 0.0 && all.is_finite()).then(|| (k / all, sd / all))
}

/// Expectation and variance of `k` once `mean` with this variance has been measured, where laws drift as
/// [`LAWS`] says: an empirical Bayes estimate, which takes a drift within noise for next to none.
fn believed(mean: f64, variance: f64) -> (f64, f64) {
    let priors = (0..=STEPS).map(|step| {
        let share = f64::from(step) / f64::from(STEPS);
        (LAWS.0 * (LAWS.1 / LAWS.0).powf(share)).powi(2)
    });
    let (mut all, mut first, mut second) = (0.0, 0.0, 0.0);
    // The widest law is the likeliest of a large drift: its likelihood is one, so that none underflows.
    let log_likelihood = |prior: f64| {
        let both = prior + variance;
        -0.5 * (mean * mean / both + both.ln())
    };
    let widest = log_likelihood(LAWS.1 * LAWS.1);
    for prior in priors {
        // Without evidence every width is as likely, and nothing is learnt.
        let (likely, kept) = match variance.is_finite() {
            true => ((log_likelihood(prior) - widest).exp(), prior / (prior + variance)),
            false => (1.0, 0.0),
        };
        all += likely;
        first += likely * kept * mean;
        second += likely * (prior * (1.0 - kept) + (kept * mean).powi(2));
    }
    let mean = first / all;
    (mean, second / all - mean * mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows over five budgets a factor e apart, each judged by all later ones, under a law that errs by
    /// `k`, with errors known to `noise`.
    fn seen(k: impl Fn(usize) -> f64, noise: f64) -> Vec<Evidence> {
        let mut all = Vec::new();
        for window in 0..3 {
            for beyond in 1..=3 - window {
                let (range, beyond) = (window as f64 + 1.0, beyond as f64);
                all.push(Evidence {
                    window,
                    range,
                    beyond,
                    error: k(window) * bend(beyond, range),
                    expected: noise,
                });
            }
        }
        all
    }

    #[test]
    fn a_drift_beyond_noise_goes_on_with_its_sign_and_one_within_it_has_none() {
        for k in [0.002, -0.002] {
            let drift = Drift::of(&seen(|_| k, 1e-3), 4.0);
            assert!((drift.mean / k - 1.0).abs() < 0.1, "{drift:?}");
            assert!(drift.variance.sqrt() < 0.3 * k.abs(), "{drift:?}");
            let noisy = Drift::of(&seen(|_| k, 0.05), 4.0);
            assert!(noisy.mean.abs() < 0.2 * k.abs(), "{noisy:?}");
        }
        assert_eq!(Drift::of(&seen(|_| 0.0, 1e-3), 4.0).mean, 0.0);
    }

    #[test]
    fn late_windows_weigh_more_and_windows_that_differ_widen() {
        let late = Drift::of(&seen(|window| [0.0, 0.0, 0.003][window], 1e-3), 4.0);
        let early = Drift::of(&seen(|window| [0.003, 0.0, 0.0][window], 1e-3), 4.0);
        assert!(late.mean > 1.5 * early.mean, "{late:?}, {early:?}");
        let alike = Drift::of(&seen(|_| 0.001, 1e-3), 4.0);
        assert!(late.variance > 4.0 * alike.variance, "{late:?}, {alike:?}");
    }

    #[test]
    fn long_windows_measure_what_short_ones_cannot() {
        let all = seen(|_| 0.001, 0.002);
        let short: Vec<Evidence> = all.iter().copied().filter(|e| e.beyond < 1.5).collect();
        let (all, short) = (Drift::of(&all, 4.0), Drift::of(&short, 4.0));
        assert!(all.variance < short.variance);
        assert!((all.mean - 0.001).abs() < (short.mean - 0.001).abs());
    }

    #[test]
    fn without_windows_the_width_is_that_of_laws_at_large_and_none_goes_one_way() {
        let drift = Drift::of(&[], 3.0);
        assert_eq!(drift.mean, 0.0);
        assert!((LAWS.0..LAWS.1).contains(&drift.variance.sqrt()));
        let within = drift.spread(0.01, 0.0);
        assert_eq!((within.shift, within.noise), (0.0, 0.01));
    }

    #[test]
    fn a_drift_far_beyond_all_laws_stays_a_number() {
        for k in [0.5, -0.5, 1e6] {
            let drift = Drift::of(&seen(|_| k, 1e-9), 4.0);
            assert!(drift.mean.is_finite() && drift.variance.is_finite());
            assert!(drift.mean * k > 0.0);
        }
    }
}
