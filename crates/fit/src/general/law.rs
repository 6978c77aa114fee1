//! Laws that are not sums of two free powers: formula, parameters, source.
//!
//! Inside, a law is written in logarithms less their means and in parameters of order one: levels
//! (ln of a loss at the centre of the rows), logarithms of exponents, places of breaks.

use super::dual::Real;
use crate::error::FitError;
use crate::output::Axis;
use crate::point::Point;

/// A law of this module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GeneralLaw {
    /// `L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D` (Kaplan et al. 2020, eq. 1.5), with or
    /// without `E +`.
    Kaplan {
        /// Whether there is an E.
        offset: bool,
    },
    /// `L = E + A N^-alpha + B D^-alpha`: Chinchilla with one exponent.
    Tied,
    /// `L = E + A N^-alpha + B D^-beta` with E given.
    Pinned(f64),
    /// `L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta`, `M = D / N` (Gadre et al. 2024).
    OverTraining,
    /// `L = E + A N'^-alpha + B D'^-beta` with effective parameters and tokens under repetition
    /// (Muennighoff et al. 2023, eq. 5 and 6).
    DataConstrained,
    /// `L = a + b X^-c0 prod_i (1 + (X/d_i)^(1/f_i))^(-c_i f_i)` with one to three breaks (Caballero
    /// et al. 2022, eq. 1).
    Broken(usize, Axis),
    /// `L = b (1/X + g)^c` (Alabdulmohsin et al. 2022, M3).
    M3(Axis),
    /// `(L - e) / (y0 - L)^a = b X^-c` (Alabdulmohsin et al. 2022, M4).
    M4(Axis),
}

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

/// Names in the order of `--list`; a law of one variable needs `--x`.
const NAMES: &[(&str, &str)] = &[
    (
        "kaplan",
        "L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D; Kaplan et al. 2020, eq. 1.5",
    ),
    ("kaplan-offset", "the same and E"),
    (
        "chinchilla-tied",
        "L = E + A N^-alpha + B D^-alpha; Hoffmann et al. 2022 with one exponent",
    ),
    (
        "chinchilla-pinned:E",
        "L = E + A N^-alpha + B D^-beta with E given, as in chinchilla-pinned:1.69",
    ),
    (
        "over-training",
        "L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta, M = D/N; Gadre et al. 2024",
    ),
    (
        "data-constrained",
        "L = E + A N'^-alpha + B D'^-beta, N' and D' under repetition; Muennighoff et al. 2023",
    ),
    (
        "broken-1, broken-2, broken-3",
        "L = a + b X^-c0 prod (1 + (X/d_i)^(1/f_i))^(-c_i f_i); Caballero et al. 2022",
    ),
    (
        "m3",
        "L = b (1/X + g)^c; Alabdulmohsin et al. 2022 (M1 is power, M2 power-offset)",
    ),
    (
        "m4",
        "(L - e) / (y0 - L)^a = b X^-c; Alabdulmohsin et al. 2022",
    ),
];

