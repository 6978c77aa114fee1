//! Laws that are not sums of two free powers: names, formulas for people, parameters, sources.

use crate::error::FitError;
use crate::output::Axis;

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
}
