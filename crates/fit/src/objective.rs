//! The objective that a fit minimises: a penalty on the residual of the loss or of its logarithm.

/// A penalty summed or averaged over rows.
///
/// Written `huber:1e-3`, `mse`, `absolute` or `asymmetric:1e-3`, of residuals of ln L with `log-` in
/// front; the value is the **sum** over rows, with `mean-` in front of all the mean. So `mse` reports
/// the residual sum of squares and `mean-mse` what the name says; both have the same optimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// What the penalty is applied to.
    pub residual: Residual,
    /// The penalty of each residual.
    pub penalty: Penalty,
    /// Whether rows are summed or averaged.
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
    /// `|r|`, rounded within `smooth` of zero, far below any noise: the optimum runs through as many
    /// rows as it has parameters.
    Absolute {
        /// Half-width of the rounding.
        smooth: f64,
    },
    /// Huber's, a quarter of it where the run lies above the law: runs are upper bounds of what
    /// their size and tokens can reach (bad rates and unlucky seeds only raise a loss), so the law
    /// runs through the lowest fifth of them.
    Asymmetric {
        /// Where the square turns into a line.
        delta: f64,
    },
}

/// What a residual above the law counts under [`Penalty::Asymmetric`]: the slopes balance where a
/// fifth of the rows lie below the law.
const ABOVE: f64 = 0.25;
/// Rounding of [`Penalty::Absolute`] as people ask for it.
pub(crate) const SMOOTH: f64 = 1e-7;

/// How rows add up in the value reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Sum over rows.
    Sum,
    /// Mean over rows.
    Mean,
}

/// What people can ask for, in the words of [`crate::FitError::hint`].
pub(crate) const OBJECTIVES: &str =
    "huber:DELTA, mse, absolute, asymmetric:DELTA, each also with log-";

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

    /// The name without reduction and threshold: `log-huber`, `mse`, ...
    pub fn kind(&self) -> &'static str {
        match (self.residual, self.penalty) {
            (Residual::LogLoss, Penalty::Absolute { .. }) => "log-absolute",
            (Residual::Loss, Penalty::Absolute { .. }) => "absolute",
            (Residual::LogLoss, Penalty::Asymmetric { .. }) => "log-asymmetric",
            (Residual::Loss, Penalty::Asymmetric { .. }) => "asymmetric",
            (Residual::LogLoss, Penalty::Huber { .. }) => "log-huber",
            (Residual::Loss, Penalty::Huber { .. }) => "huber",
            (Residual::LogLoss, Penalty::Square) => "log-mse",
            (Residual::Loss, Penalty::Square) => "mse",
        }
    }

    /// Huber's threshold.
    pub fn delta(&self) -> Option<f64> {
        match self.penalty {
            Penalty::Huber { delta } | Penalty::Asymmetric { delta } => Some(delta),
            Penalty::Square | Penalty::Absolute { .. } => None,
        }
    }

    /// The objective with another threshold of Huber's penalty; `None` where it has none.
    pub(crate) fn with_delta(self, other: f64) -> Option<Self> {
        let penalty = match self.penalty {
            Penalty::Huber { .. } => Penalty::Huber { delta: other },
            Penalty::Asymmetric { .. } => Penalty::Asymmetric { delta: other },
            Penalty::Square | Penalty::Absolute { .. } => return None,
        };
        Some(Objective { penalty, ..self })
    }

    /// The objectives that a fit passes through on its way to this one: a kink everywhere is approached by
    /// rounder ones. Other penalties need none.
    pub(crate) fn way(self) -> impl Iterator<Item = Self> {
        let rounder = match self.penalty {
            Penalty::Absolute { .. } => 5,
            _ => 0,
        };
        (0..rounder).map(move |k| Objective {
            penalty: Penalty::Absolute { smooth: 1e-2 * 0.1f64.powi(k) },
            ..self
        })
    }

    /// A loss on the scale of the residual.
    pub(crate) fn transform(&self, loss: f64) -> f64 {
        match self.residual {
            Residual::Loss => loss,
            Residual::LogLoss => loss.ln(),
        }
    }

    /// Derivative of [`Self::transform`].
    pub(crate) fn slope(&self, loss: f64) -> f64 {
        match self.residual {
            Residual::Loss => 1.0,
            Residual::LogLoss => loss.recip(),
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
            Penalty::Absolute { smooth } if r.abs() > smooth => r.abs(),
            Penalty::Absolute { smooth } => (r * r / smooth + smooth) / 2.0,
            Penalty::Asymmetric { delta } => side(r) * Penalty::Huber { delta }.at(r),
        }
    }

    /// First and second derivative.
    pub(crate) fn derivatives(self, r: f64) -> (f64, f64) {
        match self {
            Penalty::Huber { delta } if r.abs() > delta => (delta.copysign(r), 0.0),
            Penalty::Huber { .. } => (r, 1.0),
            Penalty::Square => (2.0 * r, 2.0),
            Penalty::Absolute { smooth } if r.abs() > smooth => (1f64.copysign(r), 0.0),
            Penalty::Absolute { smooth } => (r / smooth, 1.0 / smooth),
            Penalty::Asymmetric { delta } => {
                let (first, second) = Penalty::Huber { delta }.derivatives(r);
                (side(r) * first, side(r) * second)
            }
        }
    }

    /// `w` of the parabola `w r^2 / 2 + const` that touches the penalty at `r` from above (for the
    /// asymmetric one, on its side of zero): the weight of iteratively reweighted least squares.
    pub(crate) fn majorant(self, r: f64) -> f64 {
        match self {
            Penalty::Huber { delta } => delta / r.abs().max(delta),
            Penalty::Square => 2.0,
            Penalty::Absolute { smooth } => 1.0 / r.abs().max(smooth),
            Penalty::Asymmetric { delta } => side(r) * delta / r.abs().max(delta),
        }
    }

    /// Mean of the second derivative over normal errors of deviation `h` about `r`: the curvature of
    /// an objective whose kinks lie closer than the rows.
    pub(crate) fn smoothed_curvature(self, r: f64, h: f64) -> f64 {
        let normal = statrs::distribution::Normal::standard();
        let cdf = |x: f64| statrs::distribution::ContinuousCDF::cdf(&normal, x / h);
        match self {
            Penalty::Square => 2.0,
            Penalty::Huber { delta } => cdf(delta - r) - cdf(-delta - r),
            Penalty::Absolute { smooth } => (cdf(smooth - r) - cdf(-smooth - r)) / smooth,
            Penalty::Asymmetric { delta } => {
                ABOVE * (cdf(delta - r) - cdf(-r)) + cdf(-r) - cdf(-delta - r)
            }
        }
    }
}

