//! Names, formulas and sources of the laws, for people.

use super::Law;
use crate::error::FitError;
use crate::output::Axis;
use std::borrow::Cow;

/// Names in the order of `--list`, with formula and source. X is N, D or C.
const LIST: &[(&str, &str)] = &[
    (
        "power",
        "L = A X^-alpha, that is (X_c / X)^alpha; Kaplan et al. 2020, eq. 1.1 to 1.3; also m1",
    ),
    ("power-offset", "L = E + A X^-alpha; Henighan et al. 2020, eq. 1.1; also m2"),
    ("m3", "L = b (1/X + g)^c; Alabdulmohsin et al. 2022"),
    ("m4", "(L - e) / (y0 - L)^a = b X^-c; Alabdulmohsin et al. 2022"),
    (
        "broken-1, broken-2, broken-3",
        "L = a + b X^-c0 prod (1 + (X/d_i)^(1/f_i))^(-c_i f_i), one to three breaks; Caballero et al. 2022, eq. 1",
    ),
    ("chinchilla", "L = E + A N^-alpha + B D^-beta; Hoffmann et al. 2022, eq. 2"),
    ("chinchilla-tied", "L = E + A N^-alpha + B D^-alpha: the same with one exponent"),
    (
        "chinchilla-pinned:E",
        "L = E + A N^-alpha + B D^-beta with E given, as in chinchilla-pinned:1.69",
    ),
    (
        "over-training",
        "L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta, M = D/N; Gadre et al. 2024",
    ),
    ("kaplan", "L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D; Kaplan et al. 2020, eq. 1.5"),
    ("kaplan-offset", "the same and E"),
    (
        "learning-curve",
        "L = (N_c/N)^alpha_N + (S_c/S)^alpha_S, S = D / batch; Kaplan et al. 2020, eq. 1.6 far above the critical batch",
    ),
    (
        "critical-batch",
        "the same in S_min = S / (1 + B_crit(L)/B), B_crit = B_star L^(-1/alpha_B); Kaplan et al. 2020, sec. 5",
    ),
    (
        "data-constrained",
        "L = E + A N'^-alpha + B D'^-beta, N' and D' under repetition; Muennighoff et al. 2023, eq. 5 and 6",
    ),
    (
        "routed",
        "log L = a log N + b log E^ + c log N log E^ + d (decimal), E^ experts saturating; Clark et al. 2022",
    ),
];

