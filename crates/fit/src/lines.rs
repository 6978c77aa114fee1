//! Lines through optima in ln C: what each approach to the best size ends in.

use crate::intervals::estimate;
use crate::output::{Approach, Counting, Estimate, Optimum, Remarks};
use crate::parabola::log_line;

/// Slope and intercept of ln N* and of ln D* against ln C.
pub(crate) type Pair = [(f64, f64); 2];

/// The lines through some optima under both counts of compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    /// The lines in C as the rows have it.
    pub(crate) given: Pair,
    /// The lines in C = 6 N D; none where all optima have one such C.
    pub(crate) six_nd: Option<Pair>,
}

/// The lines through some optima; none below two different C.
pub(crate) fn lines(optima: &[Optimum]) -> Option<Lines> {
    let through = |c: fn(&Optimum) -> f64| -> Option<Pair> {
        let line = |of: fn(&Optimum) -> f64| {
            let points: Vec<(f64, f64)> = optima.iter().map(|at| (c(at), of(at))).collect();
            log_line(&points)
        };
        Some([line(|at| at.n)?, line(|at| at.d)?])
    };
    Some(Lines { given: through(|at| at.c)?, six_nd: through(|at| 6.0 * at.n * at.d) })
}

/// Share by which two counts of compute must differ to be two.
const SAME_COUNT: f64 = 0.01;

/// The exponents of some optima under C = 6 N D; none where that is what their C is.
pub(crate) fn six_nd(optima: &[Optimum], found: &Lines, replicates: &[Lines]) -> Option<Counting> {
    let off = |at: &Optimum| (at.c / (6.0 * at.n * at.d) - 1.0).abs() > SAME_COUNT;
    let pair = found.six_nd.filter(|_| optima.iter().any(off))?;
    let drawn: Vec<Pair> = replicates.iter().filter_map(|lines| lines.six_nd).collect();
    let exponent = |of: usize| {
        let slopes: Vec<f64> = drawn.iter().map(|pair| pair[of].0).collect();
        told(estimate(pair[of].0, &slopes))
    };
    Some(Counting {
        n_exponent: exponent(0),
        n_log_coefficient: pair[0].1,
        d_exponent: exponent(1),
        d_log_coefficient: pair[1].1,
    })
}

/// The exponent, marked as not identified where its interval is wider than twice its value.
fn told(exponent: Estimate) -> Estimate {
    let width = exponent.low.zip(exponent.high).map(|(low, high)| high - low);
    Estimate {
        identified: width.is_none_or(|width| width <= 2.0 * exponent.value.abs()),
        ..exponent
    }
}

/// An approach from its optima and those of its replicates.
pub(crate) fn from_optima(
    name: &str,
    words: String,
    optima: Vec<Optimum>,
    replicates: &[Lines],
    intervals: Option<String>,
    remarks: Remarks,
) -> Option<Approach> {
    let found = lines(&optima)?;
    let exponent = |of: usize| {
        let slopes: Vec<f64> = replicates.iter().map(|r| r.given[of].0).collect();
        told(estimate(found.given[of].0, &slopes))
    };
    Some(Approach {
        name: name.into(),
        words,
        n_exponent: Some(exponent(0)),
        n_log_coefficient: Some(found.given[0].1),
        d_exponent: Some(exponent(1)),
        d_log_coefficient: Some(found.given[1].1),
        six_nd: six_nd(&optima, &found, replicates),
        optima,
        intervals: intervals.filter(|_| !replicates.is_empty()),
        remarks,
    })
}

impl Approach {
    /// Marks every exponent as not identified by the rows.
    pub(crate) fn doubt(&mut self) {
        let six = self.six_nd.iter_mut();
        let six = six.flat_map(|c| [&mut c.n_exponent, &mut c.d_exponent]);
        let own = self.n_exponent.iter_mut().chain(&mut self.d_exponent);
        own.chain(six).for_each(|found| found.identified = false);
    }
}
