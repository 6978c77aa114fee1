//! Laws judged by rows that they were not fitted to.

use super::Misfit;
use serde::{Deserialize, Serialize};

/// A law judged by rows that it was not fitted to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Fits on all budgets up to one, each judged by the next.
    pub windows: Vec<HeldOut>,
    /// The fit on all but the largest size, judged by the runs of that size.
    pub largest_size: Option<HeldOut>,
    /// Root mean square over windows of the mean error of ln L for each factor e of compute beyond the
    /// rows fitted; null below two windows.
    pub drift: Option<f64>,
    /// What it says of the law that the windows err to one side beyond noise ([`Validation::verdict`]); null
    /// where they do not.
    #[serde(default)]
    pub misfit: Option<Misfit>,
}

impl Validation {
    /// How far beyond the compute fitted the windows were judged, as a factor; none without windows.
    pub fn reach(&self) -> Option<f64> {
        let all = self.windows.iter().flat_map(HeldOut::reached);
        all.map(|at| at.reach).reduce(f64::max)
    }
}

/// One fit on a part of the rows, and its error on others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// The rows fitted, in words.
    pub window: String,
    /// The rows predicted, in words; empty in files of earlier versions.
    #[serde(default)]
    pub judged: String,
    /// Rows fitted.
    pub rows: usize,
    /// Rows predicted.
    pub held_out: usize,
    /// Largest over smallest compute fitted; null in files of earlier versions.
    #[serde(default)]
    pub range: Option<f64>,
    /// Largest compute predicted over the largest fitted.
    pub reach: f64,
    /// Mean of ln(predicted / measured).
    pub mean_error: f64,
    /// Root mean square of ln(predicted / measured).
    pub rms_error: f64,
    /// Held-out rows inside their prediction intervals; null without a bootstrap.
    #[serde(default)]
    pub covered: Option<usize>,
    /// The rows predicted, in the order of their compute.
    #[serde(default)]
    pub points: Vec<Forecast>,
    /// The fit judged by every later budget, the next one first.
    #[serde(default)]
    pub reached: Vec<Reached>,
}

impl HeldOut {
    /// Every later budget, the next one first. Files of earlier versions know the next budget alone, and
    /// of its error no more than the scatter.
    pub fn reached(&self) -> Vec<Reached> {
        match self.reached.is_empty() {
            false => self.reached.clone(),
            true => vec![Reached {
                reach: self.reach,
                held_out: self.held_out,
                mean_error: self.mean_error,
                rms_error: self.rms_error,
                expected: self.rms_error / (self.held_out.max(1) as f64).sqrt(),
                covered: self.covered,
            }],
        }
    }
}

/// How a fit on the smaller budgets does on one of the larger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Compute of the rows predicted (their geometric mean) over the largest fitted.
    pub reach: f64,
    /// Rows predicted.
    pub held_out: usize,
    /// Mean of ln(predicted / measured).
    pub mean_error: f64,
    /// Root mean square of ln(predicted / measured).
    pub rms_error: f64,
    /// Standard deviation of the mean error if the law is right: what the fit's replicates (where there
    /// are some) and the scatter of single runs leave open.
    pub expected: f64,
    /// Predicted rows inside their prediction intervals; null without a bootstrap.
    pub covered: Option<usize>,
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
    /// Loss as measured, nats per token.
    pub loss: f64,
    /// Loss as predicted, nats per token.
    pub predicted: f64,
    /// Lower end of the prediction interval, of coverage [`crate::LEVEL`]; null without a bootstrap.
    pub low: Option<f64>,
    /// Upper end of the prediction interval; null without a bootstrap.
    pub high: Option<f64>,
}

/// A law's place among the laws of the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Name of the law.
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
    /// Held-out rows inside their prediction intervals; null without a bootstrap.
    pub covered: Option<usize>,
}
