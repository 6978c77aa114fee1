//! What a fit minimises: a penalty on the residual of the loss or of its logarithm.

use crate::error::FitError;
use std::fmt;
use std::str::FromStr;

/// A penalty summed or averaged over rows.
///
/// Written `log-huber:1e-3`, `huber:1e-3`, `mse` or `log-mse`; without a prefix the value is the
/// **sum** over rows, with `mean-` in front the mean. So `mse` reports the residual sum of
/// squares and `mean-mse` what the name says; both have the same optimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// What the penalty is applied to.
    pub residual: Residual,
    /// The penalty.
    pub penalty: Penalty,
    /// Sum or mean.
    pub reduction: Reduction,
}

/// A row's residual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// `L - law`, nats per token.
    Loss,
    /// `ln L - ln law` (Hoffmann et al. 2022, eq. 3).
    LogLoss,
}

/// A row's penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Penalty {
    /// `r^2 / 2` up to `delta`, `delta (|r| - delta / 2)` beyond (Huber 1964).
    Huber {
        /// Where the square turns into a line.
        delta: f64,
    },
    /// `r^2`.
    Square,
}

/// How rows add up in the value reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Sum over rows.
    Sum,
    /// Mean over rows.
    Mean,
}

pub(crate) const OBJECTIVES: &str = "log-huber:DELTA, huber:DELTA, log-mse, mse";

impl Objective {
    /// `log-huber:1e-3`, the objective of Hoffmann et al. 2022, eq. 3.
    pub const LOG_HUBER: Objective = Objective {
        residual: Residual::LogLoss,
        penalty: Penalty::Huber { delta: 1e-3 },
        reduction: Reduction::Sum,
    };

    /// `log-mse`: least squares in ln L.
    pub const LOG_MSE: Objective = Objective {
        residual: Residual::LogLoss,
        penalty: Penalty::Square,
        reduction: Reduction::Sum,
    };

    /// `log-huber`, `huber`, `log-mse` or `mse`.
    pub fn kind(&self) -> &'static str {
        match (self.residual, self.penalty) {
            (Residual::LogLoss, Penalty::Huber { .. }) => "log-huber",
            (Residual::Loss, Penalty::Huber { .. }) => "huber",
            (Residual::LogLoss, Penalty::Square) => "log-mse",
            (Residual::Loss, Penalty::Square) => "mse",
        }
    }

    /// Huber's threshold.
    pub fn delta(&self) -> Option<f64> {
        match self.penalty {
            Penalty::Huber { delta } => Some(delta),
            Penalty::Square => None,
        }
    }

    /// A loss on the scale of the residual.
    pub(crate) fn transform(&self, loss: f64) -> f64 {
        match self.residual {
            Residual::Loss => loss,
            Residual::LogLoss => loss.ln(),
        }
    }

    /// The inverse of [`Self::transform`].
    pub(crate) fn untransform(&self, value: f64) -> f64 {
        match self.residual {
            Residual::Loss => value,
            Residual::LogLoss => value.exp(),
        }
    }
}

impl Penalty {
    pub(crate) fn at(self, r: f64) -> f64 {
        match self {
            Penalty::Huber { delta } if r.abs() > delta => delta * (r.abs() - delta / 2.0),
            Penalty::Huber { .. } => r * r / 2.0,
            Penalty::Square => r * r,
        }
    }

    /// First and second derivative.
    pub(crate) fn derivatives(self, r: f64) -> (f64, f64) {
        match self {
            Penalty::Huber { delta } if r.abs() > delta => (delta.copysign(r), 0.0),
            Penalty::Huber { .. } => (r, 1.0),
            Penalty::Square => (2.0 * r, 2.0),
        }
    }

    /// `w` of the parabola `w r^2 / 2 + const` that touches the penalty at `r` from above: the
    /// weight of iteratively reweighted least squares.
    pub(crate) fn majorant(self, r: f64) -> f64 {
        match self {
            Penalty::Huber { delta } => delta / r.abs().max(delta),
            Penalty::Square => 2.0,
        }
    }
}

impl FromStr for Objective {
    type Err = FitError;

    fn from_str(text: &str) -> Result<Self, FitError> {
        let unknown = || FitError::UnknownObjective {
            text: text.to_owned(),
        };
        let lower = text.trim().to_ascii_lowercase().replace('_', "-");
        let (reduction, rest) = match lower.strip_prefix("mean-") {
            Some(rest) => (Reduction::Mean, rest),
            None => (Reduction::Sum, lower.as_str()),
        };
        let (residual, rest) = match rest.strip_prefix("log-") {
            Some(rest) => (Residual::LogLoss, rest),
            None => (Residual::Loss, rest),
        };
        let penalty = match rest.split_once(':') {
            None if rest == "mse" => Penalty::Square,
            Some(("huber", delta)) => match delta.parse::<f64>() {
                Ok(delta) if delta.is_finite() && delta > 0.0 => Penalty::Huber { delta },
                _ => {
                    return Err(FitError::BadDelta {
                        text: text.to_owned(),
                    });
                }
            },
            None if rest == "huber" => {
                return Err(FitError::BadDelta {
                    text: text.to_owned(),
                });
            }
            _ => return Err(unknown()),
        };
        Ok(Objective {
            residual,
            penalty,
            reduction,
        })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = match self.reduction {
            Reduction::Sum => "",
            Reduction::Mean => "mean-",
        };
        match self.delta() {
            Some(delta) => f.pad(&format!("{mean}{}:{delta:e}", self.kind())),
            None => f.pad(&format!("{mean}{}", self.kind())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objectives_read_back_as_they_are_written() {
        for text in [
            "log-huber:1e-3",
            "huber:1e-3",
            "mse",
            "log-mse",
            "mean-log-huber:1e-2",
            "mean-huber:5e-3",
            "mean-mse",
            "mean-log-mse",
        ] {
            assert_eq!(text.parse::<Objective>().unwrap().to_string(), text);
        }
        assert_eq!("log-huber:0.001".parse(), Ok(Objective::LOG_HUBER));
    }

    #[test]
    fn a_threshold_is_required_and_positive() {
        for text in [
            "huber",
            "log-huber",
            "huber:",
            "huber:0",
            "huber:-1",
            "huber:nan",
            "huber:x",
        ] {
            assert_eq!(
                text.parse::<Objective>(),
                Err(FitError::BadDelta { text: text.into() })
            );
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_list() {
        for text in ["", "log", "mse:3", "l1:2", "hubr:1e-3"] {
            let error = text.parse::<Objective>().unwrap_err();
            assert_eq!(error, FitError::UnknownObjective { text: text.into() });
            assert!(error.hint().unwrap().contains("log-huber:DELTA"));
        }
    }

    proptest! {
        #[test]
        fn the_majorant_lies_above_the_penalty(r in -1.0..1.0f64, other in -1.0..1.0f64, delta in 1e-3..0.5f64) {
            for penalty in [Penalty::Huber { delta }, Penalty::Square] {
                let above = penalty.at(r) + penalty.majorant(r) * (other * other - r * r) / 2.0;
                prop_assert!(penalty.at(other) <= above + 1e-12);
            }
        }

        #[test]
        fn derivatives_match_finite_differences(r in -1.0..1.0f64, delta in 1e-2..0.5f64) {
            prop_assume!((r.abs() - delta).abs() > 1e-4);
            for penalty in [Penalty::Huber { delta }, Penalty::Square] {
                let slope = (penalty.at(r + 1e-6) - penalty.at(r - 1e-6)) / 2e-6;
                prop_assert!((slope - penalty.derivatives(r).0).abs() < 1e-8);
            }
        }
    }
}
