//! The optimizers and their constants.

use serde::{Deserialize, Serialize};

pub mod muon;

/// Which optimizer trains a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// AdamW with decoupled decay (Loshchilov & Hutter 2019).
    #[default]
    AdamW,
    /// Orthogonalised momentum for linear maps (Jordan et al. 2024), AdamW for all else.
    Muon,
    /// Gradient descent with momentum and decoupled decay.
    Sgd,
}

impl OptimizerKind {
    /// Every optimizer.
    pub const ALL: [OptimizerKind; 3] =
        [OptimizerKind::AdamW, OptimizerKind::Muon, OptimizerKind::Sgd];

    /// Its name in a sweep file and in a row.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::AdamW => "adamw",
            OptimizerKind::Muon => "muon",
            OptimizerKind::Sgd => "sgd",
        }
    }

    /// The optimizer of a name.
    pub fn named(name: &str) -> Option<Self> {
        OptimizerKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is the one that runs had before there were others.
    pub fn is_default(&self) -> bool {
        *self == OptimizerKind::default()
    }
}

/// Share of the sum of gradients that gradient descent keeps from one step to the next (Sutskever et al. 2013).
pub const SGD_MOMENTUM: f64 = 0.9;

/// An optimizer and its constants; gradients are clipped by their global norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// Which one it is. Not written where it is AdamW, which the ids of runs were made without.
    #[serde(default, skip_serializing_if = "OptimizerKind::is_default")]
    pub kind: OptimizerKind,
    /// First moment of AdamW.
    pub beta1: f64,
    /// Second moment of AdamW.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled decay, on matrices only.
    pub weight_decay: f64,
    /// Bound on the global gradient norm.
    pub clip_norm: f64,
}

impl Optimizer {
    /// The constants of Hoffmann-style runs: AdamW, 0.9, 0.95, 1e-8, decay 0.1, clip 1.
    pub const USUAL: Self = Optimizer {
        kind: OptimizerKind::AdamW,
        beta1: 0.9,
        beta2: 0.95,
        epsilon: 1e-8,
        weight_decay: 0.1,
        clip_norm: 1.0,
    };

    /// Decay of the running means of AdamW in small batches: a longer memory of squares suits them, and a shorter
    /// one of gradients the few steps of small budgets (LOG.md, 2026-11-27).
    pub const SMALL_BATCH_BETAS: [f64; 2] = [0.8, 0.98];

    /// Decoupled decay under gradient descent, whose rates are some thirty to eighty times those of AdamW: its
    /// product with the rate, by which a step shrinks a matrix, is then about that of AdamW.
    const SGD_DECAY: f64 = 0.001;

    /// An optimizer with its usual constants.
    pub fn of(kind: OptimizerKind) -> Self {
        let usual = Optimizer { kind, ..Self::USUAL };
        match kind {
            OptimizerKind::AdamW | OptimizerKind::Muon => usual,
            OptimizerKind::Sgd => Optimizer { weight_decay: Self::SGD_DECAY, ..usual },
        }
    }

    /// Whether training can use these constants. Those of a file may be any numbers.
    pub fn is_possible(&self) -> bool {
        let Optimizer { kind: _, beta1, beta2, epsilon, weight_decay, clip_norm } = *self;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let decays = weight_decay.is_finite() && weight_decay >= 0.0;
        share(beta1) && share(beta2) && positive(epsilon) && positive(clip_norm) && decays
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::USUAL
    }
}
