//! The formulas themselves, in logarithms less their means and in parameters of order one. Sums of
//! powers keep E and their coefficients as they are (they may be zero); all other laws are in levels
//! (ln of a loss at the centre of the rows), logarithms of exponents, places of breaks.

use super::{COORDINATES, Coordinate, Law};
use crate::error::FitError;
use crate::jet::Real;
use crate::output::Axis;
use crate::point::Point;

/// What an inner parameter is, which says where to look for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// ln of a loss, or of a part of one.
    Level,
    /// ln of an exponent.
    Exponent,
    /// ln E.
    Floor,
    /// E itself, where it may be zero.
    Offset,
    /// ln of y0 less the largest loss.
    Ceiling,
    /// Change of an exponent at a break, or a slope: of either sign.
    Bend,
    /// Centred ln X of a break, or of a batch.
    Break,
    /// ln of a width.
    Width,
    /// ln of a count of repetitions.
    Repeats,
    /// ln of a count of experts.
    Count,
}

/// Means of the logarithms, and the largest loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Centre {
    pub(crate) x: [f64; COORDINATES],
    pub(crate) top: f64,
}

impl Law {
    /// The logarithms of a row, not centred.
    pub(crate) fn place(self, point: &Point) -> Result<[f64; COORDINATES], FitError> {
        let missing =
            |column| FitError::Missing { label: point.label.clone(), column, law: self.name() };
        let need = |value: Option<f64>, column| value.ok_or_else(|| missing(column));
        let mut place = [0.0; COORDINATES];
        for (at, coordinate) in self.coordinates().iter().enumerate() {
            let value = match coordinate {
                Coordinate::Along(Axis::N) => need(point.n, "n")?,
                Coordinate::Along(Axis::D) => need(point.d, "d")?,
                Coordinate::Along(Axis::C) => need(point.c, "c")?,
                Coordinate::Unique => need(point.d, "d")? / point.epochs.unwrap_or(1.0).max(1.0),
                Coordinate::Batch => need(point.batch, "batch")?,
                Coordinate::Steps => need(point.d, "d")? / need(point.batch, "batch")?,
                Coordinate::Experts => need(point.experts, "experts")?,
            };
            place[at] = value.ln();
        }
        Ok(place)
    }

    /// Subtracts the means of the logarithms, where a coordinate has one.
    pub(crate) fn centre(self, places: &mut [[f64; COORDINATES]], losses: &[f64]) -> Centre {
        let mut centre =
            Centre { top: losses.iter().copied().fold(0.0, f64::max), ..Centre::default() };
        for (at, coordinate) in self.coordinates().iter().enumerate() {
            centre.x[at] = match coordinate {
                Coordinate::Experts => 0.0,
                Coordinate::Unique => centre.x[1],
                _ => places.iter().map(|x| x[at]).sum::<f64>() / places.len() as f64,
            };
        }
        for place in places {
            *place = Self::less(place, &centre);
        }
        centre
    }

    /// A place less the centre.
    pub(crate) fn less(place: &[f64; COORDINATES], centre: &Centre) -> [f64; COORDINATES] {
        std::array::from_fn(|at| place[at] - centre.x[at])
    }

    /// What the inner parameters of a law are that is no sum of powers.
    pub(crate) fn kinds(self) -> Vec<Kind> {
        use Kind::{Bend, Break, Ceiling, Count, Exponent, Floor, Level, Offset, Repeats, Width};
        match self {
            Law::Kaplan { offset } => {
                let e = offset.then_some(Offset);
                let parts = [Level, Exponent, Level, Exponent];
                parts.into_iter().chain(e).collect()
            }
            Law::CriticalBatch => vec![Level, Exponent, Level, Exponent, Break, Exponent],
            Law::DataConstrained => {
                vec![Offset, Level, Exponent, Level, Exponent, Repeats, Repeats]
            }
            Law::Broken(breaks, _) => {
                let mut kinds = vec![Floor, Level, Exponent];
                (0..breaks).for_each(|_| kinds.extend([Bend, Break, Width]));
                kinds
            }
            Law::M3(_) => vec![Level, Exponent, Break],
            Law::M4(_) => vec![Floor, Ceiling, Exponent, Level, Exponent],
            Law::Routed => vec![Bend, Bend, Bend, Level, Count, Count],
            _ => Vec::new(),
        }
    }

