//! Which law forecasts, and why.

use serde::{Deserialize, Serialize};

/// The law that forecasts best of those that the same rows allow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// The points that all these laws were fitted to, in words.
    pub points: String,
    /// Name of the law that was chosen.
    pub law: String,
    /// Why, in words.
    pub reason: String,
    /// Every law that was asked, in the order of its error, those that cannot be chosen last.
    pub candidates: Vec<Candidate>,
}

/// One law among those that a choice was made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Name of the law.
    pub law: String,
    /// Number of free parameters.
    pub parameters: usize,
    /// Root mean square of ln(predicted / measured) over rows held out, late windows counting more than early
    /// ones; null where the law was not judged.
    pub error: Option<f64>,
    /// Weight of the law in the interval of a forecast: the inverse of its squared error, as a share of all.
    pub share: f64,
    /// Parameters that the rows do not identify, which is no reason against a forecast.
    pub unidentified: Vec<String>,
    /// Why the law cannot be chosen; null for one that can.
    pub excluded: Option<String>,
}

/// A law that might have been chosen as well: what a forecast's interval knows of the choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// Name of the law.
    pub law: String,
    /// Weight in an interval, as a share of all laws, the chosen one included.
    pub share: f64,
    /// Free parameters, in the order of the law's names.
    pub values: Vec<f64>,
}
