//! What a fit says: the content of `fits.json`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `fits.json`: every fit of a results folder or table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fits {
    /// Coverage of every interval, 0.9.
    pub level: f64,
    /// All laws fitted.
    pub fits: Vec<Fit>,
    /// IsoFLOP analyses, one a series, where the plan had budgets.
    pub isoflop: Vec<Isoflop>,
    /// Rows left out of every fit, and why.
    pub excluded: Vec<Excluded>,
    /// Laws that these rows cannot support, and what would change that.
    #[serde(default)]
    pub refused: Vec<Refusal>,
    /// Approaches 1, 2 and 3 of Hoffmann et al. 2022 side by side, one set a series.
    #[serde(default)]
    pub approaches: Vec<Approaches>,
    /// Laws of the same rows in the order of their held-out error, best first.
    #[serde(default)]
    pub ranking: Vec<Ranked>,
}

/// One law fitted to one set of points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// A name of `isoflop fit --list`: `power`, `chinchilla`, `kaplan`, ...
    pub law: String,
    /// The formula in plain text.
    pub formula: String,
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Variable of a one-variable law.
    pub x: Option<Axis>,
    /// Which N: a column name such as `n_non_embedding`.
    pub n_kind: String,
    /// Which C: a column name such as `c_exact`; null where C plays no part.
    pub c_kind: Option<String>,
    /// Which points, in words: "isoFLOP minima", "largest D per N", "all finished runs".
    pub points: String,
    /// The points themselves, as fitted (after exclusions), for drawing and for checking.
    pub data: Vec<FittedPoint>,
    /// Points fitted.
    pub rows: usize,
    /// Rows left out by `--drop-worst`.
    pub dropped: usize,
    /// What was minimised.
    pub objective: ObjectiveValue,
    /// Estimates by name: `E`, `A`, `B`, `alpha`, `beta`, and derived ones such as `n_exponent`.
    pub parameters: BTreeMap<String, Estimate>,
    /// Every distinct local optimum found, best first.
    pub basins: Vec<Basin>,
    /// Starts that were polished.
    pub starts_tried: usize,
    /// Starts that ended in the best basin.
    pub starts_agreed: usize,
    /// Norm of the gradient of the scaled objective at the optimum.
    pub gradient_norm: f64,
    /// How the intervals were made; null with `--bootstrap 0`.
    pub bootstrap: Option<Bootstrap>,
    /// Rows whose removal moves the fit most, most influential first.
    pub influence: Vec<Influence>,
    /// Standard deviation of ln L about the law, for the parameters spent.
    #[serde(default)]
    pub noise: Option<f64>,
    /// Parameters of up to 200 replicates, in the order of `draw_names`: what a prediction carries on.
    #[serde(default)]
    pub draws: Vec<Vec<f64>>,
    /// Names of the columns of `draws`.
    #[serde(default)]
    pub draw_names: Vec<String>,
    /// How the law does on rows that it was not fitted to; null where no part of them identifies it.
    #[serde(default)]
    pub validation: Option<Validation>,
    /// The objective along each parameter with the others at their best; empty with `--bootstrap 0`.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// The fit under other thresholds of Huber's penalty; empty for objectives without one.
    #[serde(default)]
    pub sensitivity: Vec<Sensitivity>,
    /// Rows far from the law, and the fit with and without them.
    #[serde(default)]
    pub outliers: Option<Outliers>,
    /// What a reader must know before quoting the numbers.
    pub warnings: Vec<String>,
}

/// The variable of a one-variable law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Parameters.
    N,
    /// Training tokens.
    D,
    /// Training compute.
    C,
}

/// One point as a fit saw it. Coordinates that a law does not use may be absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedPoint {
    /// Run id or row number; a minimum of a parabola names its budget.
    pub label: String,
    /// Parameters.
    pub n: Option<f64>,
    /// Tokens.
    pub d: Option<f64>,
    /// FLOPs.
    pub c: Option<f64>,
    /// Nats per token.
    pub loss: f64,
    /// The law's value there.
    pub fitted: f64,
}

/// The objective and its value at the optimum, unscaled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveValue {
    /// `log-huber`, `huber`, `mse`, `log-mse`, `absolute`, `log-absolute`, `asymmetric` or
    /// `log-asymmetric`.
    pub kind: String,
    /// Huber's threshold; null for squares.
    pub delta: Option<f64>,
    /// `sum` or `mean`.
    pub reduction: String,
    /// Value at the optimum.
    pub value: f64,
}

/// A law judged by rows that it was not fitted to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Fitted on all budgets up to one, judged by the next.
    pub windows: Vec<HeldOut>,
    /// Fitted on all but the largest size, judged by that.
    pub largest_size: Option<HeldOut>,
    /// Root mean square over windows of the mean error of ln L for each factor e of compute beyond the
    /// rows fitted; null below two windows.
    pub drift: Option<f64>,
}

/// One fit on a part of the rows, and its error on others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// The rows fitted, in words.
    pub window: String,
    /// Their number.
    pub rows: usize,
    /// Rows predicted.
    pub held_out: usize,
    /// Largest compute predicted over the largest fitted.
    pub reach: f64,
    /// Mean of ln(predicted / measured).
    pub mean_error: f64,
    /// Root mean square of the same.
    pub rms_error: f64,
    /// Held-out rows inside their 90 % prediction intervals; null without a bootstrap.
    #[serde(default)]
    pub covered: Option<usize>,
    /// The rows predicted, in the order of their compute.
    #[serde(default)]
    pub points: Vec<Forecast>,
}

