//! The laws that can be fitted, their parameters and their names.

use crate::error::FitError;
use crate::form::Form;
use crate::linalg::Vector;
use crate::objective::Objective;
use crate::output::Axis;
use isoflop_core::{ChinchillaLaw, PowerLaw};

/// A law and the variable it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// `L = A X^-alpha`, that is `(X_c / X)^alpha` (Kaplan et al. 2020, eq. 1.1 to 1.3).
    Power(Axis),
    /// `L = E + A X^-alpha` (Henighan et al. 2020, eq. 1.1).
    PowerOffset(Axis),
    /// `L = E + A N^-alpha + B D^-beta` (Hoffmann et al. 2022, eq. 2).
    Chinchilla,
}

impl Law {
    /// Reads `power`, `power-offset` or `chinchilla`; the first two need an axis.
    ///
    /// # Errors
    /// Another name, or a law of one variable without its axis.
    pub fn parse(name: &str, axis: Option<Axis>) -> Result<Self, FitError> {
        match (
            name.trim().to_ascii_lowercase().replace('_', "-").as_str(),
            axis,
        ) {
            ("chinchilla", _) => Ok(Law::Chinchilla),
            ("power", Some(axis)) => Ok(Law::Power(axis)),
            ("power-offset", Some(axis)) => Ok(Law::PowerOffset(axis)),
            ("power", None) => Err(FitError::AxisRequired { law: "power" }),
            ("power-offset", None) => Err(FitError::AxisRequired {
                law: "power-offset",
            }),
            _ => Err(FitError::UnknownLaw {
                name: name.to_owned(),
            }),
        }
    }

    /// `power`, `power-offset` or `chinchilla`.
    pub fn name(self) -> &'static str {
        match self {
            Law::Power(_) => "power",
            Law::PowerOffset(_) => "power-offset",
            Law::Chinchilla => "chinchilla",
        }
    }

    /// The variable of a law of one variable.
    pub fn axis(self) -> Option<Axis> {
        match self {
            Law::Power(axis) | Law::PowerOffset(axis) => Some(axis),
            Law::Chinchilla => None,
        }
    }

    /// The formula in plain text, without numbers.
    pub fn formula(self) -> String {
        match self {
            Law::Power(axis) => format!("L = A {axis:?}^-alpha"),
            Law::PowerOffset(axis) => format!("L = E + A {axis:?}^-alpha"),
            Law::Chinchilla => "L = E + A N^-alpha + B D^-beta".into(),
        }
    }

    /// What is minimised unless the user says otherwise: the papers' choices. Huber at 1e-3 lies
    /// far below the noise of a small sweep, where it acts as least absolute deviations and runs
    /// exactly through as many of the few points of an envelope as it has parameters; hence
    /// squares there.
    pub fn default_objective(self) -> Objective {
        match self {
            Law::Power(_) | Law::PowerOffset(_) => Objective::LOG_MSE,
            Law::Chinchilla => Objective::LOG_HUBER,
        }
    }

    pub(crate) fn axes(self) -> Vec<Axis> {
        match self {
            Law::Power(axis) | Law::PowerOffset(axis) => vec![axis],
            Law::Chinchilla => vec![Axis::N, Axis::D],
        }
    }

    pub(crate) fn form(self) -> Form {
        match self {
            Law::Power(_) => Form {
                offset: false,
                terms: 1,
            },
            Law::PowerOffset(_) => Form {
                offset: true,
                terms: 1,
            },
            Law::Chinchilla => Form {
                offset: true,
                terms: 2,
            },
        }
    }

    /// Distinct values along each axis below which the parameters are not determined: each term
    /// has two of its own, and an offset takes one more.
    pub(crate) fn values_needed(self) -> usize {
        match self {
            Law::Power(_) => 2,
            Law::PowerOffset(_) | Law::Chinchilla => 3,
        }
    }

    /// Free parameters in the order of the form's vector.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Law::Power(_) => &["A", "alpha"],
            Law::PowerOffset(_) => &["E", "A", "alpha"],
            Law::Chinchilla => &["E", "A", "alpha", "B", "beta"],
        }
    }

    /// What follows from the free parameters.
    pub(crate) fn derived_names(self) -> &'static [&'static str] {
        match self {
            Law::Power(_) => &["X_c"],
            Law::PowerOffset(_) => &[],
            Law::Chinchilla => &["n_exponent", "d_exponent"],
        }
    }

    /// Values of [`Self::names`], then of [`Self::derived_names`]; `centre` holds the means of
    /// the logarithms that the form was centred by.
    pub(crate) fn values(self, theta: &Vector, centre: &[f64; 2]) -> Vec<f64> {
        let free = self.form().uncentred(theta, centre);
        let mut values = free[..self.names().len()].to_vec();
        match self {
            Law::Power(_) => {
                let law = PowerLaw {
                    e: 0.0,
                    a: free[0],
                    alpha: free[1],
                };
                values.push(law.critical_scale());
            }
            Law::PowerOffset(_) => {}
            Law::Chinchilla => {
                let [e, a, alpha, b, beta] = free;
                let law = ChinchillaLaw {
                    e,
                    a,
                    b,
                    alpha,
                    beta,
                };
                values.extend([law.n_exponent(), law.d_exponent()]);
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_asks_for_its_variable() {
        assert_eq!(Law::parse("power", Some(Axis::D)), Ok(Law::Power(Axis::D)));
        assert_eq!(
            Law::parse("Power_Offset", None),
            Err(FitError::AxisRequired {
                law: "power-offset"
            })
        );
        assert_eq!(Law::parse("chinchilla", None), Ok(Law::Chinchilla));
        let error = Law::parse("hoffmann", None).unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "laws: power, power-offset, chinchilla, and those of `isoflop fit --list`"
        );
    }
}
