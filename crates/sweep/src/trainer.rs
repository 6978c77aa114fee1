//! The wall between planning and training: what a sweep asks of whatever trains its runs.

use crate::lack::Lack;
use crate::run::PlannedRun;
use isoflop_results::{CurvePoint, FailureKind, ResultsError};
use serde::{Deserialize, Serialize};

/// Trains runs. One per worker process; used for one run after another.
pub trait Trainer {
    /// What the bits of a loss depend on besides the run: device kind and instruction set, such
    /// as `cpu-avx512`. A state goes on only where this is the same.
    fn kind(&self) -> String;

    /// Windows of a run that go through the model at a time, unless memory has run out before.
    fn micro_windows(&self, run: &PlannedRun) -> u64 {
        run.micro_windows()
    }

    /// FLOP/s of a large matrix product on its device, measured; asked for after a run, since it
    /// takes memory.
    fn peak_flops_per_s(&self) -> Option<f64> {
        None
    }

    /// Looks for what this worker needs to train these runs: their texts, the version that planned
    /// them. Called before the first claim.
    ///
    /// # Errors
    /// What it lacks. Nothing is wrong with the runs, and another worker may have it.
    fn check(&mut self, _runs: &[&PlannedRun]) -> Result<(), Lack> {
        Ok(())
    }

    /// Trains a run from the newest state that `keeper` has, or from nothing, to its end, and
    /// measures its test loss. At most `micro_windows` windows go through the model at a time.
    ///
    /// # Errors
    /// Something outside the science: told to stop, a text gone, memory, a bug. Divergence is not
    /// an error.
    fn train(
        &mut self,
        run: &PlannedRun,
        micro_windows: u64,
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainFailure>;
}

/// Keeps what a run needs to go on from where it was. Called before every step, and cheap.
pub trait Keeper {
    /// Notes where the run is.
    fn progress(&mut self, progress: Progress);

    /// The newest state not handed out before; `None` when there is no older one. A caller that
    /// cannot use a state asks again.
    fn newest(&mut self) -> Option<Vec<u8>>;

    /// Whether the state after `step` steps is to be kept.
    fn wants(&mut self, step: u64) -> bool;

    /// Keeps the state after `step` steps.
    ///
    /// # Errors
    /// It cannot be written.
    fn keep(&mut self, step: u64, state: &[u8]) -> Result<(), TrainFailure>;

    /// Whether training is to end here, to be taken up later.
    fn stopping(&self) -> bool;
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
    /// Training tokens a second since this process took the run up.
    pub tokens_per_s: Option<f64>,
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
    /// Distinct training tokens seen.
    pub unique_tokens: u64,
    /// Optimizer steps done, those of states gone on from included.
    pub steps: u64,
    /// Tokens trained on by this call; less than the run's where it went on from a state.
    pub tokens_here: u64,
    /// Seconds of this call in training steps, evaluation left out.
    pub train_seconds: f64,
    /// Most bytes of the device's own memory, where it has any.
    pub device_memory_bytes: Option<u64>,
    /// Device kind.
    pub device: String,
    /// Widest vector instructions used; of a GPU its API, name and driver.
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

/// Why a run was not trained to its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainFailure {
    /// Told to stop; nothing is wrong with the run.
    #[error("stopped")]
    Stopped,
    /// The disk is full; nothing is wrong with the run.
    #[error("no room left: {0}")]
    NoRoom(String),
    /// The worker cannot train it; nothing is wrong with the run.
    #[error(transparent)]
    Lack(#[from] Lack),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl TrainFailure {
    /// What kind of failure its row names.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            TrainFailure::NoRoom(_) => FailureKind::Disk,
            TrainFailure::Stopped | TrainFailure::Lack(_) | TrainFailure::Other(_) => {
                FailureKind::Other
            }
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