/// What a residual of this sign counts.
fn side(r: f64) -> f64 {
    if r > 0.0 { ABOVE } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_majorant_lies_above_the_penalty(r in -1.0..1.0f64, other in -1.0..1.0f64, delta in 1e-3..0.5f64) {
            for penalty in [Penalty::Huber { delta }, Penalty::Square, Penalty::Absolute { smooth: delta }] {
                let above = penalty.at(r) + penalty.majorant(r) * (other * other - r * r) / 2.0;
                prop_assert!(penalty.at(other) <= above + 1e-12);
            }
        }

        #[test]
        fn derivatives_match_finite_differences(r in -1.0..1.0f64, delta in 1e-2..0.5f64) {
            prop_assume!((r.abs() - delta).abs() > 1e-4 && r.abs() > 1e-4);
            for penalty in [
                Penalty::Huber { delta },
                Penalty::Square,
                Penalty::Absolute { smooth: delta },
                Penalty::Asymmetric { delta },
            ] {
                let slope = (penalty.at(r + 1e-6) - penalty.at(r - 1e-6)) / 2e-6;
                prop_assert!((slope - penalty.derivatives(r).0).abs() < 1e-8);
                let first = |r: f64| penalty.derivatives(r).0;
                let curve = (first(r + 1e-6) - first(r - 1e-6)) / 2e-6;
                prop_assert!((curve - penalty.derivatives(r).1).abs() < 1e-6);
                // Far narrower than the kinks' distance, smoothing changes nothing.
                prop_assert!((penalty.smoothed_curvature(r, 1e-6) - curve).abs() < 1e-6);
            }
        }
    }
}
