//! The width of the middle of a feed-forward network over that of the stream.

use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// A width over that of the stream: finite and above 0.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ratio(f64);

/// Why a number is no ratio.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a width cannot be {0} times that of the stream: give a number from 1/16 to 64")]
pub struct RatioError(f64);

/// Widths that are no whole number are rounded to a multiple of this.
const STEP: f64 = 8.0;

impl Ratio {
    /// The width for a stream of width `d_model`: the product where it is a whole number, else the nearest
    /// multiple of 8, and at least 8.
    pub fn width(self, d_model: usize) -> usize {
        let exact = self.0 * d_model as f64;
        let whole = exact.round();
        match (exact - whole).abs() < 1e-9 * exact && whole >= 1.0 {
            true => whole as usize,
            false => ((exact / STEP).round() * STEP).max(STEP) as usize,
        }
    }

    /// As a number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = RatioError;

    fn try_from(value: f64) -> Result<Self, RatioError> {
        match (1.0 / 16.0..=64.0).contains(&value) {
            true => Ok(Ratio(value)),
            false => Err(RatioError(value)),
        }
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> f64 {
        ratio.0
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Ratio {}

impl Hash for Ratio {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_widths_are_taken_as_they_are_and_others_in_steps_of_eight() {
        let width = |ratio: f64, d| Ratio::try_from(ratio).unwrap().width(d);
        assert_eq!([width(4.0, 20), width(0.5, 20), width(8.0 / 3.0, 48)], [80, 10, 128]);
        assert_eq!([width(8.0 / 3.0, 64), width(8.0 / 3.0, 20), width(0.3, 8)], [168, 56, 8]);
    }

    #[test]
    fn what_is_no_width_is_refused() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 65.0, 0.01] {
            assert!(Ratio::try_from(value).is_err(), "{value}");
        }
    }
}
