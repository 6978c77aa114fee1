//! The formulas themselves, in logarithms less their means and in parameters of order one: levels
//! (ln of a loss at the centre of the rows), logarithms of exponents, places of breaks.

use super::dual::Real;
use super::law::GeneralLaw;
use crate::error::FitError;
use crate::output::Axis;
use crate::point::Point;

/// One row: centred logarithms.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) n: f64,
    pub(crate) d: f64,
    /// The variable of a law of one variable.
    pub(crate) x: f64,
    /// Distinct tokens, centred as `d`.
    pub(crate) u: f64,
}

/// What an inner parameter is, which says where to look for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// ln of a loss, or of a part of one.
    Level,
    /// ln of an exponent.
    Exponent,
    /// ln E.
    Floor,
    /// ln of y0 less the largest loss.
    Ceiling,
    /// Change of an exponent at a break: of either sign.
    Bend,
    /// Centred ln X of a break.
    Break,
    /// ln of a width.
    Width,
    /// ln of a count of repetitions.
    Repeats,
}

/// Means of the logarithms, and the largest loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Centre {
    pub(crate) n: f64,
    pub(crate) d: f64,
    pub(crate) x: f64,
    pub(crate) top: f64,
}

impl GeneralLaw {
    /// The logarithms of a row, not centred.
    pub(crate) fn place(self, point: &Point) -> Result<Place, FitError> {
        let need = |axis| match point.along(axis) {
            Some(value) => Ok(value.ln()),
            None => Err(FitError::Missing {
                label: point.label.clone(),
                column: crate::point::column_name(axis),
                law: "this law",
            }),
        };
        match self.axis() {
            Some(axis) => Ok(Place {
                x: need(axis)?,
                ..Place::default()
            }),
            None => {
                let (n, d) = (need(Axis::N)?, need(Axis::D)?);
                let u = d - point.epochs.unwrap_or(1.0).max(1.0).ln();
                Ok(Place { n, d, x: 0.0, u })
            }
        }
    }

    /// What the inner parameters are.
    pub(crate) fn kinds(self) -> Vec<Kind> {
        use Kind::{Bend, Break, Ceiling, Exponent, Floor, Level, Repeats, Width};
        match self {
            GeneralLaw::Kaplan { offset } => {
                let floor = offset.then_some(Floor);
                [Level, Exponent, Level, Exponent]
                    .into_iter()
                    .chain(floor)
                    .collect()
            }
            GeneralLaw::Tied | GeneralLaw::OverTraining => vec![Floor, Level, Level, Exponent],
            GeneralLaw::Pinned(_) => vec![Level, Exponent, Level, Exponent],
            GeneralLaw::DataConstrained => {
                vec![Floor, Level, Exponent, Level, Exponent, Repeats, Repeats]
            }
            GeneralLaw::Broken(breaks, _) => {
                let mut kinds = vec![Floor, Level, Exponent];
                (0..breaks).for_each(|_| kinds.extend([Bend, Break, Width]));
                kinds
            }
            GeneralLaw::M3(_) => vec![Level, Exponent, Break],
            GeneralLaw::M4(_) => vec![Floor, Ceiling, Exponent, Level, Exponent],
        }
    }

    /// Natural parameters from the inner ones.
    pub(crate) fn natural(self, t: &[f64], centre: &Centre) -> Vec<f64> {
        match self {
            GeneralLaw::Kaplan { .. } => {
                let (alpha_n, alpha_d) = (t[1].exp(), t[3].exp());
                let n_c = (centre.n + t[0] / alpha_n).exp();
                let d_c = (centre.d + t[2] / alpha_d).exp();
                let e = t.get(4).map(|e| e.exp());
                [n_c, alpha_n, d_c, alpha_d].into_iter().chain(e).collect()
            }
            GeneralLaw::Tied | GeneralLaw::OverTraining => {
                let alpha = t[3].exp();
                let (a, b) = (
                    (t[1] + alpha * centre.n).exp(),
                    (t[2] + alpha * centre.d).exp(),
                );
                let b = match self {
                    GeneralLaw::OverTraining => b * 6f64.powf(alpha / 2.0),
                    _ => b,
                };
                vec![t[0].exp(), a, b, alpha]
            }
            GeneralLaw::Pinned(_) => {
                let (alpha, beta) = (t[1].exp(), t[3].exp());
                vec![
                    (t[0] + alpha * centre.n).exp(),
                    alpha,
                    (t[2] + beta * centre.d).exp(),
                    beta,
                ]
            }
            GeneralLaw::DataConstrained => {
                let (alpha, beta) = (t[2].exp(), t[4].exp());
                vec![
                    t[0].exp(),
                    (t[1] + alpha * centre.n).exp(),
                    alpha,
                    (t[3] + beta * centre.d).exp(),
                    beta,
                    t[5].exp(),
                    t[6].exp(),
                ]
            }
            GeneralLaw::Broken(..) => {
                let c0 = t[2].exp();
                let mut all = vec![t[0].exp(), (t[1] + c0 * centre.x).exp(), c0];
                for part in t[3..].chunks(3) {
                    all.extend([part[0], (part[1] + centre.x).exp(), part[2].exp()]);
                }
                all
            }
            GeneralLaw::M3(_) => {
                let c = t[1].exp();
                vec![(t[0] + c * centre.x).exp(), c, (-t[2] - centre.x).exp()]
            }
            GeneralLaw::M4(_) => {
                let c = t[4].exp();
                vec![
                    t[0].exp(),
                    centre.top + t[1].exp(),
                    t[2].exp(),
                    (t[3] + c * centre.x).exp(),
                    c,
                ]
            }
        }
    }

