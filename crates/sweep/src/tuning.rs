//! Plans and evaluates the stage of short runs that finds a learning rate for each size. The stage
//! is a sweep of its own, with a results folder beside that of the sweep it serves.

use crate::plan::Plan;
use crate::run::PlannedRun;
use isoflop_core::Series;
use isoflop_core::units::two_digits;
use isoflop_results::{RunRecord, Status};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Suffix that is added to a sweep's name for the name of its tuning stage.
pub const SUFFIX: &str = ".tuning";

/// Learning rates that a stage found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// One rate for each combination of model, batch and data.
    pub rates: Vec<TunedRate>,
}

/// Best learning rate of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedRate {
    /// Key: the run's configuration without length, rate and seed.
    pub key: String,
    /// Cell of the axes that the trials belong to.
    pub series: Series,
    /// Size as written in the sweep file.
    pub size: String,
    /// Training tokens of a trial.
    pub tokens: f64,
    /// Learning rate and test loss (nats per token) of each trial, by rate; `None` for a trial that
    /// diverged.
    pub trials: Vec<(f64, Option<f64>)>,
    /// Bottom of the least-squares parabola in the logarithm of the rate, through the trials within
    /// 0.3 nats of the best; the best trial's rate, if the parabola has no bottom among the rates
    /// tried.
    pub rate: f64,
    /// Whether the best rate may lie beyond the rates tried: the best trial is the first or last
    /// that did not diverge, or the parabola has no bottom among the rates.
    pub at_edge: bool,
}

impl Tuned {
    /// Evaluates the records of a stage, once every trial has finished or diverged. A model all of
    /// whose trials diverged gets no rate.
    ///
    /// # Errors
    /// Ids of the trials that have neither finished nor diverged. Without them another rate might
    /// be chosen, so none is.
    pub fn of(stage: &Plan, records: &[RunRecord]) -> Result<Self, Vec<String>> {
        let ended: HashMap<&str, &RunRecord> = records
            .iter()
            .filter(|record| record.row.status != Status::Failed)
            .map(|record| (record.row.run_id.as_str(), record))
            .collect();
        let open = stage.runs().iter().map(PlannedRun::id);
        let open: Vec<String> =
            open.filter(|id| !ended.contains_key(id)).map(str::to_owned).collect();
        if !open.is_empty() {
            return Err(open);
        }
        let mut rates: Vec<TunedRate> = Vec::new();
        for run in stage.runs() {
            let loss = ended[run.id()].row.test_loss;
            let trial = (run.config.learning_rate, loss);
            let key = run.tuning_key();
            match rates.iter_mut().find(|tuned| tuned.key == key) {
                Some(tuned) => tuned.trials.push(trial),
                None => rates.push(TunedRate::begin(run, key, trial)),
            }
        }
        rates.retain_mut(TunedRate::choose);
        Ok(Tuned { rates })
    }

    /// Sizes of the stage whose trials have all diverged.
    pub fn untuned(&self, stage: &Plan) -> Vec<String> {
        let without = stage.runs().iter().filter(|run| self.rate(&run.tuning_key()).is_none());
        let mut sizes: Vec<String> = without.map(|run| run.size.clone()).collect();
        sizes.dedup();
        sizes
    }

    /// The learning rate with the given key.
    pub(crate) fn rate(&self, key: &str) -> Option<f64> {
        let tuned = self.rates.iter().find(|tuned| tuned.key == key);
        tuned.map(|tuned| tuned.rate)
    }
}

impl TunedRate {
    fn begin(run: &PlannedRun, key: String, trial: (f64, Option<f64>)) -> Self {
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

    /// Chooses the rate; returns whether there is a best trial.
    fn choose(&mut self) -> bool {
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

/// Maximum nats above the best trial at which a trial is used for the parabola; beyond that the
/// loss is no parabola.
const NEAR: f64 = 0.3;

/// Place of the least-squares parabola's minimum; `None` if the parabola opens downwards or there
/// are fewer than three points.
fn bottom(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 3 {
        return None;
    }
    let count = points.len() as f64;
    let centre = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        points.iter().map(|(x, y)| of(x - centre, *y)).sum::<f64>() / count
    };
    // The moments are those about the centre, so the first moment of x is zero.
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
            // The parabola describes losses only near its bottom, so they are capped.
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
        // Noise in the loss at the edge does not move the parabola's bottom there.
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
