//! The laws that can be fitted: their variables, parameters and names. Formulas in the
//! coordinates that a fit moves in are in [`formula`], the way to the numbers people quote in
//! [`natural`], names and sources for people in [`describe`].

mod describe;
pub(crate) mod formula;
mod natural;
mod ready;
mod sum;
#[cfg(test)]
mod tests;

pub(crate) use formula::{Centre, Kind};
pub(crate) use ready::Ready;
pub(crate) use sum::{EXPONENTS, Form, Offset};

use crate::objective::Objective;
use crate::output::Axis;

/// A law, and the variable it is in where there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// `L = A X^-alpha`, that is `(X_c / X)^alpha` (Kaplan et al. 2020, eq. 1.1 to 1.3); M1 of
    /// Alabdulmohsin et al. 2022.
    Power(Axis),
    /// `L = E + A X^-alpha` (Henighan et al. 2020, eq. 1.1); M2 of Alabdulmohsin et al. 2022.
    PowerOffset(Axis),
    /// `L = E + A N^-alpha + B D^-beta` (Hoffmann et al. 2022, eq. 2).
    Chinchilla,
    /// Chinchilla with `alpha = beta`.
    Tied,
    /// Chinchilla with this E.
    Pinned(f64),
    /// `L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta`, `M = D / N` (Gadre et al. 2024).
    OverTraining,
    /// `L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D` (Kaplan et al. 2020, eq. 1.5).
    Kaplan {
        /// With `E +` in front.
        offset: bool,
    },
    /// `L = (N_c/N)^alpha_N + (S_c/S)^alpha_S`, S optimizer steps at a batch far above the critical
    /// one (Kaplan et al. 2020, eq. 1.6 with `S_min = S`).
    LearningCurve,
    /// The same with `S_min = S / (1 + B_crit(L)/B)`, `B_crit = B_star L^(-1/alpha_B)` (Kaplan et
    /// al. 2020, eq. 1.4, 1.6 and 5.4): implicit in L.
    CriticalBatch,
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
    /// `log L = a log N + b log E^ + c log N log E^ + d` in decimal logarithms, `1/E^ = 1/(E - 1 +
    /// 1/(1/E_start - 1/E_max)) + 1/E_max` for E experts (Clark et al. 2022, eq. 1 and 2).
    Routed,
}

/// A quantity of a row that a law uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coordinate {
    Along(Axis),
    /// Distinct tokens, centred as D is.
    Unique,
    /// Optimizer steps.
    Steps,
    /// Tokens a step.
    Batch,
    /// Experts; not centred.
    Experts,
}

/// Most coordinates of a law.
pub(crate) const COORDINATES: usize = 3;

/// Calls a function generic over the number of parameters.
macro_rules! with_parameters {
    ($law:expr, $P:ident => $body:expr) => {
        match $law.parameters() {
            2 => {
                const $P: usize = 2;
                $body
            }
            3 => {
                const $P: usize = 3;
                $body
            }
            4 => {
                const $P: usize = 4;
                $body
            }
            5 => {
                const $P: usize = 5;
                $body
            }
            6 => {
                const $P: usize = 6;
                $body
            }
            7 => {
                const $P: usize = 7;
                $body
            }
            9 => {
                const $P: usize = 9;
                $body
            }
            _ => {
                const $P: usize = 12;
                $body
            }
        }
    };
}
pub(crate) use with_parameters;

impl Law {
    /// The variable of a law of one variable.
    pub fn axis(self) -> Option<Axis> {
        match self {
            Law::Power(axis)
            | Law::PowerOffset(axis)
            | Law::Broken(_, axis)
            | Law::M3(axis)
            | Law::M4(axis) => Some(axis),
            _ => None,
        }
    }

    /// What is minimised unless the user says otherwise: the papers' choices. Huber at 1e-3 lies
    /// far below the noise of a small sweep, where it acts as least absolute deviations and runs
    /// exactly through as many of the few points of an envelope as it has parameters; hence
    /// squares there.
    pub fn default_objective(self) -> Objective {
        match self.axis() {
            Some(_) => Objective::LOG_MSE,
            None => Objective::LOG_HUBER,
        }
    }

    /// Whether it is a law in parameters and tokens, whose optimum under `C = 6 N D` can be asked
    /// for.
    pub fn is_surface(self) -> bool {
        self.coordinates().starts_with(&[N, D])
    }

