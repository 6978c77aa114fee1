//! One point of a learning curve: a row of `curves.parquet`.

use serde::{Deserialize, Serialize};

/// A row of `curves.parquet`, without the run id that its shard carries once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// Optimizer steps done.
    pub step: u64,
    /// Training tokens seen.
    pub tokens: u64,
    /// `c_exact` so far.
    pub flops: f64,
    /// Nats per token, mean over the steps since the last point; `None` once non-finite.
    pub train_loss: Option<f64>,
    /// Nats per token on a small fixed subset of the test tokens; `None` where not measured.
    pub test_loss: Option<f64>,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Global gradient norm before clipping; `None` once non-finite.
    pub grad_norm: Option<f64>,
}

/// The learning curve of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The run.
    pub run_id: String,
    /// Its points by step.
    pub points: Vec<CurvePoint>,
}
