//! The runs of one budget, and the bottom of the parabola through them.

use crate::parabola::{fit_parabola, interpolate};

/// One budget's runs as a parabola takes them.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) flops_budget: f64,
    /// ln N of the runs.
    pub(crate) ln_n: Vec<f64>,
    /// ln D of the runs.
    pub(crate) ln_d: Vec<f64>,
    /// Losses of the runs.
    pub(crate) losses: Vec<f64>,
    /// Units of the runs, numbered over all budgets.
    pub(crate) units: Vec<usize>,
    /// Mean C of the runs.
    pub(crate) c: f64,
}

/// N*, D* and loss at the bottom of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bottom {
    pub(crate) n_opt: f64,
    pub(crate) d_opt: f64,
    pub(crate) loss: f64,
}

impl Curve {
    /// Bottom of the parabola through `losses` at this curve's sizes, where it lies inside them.
    pub(crate) fn bottom(&self, losses: &[f64]) -> Option<Bottom> {
        let (at, loss) = fit_parabola(&self.ln_n, losses)?.bottom()?;
        let (low, high) = self.span();
        if at <= low || at >= high || loss <= 0.0 {
            return None;
        }
        Some(Bottom { n_opt: at.exp(), d_opt: self.tokens(at).exp(), loss })
    }

    /// ln D at a ln N, on the line through the nearest runs.
    pub(crate) fn tokens(&self, at: f64) -> f64 {
        let runs = self.ln_n.iter().copied().zip(self.ln_d.iter().copied());
        interpolate(&runs.collect::<Vec<_>>(), at)
    }

    pub(crate) fn span(&self) -> (f64, f64) {
        let low = self.ln_n.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.ln_n.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    }
}
