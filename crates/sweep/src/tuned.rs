//! Learning rates that a stage found, and how one is chosen from trials.

use crate::run::PlannedRun;
use isoflop_core::Series;
use isoflop_core::units::two_digits;
use serde::{Deserialize, Serialize};

/// Added to a sweep's name for the name of its stage.
pub const SUFFIX: &str = ".tuning";

/// The rates that a stage found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// One for each model, batch and data.
    pub rates: Vec<TunedRate>,
}

/// The best rate of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedRate {
    /// The run but for its length, rate and seed.
    pub key: String,
    /// Cell of the axes.
    pub series: Series,
    /// The size as written.
    pub size: String,
    /// Tokens of a trial.
    pub tokens: f64,
    /// Rates and test losses (nats per token) by rate; no loss where the run diverged.
    pub trials: Vec<(f64, Option<f64>)>,
    /// Bottom of the least-squares parabola over the logarithm of the rate, through the trials
    /// within 0.3 nats of the best; where it has none among the rates tried, the best trial's.
    pub rate: f64,
    /// Whether the best trial is the first or last that did not diverge, or the parabola's bottom lies
    /// beyond: so may the best rate.
    pub at_edge: bool,
}

impl Tuned {
    /// The rate for a run.
    pub(crate) fn rate(&self, key: &str) -> Option<f64> {
        let tuned = self.rates.iter().find(|tuned| tuned.key == key);
        tuned.map(|tuned| tuned.rate)
    }
}

impl TunedRate {
    pub(crate) fn begin(run: &PlannedRun, key: String, trial: (f64, Option<f64>)) -> Self {
        TunedRate {
            key,
            series: run.series.clone(),
            size: run.size.clone(),
            tokens: run.tokens().0,
            trials: vec![trial],
            rate: 0.0,
            at_edge: false,
        }
    }

    /// Whether there is a best.
    pub(crate) fn choose(&mut self) -> bool {
        self.trials.sort_by(|a, b| a.0.total_cmp(&b.0));
        let finished: Vec<(f64, f64)> =
            self.trials.iter().filter_map(|(rate, loss)| Some((rate.ln(), (*loss)?))).collect();
        let best = (0..finished.len()).min_by(|a, b| finished[*a].1.total_cmp(&finished[*b].1));
        let Some(best) = best else {
            return false;
        };
        let (first, last) = (finished[0].0, finished[finished.len() - 1].0);
        let near: Vec<_> =
            finished.iter().filter(|(_, loss)| *loss <= finished[best].1 + NEAR).copied().collect();
        let bottom = bottom(&near).filter(|at| (first..=last).contains(at));
        self.at_edge = best == 0 || best + 1 == finished.len() || bottom.is_none();
        self.rate = two_digits(bottom.unwrap_or(finished[best].0).exp());
        true
    }
}

/// Trials further above the best (nats) are no part of the parabola: the curve is not one out there.
const NEAR: f64 = 0.3;

/// Where the least-squares parabola through points is lowest; nothing if it opens downwards or
/// there are fewer than three.
fn bottom(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 3 {
        return None;
    }
    let count = points.len() as f64;
    let centre = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        points.iter().map(|(x, y)| of(x - centre, *y)).sum::<f64>() / count
    };
    // Moments about the centre; the first of x is zero.
    let (m2, m3, m4) = (mean(&|x, _| x.powi(2)), mean(&|x, _| x.powi(3)), mean(&|x, _| x.powi(4)));
    let level = mean(&|_, y| y);
    let (xy, xxy) = (mean(&|x, y| x * (y - level)), mean(&|x, y| (x * x - m2) * (y - level)));
    let determinant = m2 * (m4 - m2 * m2) - m3 * m3;
    let slope = (xy * (m4 - m2 * m2) - m3 * xxy) / determinant;
    let curvature = (m2 * xxy - m3 * xy) / determinant;
    (curvature > 0.0).then(|| centre - slope / (2.0 * curvature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tuned(trials: Vec<(f64, Option<f64>)>) -> Option<(f64, bool)> {
        let mut tuned = TunedRate {
            key: String::new(),
            series: Series::default(),
            size: String::new(),
            tokens: 1e6,
            trials,
            rate: 0.0,
            at_edge: false,
        };
        tuned.choose().then_some((tuned.rate, tuned.at_edge))
    }

    proptest! {
        #[test]
        fn a_parabolas_bottom_is_found(at in 0.0021f64..0.0079, depth in 0.01f64..0.2) {
            // Losses beyond the parabola's reach lie elsewhere.
            let loss = |rate: f64| 2.0 + (depth * (rate / at).ln().powi(2)).min(5.0);
            let trials = [0.016, 0.001, 0.004, 0.002, 0.008];
            let trials = trials.map(|rate| (rate, Some(loss(rate)))).to_vec();
            let (rate, at_edge) = tuned(trials).unwrap();
            prop_assert!(!at_edge && (rate / at - 1.0).abs() < 0.05, "{} {}", rate, at);
        }
    }

    #[test]
    fn a_best_at_the_edge_is_told_and_diverged_trials_are_no_best() {
        let falling = vec![(0.001, Some(3.0)), (0.002, Some(2.9)), (0.004, Some(2.8))];
        assert_eq!(tuned(falling.clone()), Some((0.004, true)));
        // Noise at the edge does not move the bottom there.
        let noisy = [0.001, 0.002, 0.004, 0.008, 0.016]
            .into_iter()
            .zip([2.892, 2.776, 2.690, 2.716, 2.689]);
        let (rate, at_edge) =
            tuned(noisy.map(|(rate, loss)| (rate, Some(loss))).collect()).unwrap();
        assert!(at_edge && (0.006..0.012).contains(&rate), "{rate}");
        let mut with_diverged = falling;
        with_diverged.push((0.008, None));
        assert_eq!(tuned(with_diverged), Some((0.004, true)));
        assert_eq!(tuned(vec![(0.001, None), (0.002, None)]), None);
    }
}
