//! Records the learning curve of a run. Until the rate begins to fall, the places of its points
//! depend only on the steps done, so that runs of one trunk share them.

use crate::flight::Step;
use isoflop_core::{Recipe, Schedule, Tokens};
use isoflop_data::CURVE_TOKENS;
use isoflop_model::FlopCount;
use isoflop_results::CurvePoint;
use isoflop_sweep::RunConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Number of points per doubling of the steps, until the rate begins to fall.
const PER_DOUBLING: f64 = 8.0;

/// Number of points while the rate falls.
const COOLDOWN_POINTS: u64 = 12;

/// Number of points from one that also has a test loss to the next, as far as [`TEST_SHARE`]
/// allows.
const TEST_EVERY: u64 = 4;

/// Largest number of tokens scored for a learning curve, as a share of the training tokens. Scoring
/// is only a forward pass, so this share takes a tenth of the training time.
const TEST_SHARE: f64 = 0.3;

/// Collects the points of a curve.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recorder {
    curve: Vec<CurvePoint>,
    /// Sum and number of the train losses since the last point.
    since: (f64, u64),
    /// Train losses of the last tenth of the steps.
    tail: Vec<f64>,
    /// Steps in a row whose loss was above the ceiling of [`crate::divergence::Watch`].
    #[serde(default)]
    pub(crate) above: u64,
}

impl Recorder {
    /// Records step number `done`; `score` measures the test loss.
    pub(crate) fn note(
        &mut self,
        config: &RunConfig,
        done: u64,
        seen: &Step,
        score: &dyn Fn() -> f64,
    ) {
        self.since.0 += seen.loss;
        self.since.1 += 1;
        let schedule = &config.recipe.schedule;
        if done > schedule.steps - schedule.steps.div_ceil(10) {
            self.tail.push(seen.loss);
        }
        let blown = !seen.loss.is_finite() || !seen.grad_norm.is_finite();
        let place = place(schedule, done);
        if place.is_none() && !blown {
            return;
        }
        let tokens = done * config.recipe.batch_tokens;
        let due = self.scores(config, done);
        let finite = |value: f64| value.is_finite().then_some(value);
        let (sum, count) = std::mem::take(&mut self.since);
        self.curve.push(CurvePoint {
            step: done,
            tokens,
            flops: FlopCount::of(&config.model).of_tokens(Tokens(tokens as f64)).0,
            train_loss: finite(sum / count as f64),
            test_loss: (due && !blown).then(score).and_then(finite),
            learning_rate: seen.rate,
            grad_norm: finite(seen.grad_norm),
        });
    }

    /// Whether the test loss is measured after `done` steps, as far as is known before the last of
    /// them is recorded.
    pub(crate) fn scores(&self, config: &RunConfig, done: u64) -> bool {
        let tested = self.curve.iter().filter(|point| point.test_loss.is_some());
        place(&config.recipe.schedule, done).is_some_and(|place| {
            is_scored(place, done * config.recipe.batch_tokens, tested.count() as u64)
        })
    }

    /// Mean train loss over the last tenth of the steps; `None` for a run that ended before.
    pub(crate) fn tail_loss(&self) -> Option<f64> {
        let mean = self.tail.iter().sum::<f64>() / self.tail.len() as f64;
        mean.is_finite().then_some(mean)
    }

    /// The points of the curve.
    pub(crate) fn into_curve(self) -> Vec<CurvePoint> {
        self.curve
    }
}

/// Whether the test loss is measured at point number `place`, after `tokens` tokens, if it has been
/// measured `scored` times before.
fn is_scored(place: u64, tokens: u64, scored: u64) -> bool {
    let cost = (scored + 1) * CURVE_TOKENS as u64;
    place.is_multiple_of(TEST_EVERY) && cost as f64 <= tokens as f64 * TEST_SHARE
}

/// Number of times that the test loss is measured while a run trains.
pub(crate) fn scored_points(recipe: &Recipe) -> u64 {
    points(&recipe.schedule).into_iter().fold(0, |scored, (done, place)| {
        let tokens = done * recipe.batch_tokens;
        scored + u64::from(is_scored(place, tokens, scored))
    })
}

/// Every point of a schedule as the number of steps done and the number of the point, ascending.
/// They are computed from where points can lie, since a plan may name more steps than can be
/// enumerated.
fn points(schedule: &Schedule) -> Vec<(u64, u64)> {
    let branch = schedule.branch();
    // Rounding may move a point by a step to either side.
    let about = |step: u64| step.saturating_sub(1)..=step + 2;
    let doublings = (branch.max(1) as f64).log2() * PER_DOUBLING;
    let rising = (0..=doublings as u64)
        .flat_map(|point| about(2f64.powf(point as f64 / PER_DOUBLING) as u64));
    let falling = (0..=COOLDOWN_POINTS).flat_map(|point| {
        let way = u128::from(point) * u128::from(schedule.decay) / u128::from(COOLDOWN_POINTS);
        about(branch + way as u64)
    });
    let steps: BTreeSet<u64> =
        rising.chain(falling).filter(|step| (1..=schedule.steps).contains(step)).collect();
    steps.into_iter().filter_map(|step| Some((step, place(schedule, step)?))).collect()
}

/// Number of the point after `done` steps; `None` if there is none.
fn place(schedule: &Schedule, done: u64) -> Option<u64> {
    let branch = schedule.branch();
    let reached = |steps: u64| match steps <= branch {
        true => ((steps as f64).log2() * PER_DOUBLING).floor() as i64,
        false => {
            let way = u128::from(steps - branch) * u128::from(COOLDOWN_POINTS);
            (way / u128::from(schedule.decay)) as i64
        }
    };
    let before = if done == branch + 1 { 0 } else { reached(done - 1) };
    (done == 1 || reached(done) > before).then_some(reached(done) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(steps: u64) -> Vec<u64> {
        let all = super::points(&Schedule::wsd(steps, 5));
        all.into_iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn points_are_those_that_a_walk_over_every_step_meets() {
        for steps in (10..400).chain([999, 1000, 4096, 12_345, 100_000]) {
            let schedule = Schedule::wsd(steps, 5);
            let walked: Vec<u64> =
                (1..=steps).filter(|done| place(&schedule, *done).is_some()).collect();
            assert_eq!(points(steps), walked, "{steps} steps");
        }
    }

    #[test]
    fn a_run_of_more_steps_than_anybody_could_walk_has_its_points_at_once() {
        let points = points(1 << 50);
        assert!((300..500).contains(&points.len()), "{}", points.len());
        assert_eq!(points.last(), Some(&(1 << 50)));
    }

    #[test]
    fn points_double_until_the_rate_falls_and_end_with_the_run() {
        let short = points(1000);
        assert_eq!(short[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
        let per_doubling = |from: u64| {
            let inside = short.iter().filter(|step| (from + 1..=2 * from).contains(*step));
            inside.count()
        };
        assert_eq!([per_doubling(64), per_doubling(400)], [8, 8]);
        assert_eq!(short.iter().filter(|step| **step > 800).count(), 12);
        assert_eq!(short.last(), Some(&1000));
    }

    #[test]
    fn runs_of_one_trunk_share_their_points_until_the_shorter_branches_off() {
        let (short, long) = (points(1000), points(5000));
        let until = |points: &[u64]| points.iter().filter(|s| **s <= 800).count();
        assert_eq!(short[..until(&short)], long[..until(&long)]);
    }

    #[test]
    fn a_run_of_ten_steps_has_a_point_for_its_end() {
        assert_eq!(points(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