    /// The loss.
    pub(crate) fn loss<R: Real>(self, t: &[R], at: &Place, centre: &Centre) -> R {
        let number = R::constant;
        let power = |level: R, exponent: R, x: f64| (level - exponent * number(x)).exp();
        match self {
            GeneralLaw::Kaplan { offset } => {
                let (alpha_n, alpha_d) = (t[1].exp(), t[3].exp());
                let first = (t[0] - alpha_n * number(at.n)) / alpha_d;
                let second = (t[2] - alpha_d * number(at.d)) / alpha_d;
                // ln(e^a + e^b) = a + ln(1 + e^(b - a))
                let sum = first + (second - first).softplus();
                let loss = (alpha_d * sum).exp();
                if offset { t[4].exp() + loss } else { loss }
            }
            GeneralLaw::Tied | GeneralLaw::OverTraining => {
                let alpha = t[3].exp();
                t[0].exp() + power(t[1], alpha, at.n) + power(t[2], alpha, at.d)
            }
            GeneralLaw::Pinned(e) => {
                number(e) + power(t[0], t[1].exp(), at.n) + power(t[2], t[3].exp(), at.d)
            }
            GeneralLaw::DataConstrained => {
                let (alpha, beta) = (t[2].exp(), t[4].exp());
                let tokens = repeated(number(at.u), at.d - at.u, t[5]);
                // The size that is optimal for the distinct tokens under the law without repetition.
                let g = (alpha.ln() + t[1] + alpha * number(centre.n)
                    - beta.ln()
                    - t[3]
                    - beta * number(centre.d))
                    / (alpha + beta);
                let best = g + (number(at.u + centre.d) + g) * beta / alpha - number(centre.n);
                let params = match best.value() < at.n {
                    true => {
                        let excess = number(at.n) - best;
                        best + saturated(excess.exp() - number(1.0), t[6])
                    }
                    false => number(at.n),
                };
                t[0].exp() + (t[1] - alpha * params).exp() + (t[3] - beta * tokens).exp()
            }
            GeneralLaw::Broken(..) => {
                let mut log = t[1] - t[2].exp() * number(at.x);
                for part in t[3..].chunks(3) {
                    let width = part[2].exp();
                    let beyond = (number(at.x) - part[1]) / width;
                    log = log - part[0] * width * beyond.softplus();
                }
                t[0].exp() + log.exp()
            }
            GeneralLaw::M3(_) => {
                // 1/X + g = e^-x + e^-t
                let log = -number(at.x) + (number(at.x) - t[2]).softplus();
                (t[0] + t[1].exp() * log).exp()
            }
            GeneralLaw::M4(_) => implicit(t, at.x, centre.top),
        }
    }
}

/// `ln(U (1 + R (1 - exp(-r / R))))` with `r = D/U - 1` repetitions.
fn repeated<R: Real>(ln_unique: R, ln_epochs: f64, ln_r: R) -> R {
    ln_unique + saturated(R::constant(ln_epochs.exp() - 1.0), ln_r)
}

/// `ln(1 + R (1 - exp(-r / R)))`
fn saturated<R: Real>(repeats: R, ln_r: R) -> R {
    let r = ln_r.exp();
    let one = R::constant(1.0);
    (one + r * (one - (-(repeats / r)).exp())).ln()
}

/// L of `ln(L - e) - a ln(y0 - L) = ln b - c x`, by bisection, then a step of Newton's in which the
/// parameters' derivatives appear (implicit function theorem).
fn implicit<R: Real>(t: &[R], x: f64, top: f64) -> R {
    let e = t[0].exp();
    let y0 = R::constant(top) + t[1].exp();
    let a = t[2].exp();
    let right = t[3] - t[4].exp() * R::constant(x);
    let (low, high) = (e.value(), y0.value());
    if low >= high {
        return R::constant(f64::NAN);
    }
    let left = |y: f64| (y - low).ln() - a.value() * (high - y).ln();
    let (mut below, mut above) = (0.0f64, 1.0f64);
    for _ in 0..60 {
        let middle = f64::midpoint(below, above);
        match left(low + (high - low) * middle) < right.value() {
            true => below = middle,
            false => above = middle,
        }
    }
    let y = R::constant(low + (high - low) * f64::midpoint(below, above));
    let slope = (y - e).value().recip() + a.value() / (y0 - y).value();
    let miss = (y - e).ln() - a * (y0 - y).ln() - right;
    y - miss / R::constant(slope)
}
