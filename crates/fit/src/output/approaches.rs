//! Ways to the compute-optimal split, side by side.

use super::{Estimate, Remarks};
use serde::{Deserialize, Serialize};

/// The three approaches of Hoffmann et al. 2022 on one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approaches {
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// Column that N is.
    pub n_kind: String,
    /// Column that C is.
    pub c_kind: String,
    /// The approaches that these rows allow.
    pub approaches: Vec<Approach>,
}

impl Approaches {
    /// Why a and b do not add up to one, where they do not.
    pub fn counting(&self) -> Option<String> {
        /// A sum this near to one needs no word.
        const NEAR: f64 = 0.02;
        let told = |approach: &Approach| {
            let (a, b) = (approach.n_exponent?, approach.d_exponent?);
            let six = approach.six_nd?;
            let known = a.identified && b.identified && a.value > 0.0;
            (known && (a.value + b.value - 1.0).abs() > NEAR).then(|| {
                format!(
                    "a and b of approach {} add up to {:.2} and not to 1, since C counts attention and the head as \
                     well: FLOPs per token grow as N^{:.2} along the optima, not as N; under C = 6 N D the \
                     same optima give a = {:.3} and b = {:.3}",
                    approach.name,
                    a.value + b.value,
                    (1.0 - b.value) / a.value,
                    six.n_exponent.value,
                    six.d_exponent.value
                )
            })
        };
        let parabolas = self.approaches.iter().filter(|a| a.name == "2");
        parabolas.chain(&self.approaches).find_map(told)
    }
}

/// `N* = k C^a` and `D* = k' C^b` as one approach finds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approach {
    /// `1`, `2`, `2-akima` or `3`.
    pub name: String,
    /// What the approach does, in a sentence.
    pub words: String,
    /// The exponent `a` of N*.
    pub n_exponent: Option<Estimate>,
    /// The logarithm of `k`.
    pub n_log_coefficient: Option<f64>,
    /// The exponent `b` of D*.
    pub d_exponent: Option<Estimate>,
    /// The logarithm of `k'`.
    pub d_log_coefficient: Option<f64>,
    /// Exponents and coefficients under C = 6 N D; null where the rows count compute so.
    #[serde(default)]
    pub six_nd: Option<Counting>,
    /// The optima that the lines run through, those of approach 3 within the sizes trained.
    pub optima: Vec<Optimum>,
    /// How the intervals were made; null where there are none.
    pub intervals: Option<String>,
    /// What is said beside the numbers: what to act on, and how they were made.
    #[serde(default)]
    pub remarks: Remarks,
}

/// `N* = k C^a` and `D* = k' C^b` under another count of compute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counting {
    /// The exponent `a` of N*.
    pub n_exponent: Estimate,
    /// The logarithm of `k`.
    pub n_log_coefficient: f64,
    /// The exponent `b` of D*.
    pub d_exponent: Estimate,
    /// The logarithm of `k'`.
    pub d_log_coefficient: f64,
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
    /// Loss of the best size, nats per token.
    pub loss: f64,
}
