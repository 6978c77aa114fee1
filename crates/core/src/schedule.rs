//! The learning rate as a function of the step.

use serde::{Deserialize, Serialize};

/// Shape of the learning rate over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// Linear warm-up, a constant stretch, then linear decay to zero (Hu et al. 2024, MiniCPM;
    /// Hägele et al. 2024).
    #[default]
    Wsd,
}

/// A shape with its lengths in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Schedule {
    /// Shape of the rate.
    pub kind: ScheduleKind,
    /// Steps in all.
    pub steps: u64,
    /// Steps of warm-up.
    pub warmup: u64,
    /// Steps of decay, at the end.
    pub decay: u64,
}

/// A schedule in a file, where the shape and the lengths are two fields.
#[derive(Serialize, Deserialize)]
struct Written {
    schedule: ScheduleKind,
    steps: Lengths,
}

#[derive(Serialize, Deserialize)]
struct Lengths {
    steps: u64,
    warmup: u64,
    decay: u64,
}

impl From<Written> for Schedule {
    fn from(Written { schedule, steps: Lengths { steps, warmup, decay } }: Written) -> Self {
        Schedule { kind: schedule, steps, warmup, decay }
    }
}

impl From<Schedule> for Written {
    fn from(Schedule { kind, steps, warmup, decay }: Schedule) -> Self {
        Written { schedule: kind, steps: Lengths { steps, warmup, decay } }
    }
}

impl Schedule {
    /// Share of the steps that decays (Hägele et al. 2024 find 20 % as good as cosine).
    pub const DECAY_SHARE: f64 = 0.2;

    /// Warm-up, stable, decay over `steps`, the last 20 % of them decaying. A warm-up that would
    /// reach into the decay is cut to end where the decay starts.
    pub fn wsd(steps: u64, warmup: u64) -> Self {
        let decay = ((steps as f64 * Self::DECAY_SHARE).round() as u64).clamp(1, steps.max(1));
        let warmup = warmup.min(steps.saturating_sub(decay));
        Schedule { kind: ScheduleKind::Wsd, steps, warmup, decay }
    }

    /// Step at which the rate begins to fall.
    pub fn branch(&self) -> u64 {
        self.steps - self.decay
    }

    /// Whether the lengths fit together. Those of a file may be any numbers.
    pub fn is_possible(&self) -> bool {
        let Schedule { steps, warmup, decay, .. } = *self;
        decay > 0 && decay <= steps && warmup <= steps - decay
    }

    /// Factor on the peak rate at `step` (from 0): positive throughout, 1 when stable.
    pub fn factor(&self, step: u64) -> f64 {
        let warming = match self.warmup {
            0 => 1.0,
            warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
        };
        let left = self.steps.saturating_sub(step);
        let decaying = (left as f64 / (self.decay + 1) as f64).min(1.0);
        warming * decaying
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_steps_rise_stay_and_fall() {
        let schedule = Schedule::wsd(10, 2);
        let factors: Vec<_> = (0..10).map(|step| (schedule.factor(step) * 300.0).round()).collect();
        assert_eq!(factors, [150.0, 300., 300., 300., 300., 300., 300., 300., 200., 100.]);
    }

    proptest! {
        #[test]
        fn a_longer_run_shares_the_steps_before_its_decay(steps in 10u64..2000, warmup in 0u64..50) {
            let (short, long) = (Schedule::wsd(steps, warmup.min(steps / 2)), Schedule::wsd(steps * 3, warmup.min(steps / 2)));
            for step in 0..steps - short.decay {
                prop_assert_eq!(short.factor(step), long.factor(step));
            }
        }

        #[test]
        fn the_factor_stays_between_nothing_and_one(steps in 1u64..3000, warmup in 0u64..4000, at in 0.0..1.0f64) {
            let schedule = Schedule::wsd(steps, warmup);
            let factor = schedule.factor((at * steps as f64) as u64);
            prop_assert!(factor > 0.0 && factor <= 1.0);
        }
    }
}
