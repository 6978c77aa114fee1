//! The learning rate as a function of the step.

use serde::{Deserialize, Serialize};

/// Shape of the learning rate over a run. All begin with a linear warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// A constant stretch, then linear decay to zero (Hu et al. 2024, MiniCPM; Hägele et al. 2024).
    #[default]
    Wsd,
    /// Half a period of a cosine from the end of the warm-up to zero at the end of the run
    /// (Loshchilov & Hutter 2017).
    Cosine,
    /// Linear decay from the end of the warm-up to zero at the end of the run.
    Linear,
    /// No decay.
    Constant,
}

impl ScheduleKind {
    /// Name in a sweep file.
    pub fn name(self) -> &'static str {
        match self {
            ScheduleKind::Wsd => "wsd",
            ScheduleKind::Cosine => "cosine",
            ScheduleKind::Linear => "linear",
            ScheduleKind::Constant => "constant",
        }
    }

    /// Whether runs that differ in length alone have the same rates until that of the shorter one
    /// falls, so that they can share a trunk.
    pub fn has_trunk(self) -> bool {
        matches!(self, ScheduleKind::Wsd | ScheduleKind::Constant)
    }
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
    /// Usual share of the steps that decays (Hägele et al. 2024 find 20 % as good as cosine).
    pub const DECAY_SHARE: f64 = 0.2;

    /// A schedule over `steps`. Of a shape with a constant stretch, the last `decay` steps decay; of
    /// one that decays from its warm-up on, at least so many. A warm-up that would reach into them
    /// is cut to end where they start.
    pub fn new(kind: ScheduleKind, steps: u64, warmup: u64, decay: u64) -> Self {
        let least = match kind {
            ScheduleKind::Constant => 0,
            _ => decay.min(steps),
        };
        let warmup = warmup.min(steps - least);
        let decay = match kind {
            ScheduleKind::Cosine | ScheduleKind::Linear => steps - warmup,
            ScheduleKind::Wsd | ScheduleKind::Constant => least,
        };
        Schedule { kind, steps, warmup, decay }
    }

    /// Warm-up, stable, decay over `steps`, the last 20 % of them decaying.
    pub fn wsd(steps: u64, warmup: u64) -> Self {
        Self::new(ScheduleKind::Wsd, steps, warmup, Self::share(steps, Self::DECAY_SHARE))
    }

    /// A share of `steps` in whole steps, at least one.
    pub fn share(steps: u64, share: f64) -> u64 {
        ((steps as f64 * share).round() as u64).clamp(1, steps.max(1))
    }

    /// Step at which the rate begins to fall.
    pub fn branch(&self) -> u64 {
        self.steps - self.decay
    }

    /// Whether the lengths fit together and to the shape. Those of a file may be any numbers.
    pub fn is_possible(&self) -> bool {
        let Schedule { kind, steps, warmup, decay } = *self;
        let of_kind = match kind {
            ScheduleKind::Wsd => decay > 0,
            ScheduleKind::Cosine | ScheduleKind::Linear => {
                decay > 0 && Some(warmup) == steps.checked_sub(decay)
            }
            ScheduleKind::Constant => decay == 0,
        };
        steps > 0 && of_kind && decay <= steps && warmup <= steps - decay
    }

    /// Factor on the peak rate at `step` (from 0): positive throughout, 1 when stable.
    pub fn factor(&self, step: u64) -> f64 {
        let warming = match self.warmup {
            0 => 1.0,
            warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
        };
        let left = self.steps.saturating_sub(step);
        let left = (left as f64 / (self.decay + 1) as f64).min(1.0);
        let decaying = match self.kind {
            ScheduleKind::Wsd | ScheduleKind::Linear => left,
            // (1 + cos(pi (1 - left))) / 2, without the cancellation near the end.
            ScheduleKind::Cosine => (std::f64::consts::FRAC_PI_2 * left).sin().powi(2),
            ScheduleKind::Constant => 1.0,
        };
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

    const KINDS: [ScheduleKind; 4] =
        [ScheduleKind::Wsd, ScheduleKind::Cosine, ScheduleKind::Linear, ScheduleKind::Constant];

    fn factors(schedule: &Schedule) -> Vec<f64> {
        (0..schedule.steps).map(|step| schedule.factor(step)).collect()
    }

    /// After a warm-up of 20 steps, the share of the decay that is left before step s of 100 is
    /// (100 - s) / 81.
    #[test]
    fn every_shape_is_its_closed_form() {
        let left = |step: f64| (100.0 - step) / 81.0;
        let closed: [(ScheduleKind, &dyn Fn(f64) -> f64); 4] = [
            (ScheduleKind::Wsd, &|step| ((100.0 - step) / 31.0).min(1.0)),
            (ScheduleKind::Cosine, &|step| {
                0.5 * (1.0 + (std::f64::consts::PI * (1.0 - left(step))).cos())
            }),
            (ScheduleKind::Linear, &left),
            (ScheduleKind::Constant, &|_| 1.0),
        ];
        for (kind, after) in closed {
            let schedule = Schedule::new(kind, 100, 20, 30);
            for (step, found) in factors(&schedule).into_iter().enumerate() {
                let at = step as f64;
                let expected = if step < 20 { (at + 1.0) / 20.0 } else { after(at) };
                assert!((found - expected).abs() < 1e-12, "{kind:?} {step}: {found} {expected}");
            }
        }
    }

    #[test]
    fn no_shape_jumps() {
        for kind in KINDS {
            let factors = factors(&Schedule::new(kind, 1000, 100, 200));
            for (step, pair) in factors.windows(2).enumerate() {
                assert!((pair[1] - pair[0]).abs() < 0.0101, "{kind:?} at {step}: {pair:?}");
            }
            assert!(factors[0] <= 0.01, "{kind:?}");
            assert_eq!(factors[999] < 0.01, kind != ScheduleKind::Constant, "{kind:?}");
            let top = factors.iter().copied().fold(0.0, f64::max);
            assert!((top - 1.0).abs() < 2e-3, "{kind:?}: {top}");
        }
    }

    #[test]
    fn the_lengths_of_another_shape_are_not_possible() {
        for kind in KINDS {
            let made = Schedule::new(kind, 50, 7, 10);
            assert!(made.is_possible(), "{made:?}");
            assert_eq!(made.branch(), [40, 7, 7, 50][kind as usize]);
            for decay in [0, 10, 42, 43, 44, 50, 51, u64::MAX] {
                let other = Schedule { decay, ..made };
                let same_shape = kind == ScheduleKind::Wsd && (1..=43).contains(&decay);
                let possible = decay == made.decay || same_shape;
                assert_eq!(other.is_possible(), possible, "{other:?}");
            }
            assert!(!Schedule { steps: 0, warmup: 0, decay: 0, kind }.is_possible());
        }
    }

    proptest! {
        #[test]
        fn a_longer_run_of_a_shape_with_a_trunk_has_the_same_rates_before_the_decay(
            steps in 10u64..2000, warmup in 0u64..50, decay in 1u64..5,
        ) {
            for kind in KINDS.into_iter().filter(|kind| kind.has_trunk()) {
                let of = |steps| Schedule::new(kind, steps, warmup.min(5), decay);
                let (short, long) = (of(steps), of(steps * 3));
                for step in 0..short.branch() {
                    prop_assert_eq!(short.factor(step), long.factor(step));
                }
            }
        }

        #[test]
        fn the_factor_stays_between_nothing_and_one(
            steps in 1u64..3000, warmup in 0u64..4000, decay in 1u64..4000, at in 0.0..1.0f64,
        ) {
            for kind in KINDS {
                let schedule = Schedule::new(kind, steps, warmup, decay);
                prop_assert!(schedule.is_possible(), "{:?}", schedule);
                let factor = schedule.factor((at * steps as f64) as u64);
                prop_assert!(factor > 0.0 && factor <= 1.0, "{:?}: {}", schedule, factor);
            }
        }
    }
}
