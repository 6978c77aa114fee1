//! What a fit says: the content of `fits.json`.

mod approaches;
mod choice;
mod doubt;
mod isoflop;
mod licence;
mod misfit;
mod rates;
mod read;
mod remark;
mod source;
mod validation;
mod warned;

pub use approaches::{Approach, Approaches, Counting, Optimum};
pub use choice::{Candidate, Choice, Rival};
pub use doubt::{
    Bootstrap, Estimate, Influence, Interval, KnownFloor, Outliers, Profile, ProfilePoint,
    Sensitivity,
};
pub use isoflop::{BudgetCurve, Isoflop, Minimum, Parabola};
pub use licence::{Identified, Unidentified};
pub use misfit::Misfit;
pub use rates::{
    BatchCell, BestLaw, DecayLoss, Edge, NotIdentified, Published, RateCell, Rates, RuleCost,
};
pub use read::FitsError;
pub use remark::{Format, Note, Problem, Remark, Remarks, Warning};
pub use source::RowSource;
pub use validation::{Forecast, HeldOut, Ranked, Reached, Validation};
pub use warned::{Place, Warned};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `fits.json`: every fit of a results folder or table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fits {
    /// What version of remarks the file has.
    #[serde(default = "Format::before")]
    pub format: Format,
    /// Coverage of every interval, [`crate::LEVEL`] of the version that wrote the file.
    pub level: f64,
    /// Files that the rows came from.
    #[serde(default)]
    pub sources: Vec<RowSource>,
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
    /// Best learning rates and batches, one a series that was trained at several rates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Rates>,
    /// The law that forecasts, one choice a series, with its reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
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
    /// Column that N is, such as `n_non_embedding`.
    pub n_kind: String,
    /// Column that C is, such as `c_exact`; null where C plays no part.
    pub c_kind: Option<String>,
    /// The points in words: "isoFLOP minima", "largest D per N", "all finished runs".
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
    /// E against the entropy rate of the language; null where that is not known, or the law has no E that
    /// it should equal.
    #[serde(default)]
    pub known_floor: Option<KnownFloor>,
    /// What mixtures of experts among the rows are worth, where the law tells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effective: Vec<EffectiveSize>,
    /// Laws beside this one, where it was chosen to forecast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<Rival>,
    /// What is said beside the numbers: what to act on, and how they were made.
    #[serde(default)]
    pub remarks: Remarks,
}

/// The size of the dense model that has the loss of a mixture of experts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectiveSize {
    /// Experts for each one that a token uses.
    pub experts: f64,
    /// Parameters that a token uses.
    pub n: f64,
    /// Training tokens, where the rows have them.
    pub d: Option<f64>,
    /// Parameters of the dense model.
    pub n_effective: Estimate,
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

/// A local optimum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basin {
    /// Unscaled objective.
    pub objective: f64,
    /// Parameters at this optimum.
    pub parameters: BTreeMap<String, f64>,
    /// Names of parameters that sit at a bound.
    pub at_bound: Vec<String>,
}

/// A row that no fit saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excluded {
    /// Run id or row number.
    pub label: String,
    /// Why the row was left out.
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
    /// Why the law was not fitted.
    pub reason: String,
    /// Which runs to add, where that helps.
    pub hint: Option<String>,
}
