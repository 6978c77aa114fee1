//! The power law of correlations by distance.

use super::straight::Line;
use super::{Correlated, Decay, estimate};

/// Standard errors that a strength has to have; its logarithm is then known to a fifth.
const CLEAR: f64 = 5.0;

/// Smallest number of distances of a fit.
const FEWEST: usize = 6;

/// Smallest ratio of the last distance to the first.
const SHORTEST: f64 = 10.0;

/// Smallest share of the variance that the line explains.
const STRAIGHT: f64 = 0.9;

/// Largest ratio of the slopes of the two halves of the range.
const BENT: f64 = 2.0;

/// The decay of the strength with the distance, or why there is none.
pub(super) fn decay(all: &[Correlated]) -> Result<Decay, String> {
    let Some(first) = all.first() else {
        return Err("the text is too short for correlations to be measured".to_owned());
    };
    let is_clear = |c: &&Correlated| c.strength > CLEAR * c.standard_error && c.strength > 0.0;
    let clear: Vec<(f64, f64)> =
        all.iter().take_while(is_clear).map(|c| (c.distance, c.strength.ln())).collect();
    let Some(&(to, _)) = clear.last() else {
        return Err(format!(
            "at a distance of {} the correlation is less than {CLEAR} standard errors",
            first.distance
        ));
    };
    let from = first.distance;
    if clear.len() < FEWEST || to < SHORTEST * from {
        return Err(format!(
            "correlations stand {CLEAR} standard errors out at distances of {from} to {to} only, and a power law needs ten times the first"
        ));
    }
    let logarithms: Vec<(f64, f64)> = clear.iter().map(|(x, y)| (x.ln(), *y)).collect();
    let (power, exponential) = (Line::through(&logarithms), Line::through(&clear));
    let is_exponential = exponential.left < power.left && exponential.r_squared >= STRAIGHT;
    if is_exponential && exponential.slope < 0.0 {
        return Err(format!(
            "at distances of {from} to {to} correlations fall exponentially, to 1/e within {:.1} tokens, and a power law lies farther from them",
            -1.0 / exponential.slope
        ));
    }
    let middle = (from * to).sqrt().ln();
    let (near, far): (Vec<_>, Vec<_>) = logarithms.iter().partition(|(x, _)| *x <= middle);
    if near.len() < 3 || far.len() < 3 {
        return Err("too few distances were measured".to_owned());
    }
    let halves = [near, far].map(|half| -Line::through(&half).slope);
    let [low, high] = [f64::min, f64::max].map(|end| end(halves[0], halves[1]));
    let bends = low <= 0.0 || high > BENT * low;
    if bends || power.r_squared < STRAIGHT {
        return Err(format!(
            "correlations follow no one line at distances of {from} to {to}: the exponent is {:.2} up to {:.0} and {:.2} beyond (R2 {:.3})",
            halves[0],
            middle.exp(),
            halves[1],
            power.r_squared
        ));
    }
    let value = -power.slope;
    Ok(Decay {
        exponent: estimate(
            value,
            low.min(value - power.half_width),
            high.max(value + power.half_width),
        ),
        from,
        to,
        points: clear.len(),
        r_squared: power.r_squared,
    })
}
