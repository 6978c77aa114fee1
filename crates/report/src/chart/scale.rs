//! Axes: which values they span and where on a panel a value lies.
//!
//! The place of a value comes from the coordinates of plotters, which are known to this file alone.

use crate::chart::ticks::{Ticks, linear_ticks, log_ticks};
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{IntoLogRange, LogCoord};

/// Length of an axis in pixels of plotters, which are whole: so many that none of them shows.
const STEPS: i32 = 1 << 30;

/// An axis from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    Log {
        low: f64,
        high: f64,
    },
    Linear {
        low: f64,
        high: f64,
    },
    /// Named rows, the first on top. Row `k` has the value `k`.
    Rows {
        count: usize,
    },
}

impl Scale {
    /// A logarithmic axis over the positive values, widened at each end by a share of its length.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>, pads: (f64, f64)) -> Scale {
        let (low, high) = extent(values.into_iter().filter(|v| *v > 0.0).map(f64::ln))
            .unwrap_or((0.0, std::f64::consts::LN_10));
        // A single value gets a decade around it.
        let (low, high) = if high - low < 1e-6 { (low - 1.15, high + 1.15) } else { (low, high) };
        let span = high - low;
        Scale::Log {
            low: (low - pads.0 * span).exp().max(f64::MIN_POSITIVE),
            high: (high + pads.1 * span).exp().min(f64::MAX),
        }
    }

    /// A logarithmic axis as [`Scale::log`] makes it, over a factor of at least four, so that equal
    /// compute looks equal.
    pub(crate) fn wide_log(values: impl IntoIterator<Item = f64>, pads: (f64, f64)) -> Scale {
        Scale::log_over(4.0, values, pads)
    }

    /// A logarithmic axis as [`Scale::log`] makes it, over a decade at least, so that labels of powers of ten
    /// do not touch.
    pub(crate) fn decade(values: impl IntoIterator<Item = f64>, pads: (f64, f64)) -> Scale {
        Scale::log_over(10.0, values, pads)
    }

    fn log_over(least: f64, values: impl IntoIterator<Item = f64>, pads: (f64, f64)) -> Scale {
        let values: Vec<f64> = values.into_iter().filter(|v| *v > 0.0 && v.is_finite()).collect();
        let Some((low, high)) = extent(values.iter().copied()) else {
            return Scale::log([], pads);
        };
        let (middle, reach) = ((low * high).sqrt(), (high / low).sqrt().max(least.sqrt()));
        Scale::log([middle / reach, middle * reach], pads)
    }

    /// A linear axis over the values, widened at each end by a share of its length.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>, pads: (f64, f64)) -> Scale {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let lone = high - low < 1e-9 * high.abs().max(1e-9);
        let (low, high) = if lone { (low - 0.5, high + 0.5) } else { (low, high) };
        let span = high - low;
        Scale::Linear { low: low - pads.0 * span, high: high + pads.1 * span }
    }

    pub(crate) fn bounds(self) -> (f64, f64) {
        match self {
            Scale::Log { low, high } | Scale::Linear { low, high } => (low, high),
            Scale::Rows { count } => (-0.6, count as f64 - 0.4),
        }
    }

    pub(crate) fn holds(self, value: f64) -> bool {
        let (low, high) = self.bounds();
        value >= low && value <= high
    }

    pub(crate) fn ticks(self) -> Ticks {
        match self {
            Scale::Log { low, high } => log_ticks(low, high),
            Scale::Linear { low, high } => linear_ticks(low, high),
            Scale::Rows { count } => {
                Ticks { major: (0..count).map(|k| k as f64).collect(), minor: Vec::new() }
            }
        }
    }

    /// Values at `count` positions that are evenly spaced on the axis, both ends included.
    pub(crate) fn between(self, from: f64, to: f64, count: usize) -> Vec<f64> {
        let share = |k: usize| k as f64 / (count - 1) as f64;
        (0..count)
            .map(|k| match self {
                Scale::Log { .. } => (from.ln() + (to / from).ln() * share(k)).exp(),
                Scale::Linear { .. } | Scale::Rows { .. } => from + (to - from) * share(k),
            })
            .collect()
    }

    /// Where a value lies between the positions of the lower and the upper end: CSS pixels, to the
    /// tenth that a figure is written to.
    pub(crate) fn place(self, value: f64, ends: (f64, f64)) -> f64 {
        let (low, high) = self.bounds();
        let whole = (0, STEPS);
        let step = match self {
            Scale::Log { .. } => LogCoord::from((low..high).log_scale()).map(&value, whole),
            Scale::Linear { .. } => RangedCoordf64::from(low..high).map(&value, whole),
            // The first row is the lowest value and stands on top.
            Scale::Rows { .. } => RangedCoordf64::from(high..low).map(&value, whole),
        };
        let share = f64::from(step) / f64::from(STEPS);
        ((ends.0 + (ends.1 - ends.0) * share) * 10.0).round() / 10.0
    }
}

fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |found, v| match found {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_log_axis_is_the_geometric_mean() {
        let axis = Scale::log([1.0, 100.0], (0.0, 0.0));
        assert_eq!(axis.place(10.0, (0.0, 100.0)), 50.0);
        assert_eq!(axis.place(10.0, (100.0, 0.0)), 50.0);
        assert_eq!(Scale::linear([0.0, 10.0], (0.0, 0.0)).place(2.5, (0.0, 100.0)), 25.0);
    }

    #[test]
    fn the_ends_of_an_axis_lie_at_its_ends_and_the_first_row_on_top() {
        let ends = (272.0, 30.0);
        for axis in [
            Scale::log([1e-12, 3e24], (0.02, 0.04)),
            Scale::log([2.0, 2.1], (0.0, 0.0)),
            Scale::linear([-3.0, 5.0], (0.1, 0.1)),
        ] {
            let (low, high) = axis.bounds();
            assert_eq!((axis.place(low, ends), axis.place(high, ends)), ends, "{axis:?}");
        }
        let rows = Scale::Rows { count: 3 };
        let places = [0.0, 1.0, 2.0].map(|k| rows.place(k, ends));
        assert!(30.0 < places[0] && places[0] < places[1] && places[1] < places[2], "{places:?}");
        assert!(places[2] < 272.0, "{places:?}");
    }

    #[test]
    fn a_value_beyond_an_axis_or_on_a_very_long_one_lies_on_its_own_side() {
        let axis = Scale::linear([0.0, 1.0], (0.0, 0.0));
        for (value, far) in [(1e300, 500.0), (f64::INFINITY, 299.0), (-1e300, -500.0)] {
            let place = axis.place(value, (0.0, 300.0));
            assert!(if far > 0.0 { place > far } else { place < far }, "{value}: {place}");
        }
        assert_eq!(axis.place(0.5, (0.0, 1e6)), 5e5);
        assert_eq!(axis.place(0.25, (1e6, 0.0)), 7.5e5);
        let log = Scale::log([1e-300, 1e300], (0.0, 0.0));
        assert_eq!(log.place(1.0, (0.0, 1e5)), 5e4);
    }

    #[test]
    fn an_axis_over_nothing_or_one_value_still_has_a_length() {
        for axis in [
            Scale::log([], (0.1, 0.1)),
            Scale::log([5.0], (0.1, 0.1)),
            Scale::log([-1.0, f64::NAN], (0.1, 0.1)),
            Scale::linear([2.0, 2.0], (0.1, 0.1)),
        ] {
            let (low, high) = axis.bounds();
            assert!(high > low && low.is_finite() && high.is_finite(), "{axis:?}");
            assert!(!axis.ticks().major.is_empty(), "{axis:?}");
        }
    }
}
