//! Separates planning from training: what a sweep asks of whatever trains its runs.

use crate::error::SweepError;
use crate::lack::Lack;
use crate::run::PlannedRun;
use isoflop_results::{CurvePoint, FailureKind, PositionPoint, ResultsError};
use serde::{Deserialize, Serialize};

/// Trains runs. A worker process has one trainer and uses it for one run after another.
pub trait Trainer {
    /// Everything besides the run that the bits of a loss depend on: kind of device and instruction
    /// set, such as `cpu-avx512`. Training resumes only from states of the same kind.
    fn kind(&self) -> String;

    /// Windows per forward pass; an attempt that ran out of memory lowers them.
    fn micro_windows(&self, run: &PlannedRun) -> u64 {
        run.micro_windows()
    }

    /// Measured FLOP/s of a large matrix product on the device. It is asked for only after a run,
    /// since measuring takes memory.
    fn peak_flops_per_s(&self) -> Option<f64> {
        None
    }

    /// Checks that this worker has what it needs to train these runs: their texts and the version
    /// of the code that planned them. It is called before the first claim.
    ///
    /// # Errors
    /// Whatever the worker lacks. Nothing is wrong with the runs, and another worker may have it.
    fn check(&mut self, _runs: &[&PlannedRun]) -> Result<(), Lack> {
        Ok(())
    }

    /// Trains a run to its end, from the newest state that `keeper` has or from the beginning, and
    /// measures its test loss. At most `micro_windows` windows go through the model in one forward
    /// pass.
    ///
    /// # Errors
    /// Anything that is no result about the run: a request to stop, a missing text, lack of memory,
    /// a bug. Divergence is a result and not an error.
    fn train(
        &mut self,
        run: &PlannedRun,
        micro_windows: u64,
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainFailure>;
}

/// Stores what a run needs in order to resume. It is called before every step and must be cheap.
pub trait Keeper {
    /// Records how far the run has come.
    fn progress(&mut self, progress: Progress);

    /// The newest state that was not handed out before; `None` when there is no older one. A caller
    /// that cannot use a state asks again.
    fn newest(&mut self) -> Option<Vec<u8>>;

    /// Whether the state after `step` steps should be kept.
    fn wants(&mut self, step: u64) -> bool;

    /// Stores the state after `step` steps.
    ///
    /// # Errors
    /// The state cannot be written.
    fn keep(&mut self, step: u64, state: &[u8]) -> Result<(), TrainFailure>;

    /// Whether training should end here, to be resumed later.
    fn stopping(&self) -> bool;
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Number of optimizer steps done.
    pub step: u64,
    /// Number of optimizer steps of the whole run.
    pub steps: u64,
    /// Latest train loss, in nats per token.
    pub loss: Option<f64>,
    /// Training tokens per second since this process took up the run.
    pub tokens_per_s: Option<f64>,
}

/// Result of training a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// How the run ended.
    pub ending: Ending,
    /// Mean train loss over the last tenth of the steps, in nats per token.
    pub train_loss: Option<f64>,
    /// Learning curve of the run.
    pub curve: Vec<CurvePoint>,
    /// Test loss by position in the context; empty unless the run finished.
    pub positions: Vec<PositionPoint>,
    /// Number of distinct training tokens that the run has seen.
    pub unique_tokens: u64,
    /// Number of optimizer steps done, including those that a resumed state already held.
    pub steps: u64,
    /// Number of tokens trained on by this call; fewer than the run's if it resumed from a state.
    pub tokens_here: u64,
    /// Seconds that this call spent in training steps, without evaluation.
    pub train_seconds: f64,
    /// Most bytes used of the device's own memory; `None` if it has none.
    pub device_memory_bytes: Option<u64>,
    /// Kind of the device.
    pub device: String,
    /// Widest vector instructions that were used; for a GPU its API, name and driver.
    pub instruction_set: String,
    /// Version of Burn.
    pub burn_version: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The run was trained to its last step; holds its test loss.
    Finished(TestScore),
    /// The loss became non-finite or ran away.
    Diverged {
        /// Step at which the run diverged.
        step: u64,
        /// Description of what was seen there.
        reason: String,
    },
}

/// Loss on the scored test text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestScore {
    /// Mean loss in nats per token.
    pub loss: f64,
    /// Standard error of `loss`, clustered by document; `None` with a single document.
    pub standard_error: Option<f64>,
    /// Bits per byte of test text.
    pub bits_per_byte: f64,
    /// Number of scored tokens.
    pub tokens: u64,
    /// Largest share of an expert over the mean share, of the most uneven layer, over the scored tokens;
    /// `None` without experts.
    pub load: Option<f64>,
}

/// Reason why a run was not trained to its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainFailure {
    /// The trainer was told to stop; nothing is wrong with the run.
    #[error("stopped")]
    Stopped,
    /// The disk is full; nothing is wrong with the run.
    #[error("no room left: {0}")]
    NoRoom(String),
    /// The worker lacks something; nothing is wrong with the run.
    #[error(transparent)]
    Lack(#[from] Lack),
    /// Any other failure; holds its message.
    #[error("{0}")]
    Other(String),
}

impl TrainFailure {
    /// Kind of failure that the run's row names.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            TrainFailure::NoRoom(_) => FailureKind::Disk,
            TrainFailure::Stopped | TrainFailure::Lack(_) | TrainFailure::Other(_) => {
                FailureKind::Other
            }
        }
    }
}

impl From<SweepError> for TrainFailure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Results(error) => error.into(),
            other => TrainFailure::Other(other.to_string()),
        }
    }
}

impl From<ResultsError> for TrainFailure {
    fn from(error: ResultsError) -> Self {
        match error.is_full_disk() {
            true => TrainFailure::NoRoom(error.to_string()),
            false => TrainFailure::Other(error.to_string()),
        }
    }
}