impl GeneralLaw {
    /// Names and one-line descriptions of all.
    pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
        NAMES.iter().copied()
    }

    /// Reads a name; `None` if it is none of these.
    ///
    /// # Errors
    /// A law of one variable without its axis, or an E that is no positive number.
    pub fn parse(name: &str, axis: Option<Axis>) -> Result<Option<Self>, FitError> {
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        let one = |law: &'static str, of: fn(Axis) -> GeneralLaw| match axis {
            Some(axis) => Ok(Some(of(axis))),
            None => Err(FitError::AxisRequired { law }),
        };
        match name.as_str() {
            "kaplan" => Ok(Some(GeneralLaw::Kaplan { offset: false })),
            "kaplan-offset" => Ok(Some(GeneralLaw::Kaplan { offset: true })),
            "chinchilla-tied" => Ok(Some(GeneralLaw::Tied)),
            "over-training" => Ok(Some(GeneralLaw::OverTraining)),
            "data-constrained" => Ok(Some(GeneralLaw::DataConstrained)),
            "broken-1" => one("broken-1", |axis| GeneralLaw::Broken(1, axis)),
            "broken-2" => one("broken-2", |axis| GeneralLaw::Broken(2, axis)),
            "broken-3" => one("broken-3", |axis| GeneralLaw::Broken(3, axis)),
            "m3" => one("m3", GeneralLaw::M3),
            "m4" => one("m4", GeneralLaw::M4),
            _ => match name
                .strip_prefix("chinchilla-pinned:")
                .map(str::parse::<f64>)
            {
                Some(Ok(e)) if e.is_finite() && e > 0.0 => Ok(Some(GeneralLaw::Pinned(e))),
                Some(_) => Err(FitError::UnknownLaw { name }),
                None => Ok(None),
            },
        }
    }

    /// As [`GeneralLaw::parse`] reads it.
    pub fn name(self) -> String {
        match self {
            GeneralLaw::Kaplan { offset: false } => "kaplan".into(),
            GeneralLaw::Kaplan { offset: true } => "kaplan-offset".into(),
            GeneralLaw::Tied => "chinchilla-tied".into(),
            GeneralLaw::Pinned(e) => format!("chinchilla-pinned:{e}"),
            GeneralLaw::OverTraining => "over-training".into(),
            GeneralLaw::DataConstrained => "data-constrained".into(),
            GeneralLaw::Broken(breaks, _) => format!("broken-{breaks}"),
            GeneralLaw::M3(_) => "m3".into(),
            GeneralLaw::M4(_) => "m4".into(),
        }
    }

    /// The formula in plain text.
    pub fn formula(self) -> String {
        match self {
            GeneralLaw::Kaplan { offset } => {
                let e = if offset { "E + " } else { "" };
                format!("L = {e}[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D")
            }
            GeneralLaw::Tied => "L = E + A N^-alpha + B D^-alpha".into(),
            GeneralLaw::Pinned(e) => format!("L = {e} + A N^-alpha + B D^-beta"),
            GeneralLaw::OverTraining => {
                "L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta, M = D/N".into()
            }
            GeneralLaw::DataConstrained => {
                "L = E + A N'^-alpha + B D'^-beta, D' = U (1 + R_D (1 - exp(-(D/U - 1)/R_D)))"
                    .into()
            }
            GeneralLaw::Broken(_, axis) => {
                format!("L = a + b {axis:?}^-c0 prod (1 + ({axis:?}/d_i)^(1/f_i))^(-c_i f_i)")
            }
            GeneralLaw::M3(axis) => format!("L = b (1/{axis:?} + g)^c"),
            GeneralLaw::M4(axis) => format!("(L - e) / (y0 - L)^a = b {axis:?}^-c"),
        }
    }

    /// The variable of a law of one variable.
    pub fn axis(self) -> Option<Axis> {
        match self {
            GeneralLaw::Broken(_, axis) | GeneralLaw::M3(axis) | GeneralLaw::M4(axis) => Some(axis),
            _ => None,
        }
    }

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

    /// Names of the natural parameters.
    pub fn names(self) -> Vec<String> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match self {
            GeneralLaw::Kaplan { offset: false } => names(&["N_c", "alpha_N", "D_c", "alpha_D"]),
            GeneralLaw::Kaplan { offset: true } => {
                names(&["N_c", "alpha_N", "D_c", "alpha_D", "E"])
            }
            GeneralLaw::Tied => names(&["E", "A", "B", "alpha"]),
            GeneralLaw::Pinned(_) => names(&["A", "alpha", "B", "beta"]),
            GeneralLaw::OverTraining => names(&["E", "alpha", "beta", "eta"]),
            GeneralLaw::DataConstrained => names(&["E", "A", "alpha", "B", "beta", "R_D", "R_N"]),
            GeneralLaw::Broken(breaks, _) => {
                let mut all: Vec<String> = names(&["a", "b", "c0"]);
                (1..=breaks)
                    .for_each(|i| all.extend(["c", "d", "f"].map(|part| format!("{part}{i}"))));
                all
            }
            GeneralLaw::M3(_) => names(&["b", "c", "g"]),
            GeneralLaw::M4(_) => names(&["e", "y0", "a", "b", "c"]),
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
