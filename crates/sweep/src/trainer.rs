//! The wall between planning and training: what a sweep asks of whatever trains its runs.

use crate::run::PlannedRun;
use isoflop_results::CurvePoint;
use serde::{Deserialize, Serialize};

/// Trains runs. One per worker process; used for one run after another.
pub trait Trainer {
    /// Trains a run to its end and measures its test loss. `progress` is called often and is
    /// cheap.
    ///
    /// # Errors
    /// Something outside the science: data gone, memory, a bug. Divergence is not an error.
    fn train(
        &mut self,
        run: &PlannedRun,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Trained, TrainFailure>;
}

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u64,
    /// Optimizer steps in all.
    pub steps: u64,
    /// Latest train loss, nats per token.
    pub loss: Option<f64>,
}

/// What training a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// How it ended.
    pub ending: Ending,
    /// Nats per token over the last tenth of the steps.
    pub train_loss: Option<f64>,
    /// Learning curve.
    pub curve: Vec<CurvePoint>,
    /// Windows a forward pass.
    pub micro_batch: u64,
    /// Distinct training tokens seen.
    pub unique_tokens: u64,
    /// Seconds in training steps, evaluation left out.
    pub train_seconds: f64,
    /// Device kind.
    pub device: String,
    /// Widest vector instructions used.
    pub instruction_set: String,
    /// Version of Burn.
    pub burn_version: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// At its last step.
    Finished(TestScore),
    /// The loss became non-finite or ran away.
    Diverged {
        /// The step.
        step: u64,
        /// What was seen there.
        reason: String,
    },
}

/// Loss on the held-out test tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestScore {
    /// Nats per token.
    pub loss: f64,
    /// Standard error of `loss`, clustered by document; `None` with a single document.
    pub standard_error: Option<f64>,
    /// Bits per byte of test text.
    pub bits_per_byte: f64,
    /// Tokens scored.
    pub tokens: u64,
}

/// Why a run could not be trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct TrainFailure(pub String);