impl Law {
    /// Names and one-line descriptions of all, in the order of `--list`.
    pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
        LIST.iter().copied()
    }

    /// Reads a name of [`Law::list`]; a law of one variable needs its axis.
    ///
    /// # Errors
    /// Another name, a law of one variable without its axis, or an E that is no positive number.
    pub fn parse(name: &str, axis: Option<Axis>) -> Result<Self, FitError> {
        let tidy = name.trim().to_ascii_lowercase().replace('_', "-");
        let one = |law: &'static str, of: fn(Axis) -> Law| match axis {
            Some(axis) => Ok(of(axis)),
            None => Err(FitError::AxisRequired { law }),
        };
        match tidy.as_str() {
            "power" | "m1" => one("power", Law::Power),
            "power-offset" | "m2" => one("power-offset", Law::PowerOffset),
            "m3" => one("m3", Law::M3),
            "m4" => one("m4", Law::M4),
            "broken-1" => one("broken-1", |axis| Law::Broken(1, axis)),
            "broken-2" => one("broken-2", |axis| Law::Broken(2, axis)),
            "broken-3" => one("broken-3", |axis| Law::Broken(3, axis)),
            "chinchilla" => Ok(Law::Chinchilla),
            "chinchilla-tied" => Ok(Law::Tied),
            "over-training" => Ok(Law::OverTraining),
            "kaplan" => Ok(Law::Kaplan { offset: false }),
            "kaplan-offset" => Ok(Law::Kaplan { offset: true }),
            "learning-curve" => Ok(Law::LearningCurve),
            "critical-batch" => Ok(Law::CriticalBatch),
            "data-constrained" => Ok(Law::DataConstrained),
            "routed" => Ok(Law::Routed),
            other => match other.strip_prefix("chinchilla-pinned") {
                Some(rest) => match rest.trim_start_matches(':').parse::<f64>() {
                    Ok(e) if e.is_finite() && e > 0.0 => Ok(Law::Pinned(e)),
                    _ => Err(FitError::PinnedWithoutE { name: name.to_owned() }),
                },
                None => Err(FitError::UnknownLaw { name: name.to_owned(), close: most_like(name) }),
            },
        }
    }

    /// As [`Law::parse`] reads it.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Law::Power(_) => "power",
            Law::PowerOffset(_) => "power-offset",
            Law::M3(_) => "m3",
            Law::M4(_) => "m4",
            Law::Broken(1, _) => "broken-1",
            Law::Broken(2, _) => "broken-2",
            Law::Broken(..) => "broken-3",
            Law::Chinchilla => "chinchilla",
            Law::Tied => "chinchilla-tied",
            Law::Pinned(e) => return Cow::Owned(format!("chinchilla-pinned:{e}")),
            Law::OverTraining => "over-training",
            Law::Kaplan { offset: false } => "kaplan",
            Law::Kaplan { offset: true } => "kaplan-offset",
            Law::LearningCurve => "learning-curve",
            Law::CriticalBatch => "critical-batch",
            Law::DataConstrained => "data-constrained",
            Law::Routed => "routed",
        })
    }

    /// The formula in plain text, without numbers.
    pub fn formula(self) -> String {
        let x = self.axis().map_or(String::new(), |axis| format!("{axis:?}"));
        match self {
            Law::Power(_) => format!("L = A {x}^-alpha"),
            Law::PowerOffset(_) => format!("L = E + A {x}^-alpha"),
            Law::M3(_) => format!("L = b (1/{x} + g)^c"),
            Law::M4(_) => format!("(L - e) / (y0 - L)^a = b {x}^-c"),
            Law::Broken(..) => format!("L = a + b {x}^-c0 prod (1 + ({x}/d_i)^(1/f_i))^(-c_i f_i)"),
            Law::Chinchilla => "L = E + A N^-alpha + B D^-beta".into(),
            Law::Tied => "L = E + A N^-alpha + B D^-alpha".into(),
            Law::Pinned(e) => format!("L = {e} + A N^-alpha + B D^-beta"),
            Law::OverTraining => {
                "L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta, M = D/N".into()
            }
            Law::Kaplan { offset } => {
                let e = if offset { "E + " } else { "" };
                format!("L = {e}[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D")
            }
            Law::LearningCurve => "L = (N_c/N)^alpha_N + (S_c/S)^alpha_S, S = D/batch".into(),
            Law::CriticalBatch => {
                "L = (N_c/N)^alpha_N + (S_c/S_min)^alpha_S, S_min = S/(1 + B_star L^(-1/alpha_B)/B)"
                    .into()
            }
            Law::DataConstrained => {
                "L = E + A N'^-alpha + B D'^-beta, D' = U (1 + R_D (1 - exp(-(D/U - 1)/R_D)))".into()
            }
            Law::Routed => {
                "log10 L = a log10 N + b log10 E^ + c log10 N log10 E^ + d, 1/E^ = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max"
                    .into()
            }
        }
    }
}

/// The listed name that is closest to what was written, where one is close.
fn most_like(name: &str) -> Option<&'static str> {
    let tidy = name.to_ascii_lowercase();
    let all = LIST.iter().flat_map(|(names, _)| names.split(", "));
    // Of equally long beginnings the shortest name.
    let shared = |other: &str| {
        let begin = tidy.chars().zip(other.chars()).take_while(|(a, b)| a == b);
        (begin.count(), usize::MAX - other.len())
    };
    all.max_by_key(|other| shared(other)).filter(|other| shared(other).0 >= 3)
}
