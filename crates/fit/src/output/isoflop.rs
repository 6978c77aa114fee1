//! IsoFLOP analyses: the loss at fixed compute, and the best size for it.

use super::{Bootstrap, Estimate, FittedPoint, Remarks};
use serde::{Deserialize, Serialize};

/// Approach 2 of Hoffmann et al. 2022: a parabola of loss in ln N for each budget, then power
/// laws through the minima.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Isoflop {
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Column that N is.
    pub n_kind: String,
    /// The curve of each budget, in ascending order of the budgets.
    pub budgets: Vec<BudgetCurve>,
    /// `a` of `N* ~ C^a`, over budgets with an inner minimum; null below two of them.
    pub n_exponent: Option<Estimate>,
    /// `ln k` of `N* = k C^a`.
    pub n_log_coefficient: Option<f64>,
    /// `b` of `D* ~ C^b`.
    pub d_exponent: Option<Estimate>,
    /// `ln k` of `D* = k C^b`.
    pub d_log_coefficient: Option<f64>,
    /// How the intervals were made.
    pub bootstrap: Option<Bootstrap>,
    /// Change of `BudgetCurve::offset` for each factor of ten of compute: grids whose centre drifts
    /// along the budgets tilt the exponents.
    #[serde(default)]
    pub drift: Option<f64>,
    /// What parabolas at these very sizes make of `n_exponent` where the fitted Chinchilla law holds
    /// without noise, less that law's own: their bias.
    #[serde(default)]
    pub bias: Option<f64>,
    /// What is said beside the numbers: what to act on, and how they were made.
    #[serde(default)]
    pub remarks: Remarks,
}

/// One isoFLOP curve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetCurve {
    /// Compute asked for, FLOPs.
    pub flops_budget: f64,
    /// The runs: N, D, C spent, loss.
    pub runs: Vec<FittedPoint>,
    /// `loss = c0 + c1 u + c2 u^2`, `u = ln N - centre`; null with fewer than three sizes.
    pub parabola: Option<Parabola>,
    /// Location and value of the minimum; null unless it lies inside the sizes trained.
    pub minimum: Option<Minimum>,
    /// Why there is no minimum, or why to doubt it.
    pub note: Option<String>,
    /// The minimum of Akima's interpolation of ln loss in ln N; null unless inside the sizes.
    #[serde(default)]
    pub akima: Option<Minimum>,
    /// Factor of sizes from the smallest to the parabola's minimum; null without a parabola that has one.
    #[serde(default)]
    pub below: Option<f64>,
    /// Factor of sizes from the parabola's minimum to the largest; below one where the minimum lies outside.
    #[serde(default)]
    pub above: Option<f64>,
    /// Minimum less middle of the sizes, in half-widths of ln N: 0 centred, 1 at the largest size.
    #[serde(default)]
    pub offset: Option<f64>,
}

/// `loss = c[0] + c[1] u + c[2] u^2`, `u = ln N - centre`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parabola {
    /// Mean of ln N.
    pub centre: f64,
    /// Coefficients.
    pub c: [f64; 3],
}

/// The bottom of an isoFLOP curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minimum {
    /// N*.
    pub n_opt: Estimate,
    /// D*, interpolated in ln N among the runs.
    pub d_opt: Estimate,
    /// Lowest loss of the parabola, nats per token.
    pub loss: Estimate,
    /// Mean C of the runs, FLOPs.
    pub c: f64,
}