    /// The loss at a centred place.
    pub(crate) fn loss<R: Real>(self, t: &[R], x: &[f64; COORDINATES], centre: &Centre) -> R {
        let number = R::constant;
        let power = |level: R, exponent: R, x: f64| (level - exponent * number(x)).exp();
        match self {
            Law::Kaplan { offset } => {
                let (alpha_n, alpha_d) = (t[1].exp(), t[3].exp());
                let first = (t[0] - alpha_n * number(x[0])) / alpha_d;
                let second = (t[2] - alpha_d * number(x[1])) / alpha_d;
                // ln(e^a + e^b) = a + ln(1 + e^(b - a))
                let sum = first + (second - first).softplus();
                let loss = (alpha_d * sum).exp();
                if offset { t[4] + loss } else { loss }
            }
            Law::CriticalBatch => batch_limited(t, x),
            Law::DataConstrained => {
                let (alpha, beta) = (t[2].exp(), t[4].exp());
                let (n, d, unique) = (x[0], x[1], x[2]);
                let tokens = number(unique) + saturated(number((d - unique).exp() - 1.0), t[5]);
                // The size that is optimal for the distinct tokens under the law without repetition.
                let g = (alpha.ln() + t[1] + alpha * number(centre.x[0])
                    - beta.ln()
                    - t[3]
                    - beta * number(centre.x[1]))
                    / (alpha + beta);
                let best =
                    g + (number(unique + centre.x[1]) + g) * beta / alpha - number(centre.x[0]);
                let params = match best.value() < n {
                    true => {
                        let excess = number(n) - best;
                        best + saturated(excess.exp() - number(1.0), t[6])
                    }
                    false => number(n),
                };
                t[0] + (t[1] - alpha * params).exp() + (t[3] - beta * tokens).exp()
            }
            Law::Broken(..) => {
                let mut log = t[1] - t[2].exp() * number(x[0]);
                for part in t[3..].chunks(3) {
                    let width = part[2].exp();
                    let beyond = (number(x[0]) - part[1]) / width;
                    log = log - part[0] * width * beyond.softplus();
                }
                t[0].exp() + log.exp()
            }
            Law::M3(_) => {
                // 1/X + g = e^-x + e^-t
                let log = -number(x[0]) + (number(x[0]) - t[2]).softplus();
                (t[0] + t[1].exp() * log).exp()
            }
            Law::M4(_) => between(t, x[0], centre.top),
            Law::Routed => {
                let (start, most) = (t[4].exp(), t[4].exp() * (number(1.0) + t[5].exp()));
                let one = number(1.0);
                let shifted = number(x[1].exp() - 1.0) + one / (one / start - one / most);
                let effective = one / (one / shifted + one / most);
                let n = number(x[0]);
                (t[3] + t[0] * n + (t[1] + t[2] * n) * effective.ln()).exp()
            }
            _ => match self.form() {
                Some(form) => form.value(t, x),
                // Every law is a sum or has an arm above.
                None => power(t[0], t[1], x[0]),
            },
        }
    }
}

/// `ln(1 + R (1 - exp(-r / R)))`: what `r` repetitions add to the first pass.
fn saturated<R: Real>(repeats: R, ln_r: R) -> R {
    let r = ln_r.exp();
    let one = R::constant(1.0);
    (one + r * (one - (-(repeats / r)).exp())).ln()
}

/// A root found in plain numbers is followed by two of Newton's steps in which the parameters'
/// derivatives appear, first and second (implicit functions; each step doubles the order).
fn with_derivatives<R: Real>(root: f64, miss_and_slope: impl Fn(R) -> (R, R)) -> R {
    let mut y = R::constant(root);
    for _ in 0..2 {
        let (miss, slope) = miss_and_slope(y);
        y = y - miss / slope;
    }
    y
}

/// The zero of a function that falls everywhere, given with minus its slope: Newton's steps kept
/// between the points known to lie on either side. NaN where it has none within 700.
fn falling_root(of: impl Fn(f64) -> (f64, f64)) -> f64 {
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

/// L of `ln(L - e) - a ln(y0 - L) = ln b - c x`.
fn between<R: Real>(t: &[R], x: f64, top: f64) -> R {
    let e = t[0].exp();
    let y0 = R::constant(top) + t[1].exp();
    let a = t[2].exp();
    let right = t[3] - t[4].exp() * R::constant(x);
    let (low, high) = (e.value(), y0.value());
    if low >= high {
        return R::constant(f64::NAN);
    }
    let (span, power) = (high - low, a.value());
    // In u = ln((L - e) / (y0 - L)) the equation is nearly straight: L = (e + y0 e^u) / (1 + e^u).
    let miss = |u: f64| {
        let (below, above) = (-Real::softplus(-u), -Real::softplus(u));
        let value = below - power * above + (1.0 - power) * span.ln() - right.value();
        (value, above.exp() + power * below.exp())
    };
    let u = falling_root(|u| {
        let (value, slope) = miss(u);
        (-value, slope)
    });
    let root = low + span * (-Real::softplus(-u)).exp();
    with_derivatives(root, |y: R| {
        let miss = (y - e).ln() - a * (y0 - y).ln() - right;
        (miss, R::constant(1.0) / (y - e) + a / (y0 - y))
    })
}

/// L of `L = e^(t0 - alpha_N n) + e^(t2 + alpha_S (ln(1 + B_crit(L) / B) - s))`. The right side falls
/// with L, so there is one root.
fn batch_limited<R: Real>(t: &[R], x: &[f64; COORDINATES]) -> R {
    let one = R::constant(1.0);
    let (alpha_s, alpha_b) = (t[3].exp(), t[5].exp());
    let size = (t[0] - t[1].exp() * R::constant(x[0])).exp();
    // Value of the right side and minus its slope.
    let right = |y: R| {
        let excess = t[4] - y.ln() / alpha_b - R::constant(x[2]);
        let steps = (t[2] + alpha_s * (excess.softplus() - R::constant(x[1]))).exp();
        let share = one / (one + (-excess).exp());
        (size + steps, steps * alpha_s * share / (alpha_b * y))
    };
    // In ln L: ln of the right side less ln L falls everywhere.
    let root = falling_root(|ln_y| {
        let y = ln_y.exp();
        let excess = t[4].value() - ln_y / alpha_b.value() - x[2];
        let steps = (t[2].value() + alpha_s.value() * (Real::softplus(excess) - x[1])).exp();
        let both = size.value() + steps;
        let share = 1.0 / (1.0 + (-excess).exp());
        let fall = steps * alpha_s.value() * share / (alpha_b.value() * both);
        ((both / y).ln(), 1.0 + fall)
    });
    with_derivatives(root.exp(), |y: R| {
        let (value, fall) = right(y);
        (y - value, one + fall)
    })
}
