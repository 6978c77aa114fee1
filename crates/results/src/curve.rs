//! One point of a learning curve: a row of `curves.parquet`.

use crate::schema::schema;
use serde::{Deserialize, Serialize};

schema! {
    /// A row of `curves.parquet` but for its first column, `run_id`, which a shard carries once.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CurvePoint {
        step: u64, Outcome, "steps",
            "optimizer steps done";
        tokens: u64, Outcome, "tokens",
            "training tokens seen";
        flops: f64, Outcome, "FLOPs",
            "c_exact so far";
        train_loss: Option<f64>, Outcome, "nats per token",
            "mean over the steps since the last point; null once non-finite";
        test_loss: Option<f64>, Outcome, "nats per token",
            "loss on a small fixed subset of the test tokens; null where not measured";
        learning_rate: f64, Outcome, "",
            "learning rate of the step";
        grad_norm: Option<f64>, Outcome, "",
            "global norm of the gradient before clipping; null once non-finite";
    }
}

/// The learning curve of one run: its points by step.
pub type Curve = OfRun<CurvePoint>;

/// Points of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfRun<P> {
    /// The run.
    pub run_id: String,
    /// Its points in order.
    pub points: Vec<P>,
}
