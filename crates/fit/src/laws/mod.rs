//! The laws that can be fitted. Each has a file of its own that states its facts (name, description,
//! coordinates, parameters and what values they can take) and its formula: the loss in the coordinates that a
//! fit moves in, and the way to the numbers that people quote. `facts` says what the words of these files
//! mean. A new law is a file, a variant of [`Law`], a place in `every` of `names` and an arm of [`stated`].

mod broken;
mod chinchilla;
mod coordinates;
mod coupled;
mod critical_batch;
mod data_constrained;
mod experts;
mod facts;
mod farseer;
mod granularity;
mod half_life;
mod implicit;
mod joint_experts;
mod kaplan;
mod learning_curve;
mod m3;
mod m4;
mod names;
mod over_training;
mod parameters;
mod pinned;
mod power;
mod power_offset;
mod q_family;
mod ready;
mod routed;
mod sparsity;
mod sum;
#[cfg(test)]
mod tests;
mod tied;

pub(crate) use coordinates::{COORDINATES, Centre, Coordinate};
pub(crate) use facts::{Quantity, Role, Sense};
pub(crate) use parameters::with_parameters;
pub(crate) use ready::Ready;
pub(crate) use sum::{EXPONENTS, Form, Offset};

use crate::jet::Scalar;
use crate::objective::Objective;
use crate::output::Axis;
use facts::{Facts, Inner, Stated};
use std::borrow::Cow;

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
        /// Whether `E +` stands in front.
        offset: bool,
    },
    /// `L = (N_c/N)^alpha_N + (S_c/S)^alpha_S`, S optimizer steps at a batch far above the critical
    /// one (Kaplan et al. 2020, eq. 1.6 with `S_min = S`).
    LearningCurve,
    /// [`Law::LearningCurve`] in `S_min = S / (1 + B_crit(L)/B)`, `B_crit = B_star L^(-1/alpha_B)` (Kaplan et
    /// al. 2020, eq. 1.4, 1.6 and 5.4): implicit in L.
    CriticalBatch,
    /// `L = E + A N'^-alpha + B D'^-beta` with effective parameters and tokens under repetition
    /// (Muennighoff et al. 2023, eq. 5 and 6).
    DataConstrained,
    /// `L = E + A N^-alpha + B D'^-beta` with an exponent that halves every tau repetitions (Goyal et al. 2024).
    HalfLife,
    /// `L = [(A N^-alpha)^(1/q) + (B D^-beta)^(1/q)]^q`: the sum of both terms at q = 1, Kaplan's law at
    /// q = beta.
    QFamily {
        /// Whether `E +` stands in front.
        offset: bool,
    },
    /// `L = E + A N^-alpha + B N^omega D^-(beta + kappa ln N)`: an exponent of D that changes with N.
    Coupled,
    /// `L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1))` (Li et al. 2025).
    Farseer,
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
    /// `L = E + (A + g G^-gamma) N^-alpha + B D^-beta` with all parameters N and granularity G
    /// (Krajewski et al. 2024).
    Granularity,
    /// `L = E + A N^-alpha + B D^-beta + c (1-S)^-lambda + d (1-S)^-delta N^-gamma` with all parameters N
    /// and S the share of experts that a token does not use (Abnar et al. 2025).
    Sparsity,
    /// `L = E + A X^delta N^-(alpha - gamma ln X) + B X^omega D^-(beta - zeta ln X)` with X the E^ of
    /// [`Law::Routed`] (Ludziejewski et al. 2025).
    JointExperts,
}

/// Evaluates an expression of what the file of a law states.
macro_rules! stated {
    ($law:expr, $one:ident => $body:expr) => {
        match $law {
            Law::Power(axis) => {
                let $one = power::Power(axis);
                $body
            }
            Law::PowerOffset(axis) => {
                let $one = power_offset::PowerOffset(axis);
                $body
            }
            Law::Chinchilla => {
                let $one = chinchilla::Chinchilla;
                $body
            }
            Law::Tied => {
                let $one = tied::Tied;
                $body
            }
            Law::Pinned(e) => {
                let $one = pinned::Pinned(e);
                $body
            }
            Law::OverTraining => {
                let $one = over_training::OverTraining;
                $body
            }
            Law::Kaplan { offset } => {
                let $one = kaplan::Kaplan { offset };
                $body
            }
            Law::LearningCurve => {
                let $one = learning_curve::LearningCurve;
                $body
            }
            Law::CriticalBatch => {
                let $one = critical_batch::CriticalBatch;
                $body
            }
            Law::DataConstrained => {
                let $one = data_constrained::DataConstrained;
                $body
            }
            Law::HalfLife => {
                let $one = half_life::HalfLife;
                $body
            }
            Law::QFamily { offset } => {
                let $one = q_family::QFamily { offset };
                $body
            }
            Law::Coupled => {
                let $one = coupled::Coupled;
                $body
            }
            Law::Farseer => {
                let $one = farseer::Farseer;
                $body
            }
            Law::Broken(breaks, axis) => {
                let $one = broken::Broken { breaks, axis };
                $body
            }
            Law::M3(axis) => {
                let $one = m3::M3(axis);
                $body
            }
            Law::M4(axis) => {
                let $one = m4::M4(axis);
                $body
            }
            Law::Routed => {
                let $one = routed::Routed;
                $body
            }
            Law::Granularity => {
                let $one = granularity::Granularity;
                $body
            }
            Law::Sparsity => {
                let $one = sparsity::Sparsity;
                $body
            }
            Law::JointExperts => {
                let $one = joint_experts::JointExperts;
                $body
            }
        }
    };
}

