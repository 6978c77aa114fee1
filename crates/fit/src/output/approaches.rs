//! Ways to the compute-optimal split, side by side.

use super::Estimate;
use serde::{Deserialize, Serialize};

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
