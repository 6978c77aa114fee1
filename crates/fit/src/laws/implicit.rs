//! Losses that stand on both sides of their law: roots found in plain numbers, with derivatives added.

use crate::jet::Scalar;

/// A root found in plain numbers, followed by two of Newton's steps in which the parameters' derivatives
/// appear, first and second (implicit functions; each step doubles the order).
pub(super) fn with_derivatives<R: Scalar>(root: f64, miss_and_slope: impl Fn(R) -> (R, R)) -> R {
    let mut y = R::constant(root);
    for _ in 0..2 {
        let (miss, slope) = miss_and_slope(y);
        y = y - miss / slope;
    }
    y
}

/// The zero of a function that falls everywhere, given with minus its slope: Newton's steps kept
/// between the points known to lie on either side. NaN where it has none within 700.
pub(super) fn falling_root(of: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high) = (-700.0f64, 700.0f64);
    let mut at = 0.0f64;
    for _ in 0..100 {
        let (value, fall) = of(at);
        match value {
            _ if value.is_nan() => return f64::NAN,
            0.0.. => low = at,
            _ => high = at,
        }
        let step = value / fall;
        if step.abs() < 1e-14 * (1.0 + at.abs()) {
            return at;
        }
        at = match at + step {
            next if next > low && next < high => next,
            _ => f64::midpoint(low, high),
        };
    }
    at
}