impl Law {
    fn facts(self) -> Facts {
        stated!(self, law => law.facts())
    }

    /// The name of the law, as [`Law::parse`] reads it.
    pub fn name(self) -> Cow<'static, str> {
        stated!(self, law => law.name())
    }

    /// The formula in plain text, without numbers.
    pub fn formula(self) -> String {
        stated!(self, law => law.formula())
    }

    /// The variable of a law of one variable.
    pub fn axis(self) -> Option<Axis> {
        self.facts().axis
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
        matches!(
            self.coordinates(),
            [coordinates::N, coordinates::D] | [coordinates::N, coordinates::D, Coordinate::Unique]
        )
    }

    /// Whether it knows how often tokens have been seen.
    pub(crate) fn knows_repetition(self) -> bool {
        self.coordinates().contains(&Coordinate::Unique)
    }

    /// Whether its N counts every expert, and not what a token uses.
    pub fn is_in_total(self) -> bool {
        self.coordinates().contains(&Coordinate::Total)
    }

    /// Whether what experts are worth is measured from dense models.
    pub(crate) fn needs_dense(self) -> bool {
        self.names().iter().any(|name| name == "E_start")
    }

    /// The quantities of a row that the law is in.
    pub(crate) fn coordinates(self) -> &'static [Coordinate] {
        self.facts().coordinates
    }

    /// Distinct values along each coordinate below which the parameters are not determined.
    pub(crate) fn values_needed(self) -> &'static [usize] {
        self.facts().values_needed
    }

    /// The sum of powers that it is, for laws that are one.
    pub(crate) fn form(self) -> Option<Form> {
        match self.facts().inner {
            Inner::Sum(form) => Some(form),
            Inner::Drawn(_) => None,
        }
    }

    /// What the inner parameters are of a law that is no sum of powers.
    pub(crate) fn roles(self) -> &'static [Role] {
        match self.facts().inner {
            Inner::Sum(_) => &[],
            Inner::Drawn(roles) => roles,
        }
    }

    /// Whether the loss is linear in E and in what the levels are logarithms of.
    pub(crate) fn is_linear_in_levels(self) -> bool {
        self.facts().is_linear_in_levels
    }

    /// Whether the derivatives are written out, so that a fit is quick.
    pub(crate) fn is_quick(self) -> bool {
        self.facts().is_written
    }

    /// Whether the curvature of the reweighted squares is a good guide from anywhere.
    pub(crate) fn is_nearly_convex(self) -> bool {
        self.facts().is_nearly_convex
    }

    /// The loss at a centred place.
    pub(crate) fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], centre: &Centre) -> R {
        stated!(self, law => law.loss(t, x, centre))
    }

    /// Values of [`Law::names`], then of `derived_names`.
    pub(crate) fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        stated!(self, law => law.natural(t, centre))
    }

    /// Chooses one inner coordinate so that quantity `k` of [`Law::natural`] has this value; returns
    /// which coordinate.
    pub(crate) fn impose<R: Scalar>(
        self,
        t: &mut [R],
        k: usize,
        value: f64,
        centre: &Centre,
    ) -> usize {
        let (at, imposed) = stated!(self, law => law.impose(t, k, value, centre));
        t[at] = imposed;
        at
    }

    /// The inner parameters of natural ones.
    pub(crate) fn inner(self, natural: &[f64], centre: &Centre) -> Vec<f64> {
        let mut t = natural[..self.parameters()].to_vec();
        // Exponents first: coefficients are told by them.
        for _ in 0..2 {
            for (k, value) in natural.iter().enumerate().take(self.parameters()) {
                self.impose(&mut t, k, *value, centre);
            }
        }
        t
    }

    /// The loss that natural parameters give at the logarithms of a place, nats per token.
    pub(crate) fn loss_of(self, natural: &[f64], place: &[f64; COORDINATES]) -> f64 {
        let centre = Centre::default();
        self.loss(&self.inner(natural, &centre), place, &centre)
    }

    /// Number of free parameters.
    pub(crate) fn parameters(self) -> usize {
        self.facts().parameters.len()
    }

    /// Free parameters by name, in the order of the fit's vector.
    pub fn names(self) -> Vec<String> {
        self.facts().parameters.iter().map(|quantity| quantity.name.to_owned()).collect()
    }

    /// Names of what follows from the free parameters.
    pub(crate) fn derived_names(self) -> Vec<&'static str> {
        self.facts().derived.iter().map(|quantity| quantity.name).collect()
    }

    /// The free parameters, then what follows from them.
    pub(crate) fn quantities(self) -> impl Iterator<Item = &'static Quantity> {
        self.facts().quantities().collect::<Vec<_>>().into_iter()
    }

    /// Names of the free parameters and of what follows from them.
    pub(crate) fn all_names(self) -> Vec<String> {
        self.quantities().map(|quantity| quantity.name.to_owned()).collect()
    }

    /// The sense of the quantity of this name; none where the law has no such quantity.
    pub(crate) fn sense(self, name: &str) -> Option<Sense> {
        self.quantities().find(|quantity| quantity.name == name).map(|quantity| quantity.sense)
    }

    /// Whether two values of the quantity of this name are compared by their ratio.
    pub(crate) fn is_scale(self, name: &str) -> bool {
        self.sense(name).is_some_and(Sense::is_scale)
    }
}
