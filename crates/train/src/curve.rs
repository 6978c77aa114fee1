//! Records the learning curve of a run. As long as its rate is that of its trunk, the places of its
//! points depend only on the steps done, so that runs of one trunk share them.

use crate::flight::Step;
use isoflop_core::{Recipe, Schedule, Tokens};
use isoflop_data::CURVE_TOKENS;
use isoflop_model::FlopCount;
use isoflop_results::CurvePoint;
use isoflop_sweep::RunConfig;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// Number of points per doubling of the steps, until the decay of a run that has a trunk.
const PER_DOUBLING: f64 = 8.0;

/// Number of points in that decay.
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
    /// Train losses of the last tenth of the steps done so far, of which runs of any length that
    /// share them make their own.
    tail: VecDeque<f64>,
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
        self.follow(done, seen.loss);
        let blown = !seen.loss.is_finite() || !seen.grad_norm.is_finite();
        let place = place(&config.recipe.schedule, done);
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

    /// Keeps the train losses of the last tenth of `done` steps, of which `loss` is the newest.
    fn follow(&mut self, done: u64, loss: f64) {
        self.tail.push_back(loss);
        while self.tail.len() as u64 > tenth(done) {
            self.tail.pop_front();
        }
    }

    /// Whether the test loss is measured after `done` steps, as far as is known before the last of
    /// them is recorded.
    pub(crate) fn scores(&self, config: &RunConfig, done: u64) -> bool {
        let tested = self.curve.iter().filter(|point| point.test_loss.is_some());
        place(&config.recipe.schedule, done).is_some_and(|place| {
            is_scored(place, done * config.recipe.batch_tokens, tested.count() as u64)
        })
    }

    /// Mean train loss over the last tenth of `steps` steps, as far as a run came that has ended
    /// after `done` of them; `None` if it ended before.
    pub(crate) fn tail_loss(&self, done: u64, steps: u64) -> Option<f64> {
        let count = done.saturating_sub(steps - tenth(steps)) as usize;
        let before = self.tail.len().saturating_sub(count);
        let mean = self.tail.iter().skip(before).sum::<f64>() / count as f64;
        mean.is_finite().then_some(mean)
    }

    /// The points of the curve.
    pub(crate) fn into_curve(self) -> Vec<CurvePoint> {
        self.curve
    }
}

/// A tenth of some steps, rounded up.
fn tenth(steps: u64) -> u64 {
    steps.div_ceil(10)
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
    let branch = doublings(schedule);
    // Rounding may move a point by a step to either side.
    let about = |step: u64| step.saturating_sub(1)..=step + 2;
    let doublings = (branch.max(1) as f64).log2() * PER_DOUBLING;
    let rising = (0..=doublings as u64)
        .flat_map(|point| about(2f64.powf(point as f64 / PER_DOUBLING) as u64));
    let falling = (0..=COOLDOWN_POINTS).flat_map(|point| {
        let decay = u128::from(schedule.steps - branch);
        let way = u128::from(point) * decay / u128::from(COOLDOWN_POINTS);
        about(branch + way as u64)
    });
    let all = rising.chain(falling).chain([schedule.steps]);
    let steps: BTreeSet<u64> = all.filter(|step| (1..=schedule.steps).contains(step)).collect();
    steps.into_iter().filter_map(|step| Some((step, place(schedule, step)?))).collect()
}

/// Steps over which the points lie by doublings: those of the trunk, or all of a run without one.
fn doublings(schedule: &Schedule) -> u64 {
    match schedule.kind.has_trunk() {
        true => schedule.branch(),
        false => schedule.steps,
    }
}

/// Number of the point after `done` steps; `None` if there is none. The end of a run has a point of
/// its own, unless it is a part of a trunk.
fn place(schedule: &Schedule, done: u64) -> Option<u64> {
    let branch = doublings(schedule);
    let reached = |steps: u64| match steps <= branch {
        true => ((steps as f64).log2() * PER_DOUBLING).floor() as i64,
        false => {
            let way = u128::from(steps - branch) * u128::from(COOLDOWN_POINTS);
            (way / u128::from(schedule.steps - branch)) as i64
        }
    };
    let before = if done == branch + 1 { 0 } else { reached(done - 1) };
    let ends = done == schedule.steps && !schedule.kind.has_trunk();
    (done == 1 || reached(done) > before || ends).then_some(reached(done) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::ScheduleKind::{Constant, Cosine, Wsd};

    fn points(steps: u64) -> Vec<u64> {
        let all = super::points(&Schedule::wsd(steps, 5));
        all.into_iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn points_are_those_that_a_walk_over_every_step_meets() {
        for steps in (10..400).chain([999, 1000, 4096, 12_345, 100_000]) {
            for kind in [Wsd, Cosine, Constant] {
                let schedule = Schedule::new(kind, steps, 5, steps / 5);
                let walked: Vec<u64> =
                    (1..=steps).filter(|done| place(&schedule, *done).is_some()).collect();
                let all = super::points(&schedule).into_iter();
                assert_eq!(all.map(|(step, _)| step).collect::<Vec<_>>(), walked, "{schedule:?}");
            }
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

    #[test]
    fn without_a_trunk_points_double_to_the_end_which_has_one() {
        let steps = |kind| -> Vec<u64> {
            let all = super::points(&Schedule::new(kind, 1000, 5, 1));
            all.into_iter().map(|(step, _)| step).collect()
        };
        let (falling, constant) = (steps(Cosine), steps(Constant));
        assert_eq!(falling.last(), Some(&1000));
        // The end of a run at a constant rate is a step of longer ones, which have no point there.
        assert_eq!(constant[..], falling[..falling.len() - 1]);
        assert!(falling.iter().filter(|step| (251..=500).contains(*step)).count() == 8);
    }

    /// The train loss of every step is its number.
    fn recorded(steps: u64, done: u64) -> Option<f64> {
        let mut recorder = Recorder::default();
        for step in 1..=done {
            recorder.follow(step, step as f64);
        }
        recorder.tail_loss(done, steps)
    }

    #[test]
    fn the_train_loss_is_the_mean_of_the_last_tenth_as_far_as_a_run_came() {
        // Steps 91 to 100.
        assert_eq!(recorded(100, 100), Some(95.5));
        assert_eq!(recorded(100, 93), Some(92.0));
        assert_eq!(recorded(100, 90), None);
        // Of 101 steps the last eleven.
        assert_eq!(recorded(101, 101), Some(96.0));
        assert_eq!(recorded(1, 1), Some(1.0));
    }
}
