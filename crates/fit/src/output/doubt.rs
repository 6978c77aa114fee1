//! How far a number can be trusted: intervals, profiles, rows and thresholds that move it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a parameter can move before the objective, with every other parameter at its best, is
/// worse than chance allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Name of the parameter, a key of `parameters`.
    pub parameter: String,
    /// The optimum; of few units that of the squares, along which the profile is walked.
    pub value: f64,
    /// Lower end of the interval, of coverage [`crate::LEVEL`]; null where the data sets none.
    pub low: Option<f64>,
    /// Upper end of the interval; null where the data sets none.
    pub high: Option<f64>,
    /// False where either end is missing: the profile is flat on that side.
    pub identified: bool,
    /// Statistic at which the interval ends: the square of Student's 95 % point.
    pub threshold: f64,
    /// Points of the profile, ascending in `value`; `statistic` is zero at the optimum.
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

/// The irreducible loss E of a fit beside the entropy rate of the language that its rows are trained
/// on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownFloor {
    /// The entropy rate, in the unit of the loss.
    pub entropy: f64,
    /// E as fitted.
    pub fitted: f64,
    /// Lower end of what the rows allow E (its profile's, else the bootstrap's); null where they set none.
    pub low: Option<f64>,
    /// Upper end of what the rows allow E; null where they set none.
    pub high: Option<f64>,
    /// Whether the entropy lies between the ends; null where the fit has no interval.
    pub agrees: Option<bool>,
}

impl std::fmt::Display for KnownFloor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let off = 100.0 * (self.fitted / self.entropy - 1.0);
        let end = |end: Option<f64>| end.map_or("open".to_owned(), |v| format!("{v:.4}"));
        write!(f, "E = {:.4}", self.fitted)?;
        if self.agrees.is_some() {
            write!(f, " [{}, {}]", end(self.low), end(self.high))?;
        }
        let verdict = match self.agrees {
            Some(true) => " (inside the interval)",
            Some(false) => {
                " (outside the interval: the law, or how well the runs are trained, is wrong)"
            }
            None => "",
        };
        let entropy = self.entropy;
        write!(f, ", the language's entropy {entropy:.4}: off by {off:+.2} %{verdict}")
    }
}

/// A fit under another objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// The objective as `--objective` takes it.
    pub objective: String,
    /// Unscaled value of that objective at its own optimum.
    pub value: f64,
    /// Parameters at that optimum.
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

/// What one row does to the fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// Run id or row number.
    pub label: String,
    /// The parameter that the row moves most, relative to its value.
    pub parameter: String,
    /// Value of the parameter in the fit without the row.
    pub without: f64,
    /// Change of the parameter relative to its value in the full fit.
    pub relative_change: f64,
}

/// A number with its interval, of coverage [`crate::LEVEL`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    pub value: f64,
    /// Lower end of the interval; null without a bootstrap.
    pub low: Option<f64>,
    /// Upper end of the interval; null without a bootstrap.
    pub high: Option<f64>,
    /// Standard deviation over replicates; null without a bootstrap.
    pub standard_error: Option<f64>,
    /// False where the runs cannot tell this parameter; `remarks` says why.
    pub identified: bool,
    /// Whether a person held the parameter at its value, so that it has no interval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
}

/// How intervals were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Replicates asked for.
    pub replicates: usize,
    /// Replicates whose fit did not converge and was left out.
    pub failed: usize,
    /// What was resampled or drawn, in words.
    pub unit: String,
    /// Number of distinct units.
    pub units: usize,
    /// `percentile` or `BCa`.
    pub interval: String,
    /// Seed of the replicates.
    pub seed: u64,
    /// Which intervals stand beside the estimates: `replicates` or, for few units and where rows lie far
    /// from the law, `profile`.
    #[serde(default)]
    pub headline: String,
    /// The replicates' own intervals by parameter, whichever stand beside the estimates.
    #[serde(default)]
    pub intervals: BTreeMap<String, Interval>,
}

/// Ends of an interval, of coverage [`crate::LEVEL`]; null where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Bootstrap {
    /// Whether the intervals beside the estimates are profiles, and those of the replicates stand apart.
    pub fn is_profiled(&self) -> bool {
        self.headline == "profile"
    }

    /// How the intervals beside the estimates were made: `200 BCa replicates`, `profiles`.
    pub fn words(&self) -> String {
        match self.is_profiled() {
            true => "profiles".to_owned(),
            false => format!("{} {} replicates", self.replicates, self.interval),
        }
    }
}

impl Estimate {
    /// The estimate with an interval that holds its value: an end that passed the value comes back to it.
    pub(crate) fn with_its_value(self) -> Self {
        Estimate {
            low: self.low.map(|low| low.min(self.value)),
            high: self.high.map(|high| high.max(self.value)),
            ..self
        }
    }
}
