//! Objectives as people write them: `log-huber:1e-3`, `mean-mse`.

use crate::error::FitError;
use crate::objective::{Objective, Penalty, Reduction, Residual, SMOOTH};
use std::fmt;
use std::str::FromStr;

impl FromStr for Objective {
    type Err = FitError;

    fn from_str(text: &str) -> Result<Self, FitError> {
        let unknown = || FitError::UnknownObjective { text: text.to_owned() };
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
            None if rest == "absolute" => Penalty::Absolute { smooth: SMOOTH },
            Some((kind @ ("huber" | "asymmetric"), delta)) => match delta.parse::<f64>() {
                Ok(delta) if delta.is_finite() && delta > 0.0 => match kind {
                    "huber" => Penalty::Huber { delta },
                    _ => Penalty::Asymmetric { delta },
                },
                _ => {
                    return Err(FitError::BadDelta { text: text.to_owned() });
                }
            },
            None if rest == "huber" || rest == "asymmetric" => {
                return Err(FitError::BadDelta { text: text.to_owned() });
            }
            _ => return Err(unknown()),
        };
        Ok(Objective { residual, penalty, reduction })
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
            "absolute",
            "mean-log-absolute",
            "log-asymmetric:1e-3",
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
            "asymmetric",
        ] {
            assert_eq!(text.parse::<Objective>(), Err(FitError::BadDelta { text: text.into() }));
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_list() {
        for text in ["", "log", "mse:3", "l1:2", "hubr:1e-3"] {
            let error = text.parse::<Objective>().unwrap_err();
            assert_eq!(error, FitError::UnknownObjective { text: text.into() });
            assert!(error.hint().unwrap().contains("huber:DELTA"));
        }
    }
}
