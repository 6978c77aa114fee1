//! The constants of the optimizer.

use serde::{Deserialize, Serialize};

/// AdamW with decoupled decay and global-norm clipping (Loshchilov & Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// First moment.
    pub beta1: f64,
    /// Second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled decay, on matrices only.
    pub weight_decay: f64,
    /// Bound on the global gradient norm.
    pub clip_norm: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::USUAL
    }
}

impl Optimizer {
    /// The constants of Hoffmann-style runs: 0.9, 0.95, 1e-8, decay 0.1, clip 1.
    pub const USUAL: Self =
        Optimizer { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, clip_norm: 1.0 };

    /// Whether training can use these constants. Those of a file may be any numbers.
    pub fn is_possible(&self) -> bool {
        let Optimizer { beta1, beta2, epsilon, weight_decay, clip_norm } = *self;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let decays = weight_decay.is_finite() && weight_decay >= 0.0;
        share(beta1) && share(beta2) && positive(epsilon) && positive(clip_norm) && decays
    }
}