    pub(crate) fn coordinates(self) -> &'static [Coordinate] {
        match self {
            Law::Power(axis)
            | Law::PowerOffset(axis)
            | Law::Broken(_, axis)
            | Law::M3(axis)
            | Law::M4(axis) => match axis {
                Axis::N => &[N],
                Axis::D => &[D],
                Axis::C => &[Coordinate::Along(Axis::C)],
            },
            Law::Chinchilla
            | Law::Tied
            | Law::Pinned(_)
            | Law::OverTraining
            | Law::Kaplan { .. } => &[N, D],
            Law::LearningCurve => &[N, Coordinate::Steps],
            Law::CriticalBatch => &[N, Coordinate::Steps, Coordinate::Batch],
            Law::DataConstrained => &[N, D, Coordinate::Unique],
            Law::Routed => &[N, Coordinate::Experts],
        }
    }

    /// The sum of powers that it is, for laws that are one.
    pub(crate) fn form(self) -> Option<Form> {
        let form = |offset, terms, tied| Some(Form { offset, terms, tied });
        match self {
            Law::Power(_) => form(Offset::None, 1, false),
            Law::PowerOffset(_) => form(Offset::Free, 1, false),
            Law::Chinchilla => form(Offset::Free, 2, false),
            Law::Tied | Law::OverTraining => form(Offset::Free, 2, true),
            Law::Pinned(e) => form(Offset::Given(e), 2, false),
            Law::LearningCurve => form(Offset::None, 2, false),
            _ => None,
        }
    }

    /// Free parameters.
    pub(crate) fn parameters(self) -> usize {
        match self.form() {
            Some(form) => form.parameters(),
            None => self.kinds().len(),
        }
    }

    /// Distinct values along each coordinate below which the parameters are not determined: each
    /// power has two of its own, an offset takes one more.
    pub(crate) fn values_needed(self) -> &'static [usize] {
        match self {
            Law::Power(_) => &[2],
            Law::PowerOffset(_) | Law::M3(_) => &[3],
            Law::M4(_) => &[5],
            Law::Broken(1, _) => &[6],
            Law::Broken(2, _) => &[9],
            Law::Broken(..) => &[12],
            Law::Pinned(_) | Law::Kaplan { offset: false } | Law::LearningCurve => &[2, 2],
            Law::Tied | Law::OverTraining => &[2, 2],
            Law::Chinchilla | Law::Kaplan { offset: true } => &[3, 3],
            Law::CriticalBatch => &[2, 3, 3],
            Law::DataConstrained => &[3, 3, 2],
            Law::Routed => &[2, 4],
        }
    }

    /// Free parameters by name, in the order of the fit's vector.
    pub fn names(self) -> Vec<String> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match self {
            Law::Power(_) => names(&["A", "alpha"]),
            Law::PowerOffset(_) => names(&["E", "A", "alpha"]),
            Law::Chinchilla => names(&["E", "A", "alpha", "B", "beta"]),
            Law::Tied => names(&["E", "A", "alpha", "B"]),
            Law::Pinned(_) => names(&["A", "alpha", "B", "beta"]),
            Law::OverTraining => names(&["E", "alpha", "eta", "beta"]),
            Law::Kaplan { offset: false } => names(&["N_c", "alpha_N", "D_c", "alpha_D"]),
            Law::Kaplan { offset: true } => names(&["N_c", "alpha_N", "D_c", "alpha_D", "E"]),
            Law::LearningCurve => names(&["N_c", "alpha_N", "S_c", "alpha_S"]),
            Law::CriticalBatch => names(&["N_c", "alpha_N", "S_c", "alpha_S", "B_star", "alpha_B"]),
            Law::DataConstrained => names(&["E", "A", "alpha", "B", "beta", "R_D", "R_N"]),
            Law::Broken(breaks, _) => {
                let mut all: Vec<String> = names(&["a", "b", "c0"]);
                (1..=breaks)
                    .for_each(|i| all.extend(["c", "d", "f"].map(|part| format!("{part}{i}"))));
                all
            }
            Law::M3(_) => names(&["b", "c", "g"]),
            Law::M4(_) => names(&["e", "y0", "a", "b", "c"]),
            Law::Routed => names(&["a", "b", "c", "d", "E_start", "E_max"]),
        }
    }

    /// What follows from the free parameters.
    pub(crate) fn derived_names(self) -> &'static [&'static str] {
        match self {
            Law::Power(_) => &["X_c"],
            Law::Chinchilla | Law::Pinned(_) | Law::Kaplan { .. } => &["n_exponent", "d_exponent"],
            _ => &[],
        }
    }
}

const N: Coordinate = Coordinate::Along(Axis::N);
const D: Coordinate = Coordinate::Along(Axis::D);

impl Law {
    /// Names of the free parameters and of what follows from them.
    pub(crate) fn all_names(self) -> Vec<String> {
        let mut names = self.names();
        names.extend(self.derived_names().iter().map(|name| (*name).to_owned()));
        names
    }

    /// Names of quantities that are scales of N, D, C or of a loss there, positive and known by their
    /// logarithm; the others are exponents, losses or slopes.
    pub(crate) fn scales(self) -> Vec<String> {
        let plain = |name: &str| match (self, name) {
            (Law::OverTraining, "alpha" | "beta") => false,
            (Law::Routed, "a" | "b" | "c" | "d") | (Law::Broken(..), "a" | "c1" | "c2" | "c3") => {
                true
            }
            (Law::M4(_), "a") => true,
            (_, name) => {
                let parts = ["alpha", "beta", "eta", "exponent"];
                matches!(name, "E" | "e" | "c" | "c0")
                    || parts.iter().any(|part| name.contains(part))
            }
        };
        self.all_names().into_iter().filter(|name| !plain(name)).collect()
    }
}