/// A held-out row and what the fit on the others says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Run id or row number.
    pub label: String,
    /// Parameters.
    pub n: Option<f64>,
    /// Tokens.
    pub d: Option<f64>,
    /// FLOPs.
    pub c: Option<f64>,
    /// Measured, nats per token.
    pub loss: f64,
    /// Predicted, nats per token.
    pub predicted: f64,
    /// Of the 90 % prediction interval; null without a bootstrap.
    pub low: Option<f64>,
    /// As `low`.
    pub high: Option<f64>,
}

/// How far a parameter can move before the objective, with every other parameter at its best, is
/// worse than chance allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name, a key of `parameters`.
    pub parameter: String,
    /// The optimum.
    pub value: f64,
    /// Lower end of the 90 % interval; null where the data sets none.
    pub low: Option<f64>,
    /// Upper end; null where the data sets none.
    pub high: Option<f64>,
    /// False where either end is missing: the profile is flat on that side.
    pub identified: bool,
    /// Statistic at which the interval ends: the square of Student's 95 % point.
    pub threshold: f64,
    /// Ascending in `value`; `statistic` is zero at the optimum.
    pub points: Vec<ProfilePoint>,
    /// Why an end is missing.
    pub note: Option<String>,
}

/// One point of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    /// Where the parameter is held.
    pub value: f64,
    /// Twice the rise of the objective in units of its dispersion; about chi-squared with one degree
    /// of freedom at the truth.
    pub statistic: f64,
}

/// A fit under another objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// As `--objective` takes it.
    pub objective: String,
    /// Unscaled value at its own optimum.
    pub value: f64,
    /// Parameters there.
    pub parameters: BTreeMap<String, f64>,
}

/// Rows far from the law, and what they do to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outliers {
    /// Run ids or row numbers, farthest first.
    pub rows: Vec<String>,
    /// Parameters of the fit on all rows.
    pub with: BTreeMap<String, f64>,
    /// Parameters without these rows.
    pub without: BTreeMap<String, f64>,
}

/// A law's place among the laws of the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Its name.
    pub law: String,
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Root mean square of ln(predicted / measured) over the held-out rows of all windows that every
    /// ranked law could be fitted on.
    pub rms_error: f64,
    /// Windows compared.
    pub windows: usize,
    /// Rows predicted.
    pub held_out: usize,
    /// Of these, rows inside their 90 % prediction intervals; null without a bootstrap.
    pub covered: Option<usize>,
}

/// The three approaches of Hoffmann et al. 2022 on one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approaches {
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Which N.
    pub n_kind: String,
    /// Which C.
    pub c_kind: String,
    /// Those that these rows allow.
    pub approaches: Vec<Approach>,
}

/// `N* = k C^a` and `D* = k' C^b` as one approach finds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approach {
    /// `1`, `2`, `2-akima` or `3`.
    pub name: String,
    /// How it was done, in a sentence.
    pub words: String,
    /// `a`.
    pub n_exponent: Option<Estimate>,
    /// `ln k`.
    pub n_log_coefficient: Option<f64>,
    /// `b`.
    pub d_exponent: Option<Estimate>,
    /// `ln k'`.
    pub d_log_coefficient: Option<f64>,
    /// The optima that the lines run through; empty for approach 3.
    pub optima: Vec<Optimum>,
    /// How the intervals were made; null without.
    pub intervals: Option<String>,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// The best size at one compute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    /// FLOPs.
    pub c: f64,
    /// N*.
    pub n: f64,
    /// D*.
    pub d: f64,
    /// Loss there, nats per token.
    pub loss: f64,
}

/// A number with its 90 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    pub value: f64,
    /// Lower end; null without a bootstrap.
    pub low: Option<f64>,
    /// Upper end; null without a bootstrap.
    pub high: Option<f64>,
    /// Standard deviation over replicates; null without a bootstrap.
    pub standard_error: Option<f64>,
    /// False where the runs cannot tell this parameter; `warnings` says why.
    pub identified: bool,
}

/// A local optimum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basin {
    /// Unscaled objective.
    pub objective: f64,
    /// Parameters there.
    pub parameters: BTreeMap<String, f64>,
    /// Names of parameters that sit at a bound.
    pub at_bound: Vec<String>,
}

/// How intervals were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Replicates asked for.
    pub replicates: usize,
    /// Replicates whose fit did not converge and was left out.
    pub failed: usize,
    /// What was resampled, in words.
    pub unit: String,
    /// Distinct units.
    pub units: usize,
    /// `percentile` or `BCa`.
    pub interval: String,
    /// Seed.
    pub seed: u64,
}

/// What one row does to the fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// Run id or row number.
    pub label: String,
    /// The parameter it moves most, relative to its value.
    pub parameter: String,
    /// That parameter without the row.
    pub without: f64,
    /// Change relative to the full fit's value.
    pub relative_change: f64,
}

/// Approach 2 of Hoffmann et al. 2022: a parabola of loss in ln N for each budget, then power
/// laws through the minima.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Isoflop {
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Which N.
    pub n_kind: String,
    /// One a budget, ascending.
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
    /// What a reader must know.
    pub warnings: Vec<String>,
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
    /// Factor from there to the largest. Below one: the minimum lies outside.
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

/// A row that no fit saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excluded {
    /// Run id or row number.
    pub label: String,
    /// Why.
    pub reason: String,
}

/// A law that was not fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// `power`, `power-offset`, `chinchilla` or `isoflop`.
    pub law: String,
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Variable of a one-variable law.
    pub x: Option<Axis>,
    /// Why not.
    pub reason: String,
    /// Which runs to add, where that helps.
    pub hint: Option<String>,
}
