//! Straight lines through logarithms.

use crate::intervals::TAIL;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A line by least squares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) slope: f64,
    /// Sum of the squares that the line leaves.
    pub(super) left: f64,
    /// Share of the squares about the mean that the line explains.
    pub(super) r_squared: f64,
    /// Half of the interval of the slope under independent errors of one size.
    pub(super) half_width: f64,
}

impl Line {
    /// The line through points; there are at least three, and two of them differ in x.
    pub(super) fn through(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
        let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|p| of(p.0 - x, p.1 - y)).sum()
        };
        let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        let slope = xy / xx;
        let left = sum(&|x, y| (y - slope * x).powi(2));
        let freedom = count - 2.0;
        Line {
            slope,
            left,
            r_squared: 1.0 - left / yy,
            half_width: student(freedom) * (left / freedom / xx).sqrt(),
        }
    }
}

/// End of an interval of Student's distribution, in standard errors.
pub(super) fn student(freedom: f64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, freedom).expect("degrees are positive");
    student.inverse_cdf(1.0 - TAIL)
}
