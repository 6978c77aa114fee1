//! Loss at a range of positions in the context: a row of `positions.parquet`.

use crate::curve::OfRun;
use crate::schema::schema;
use serde::{Deserialize, Serialize};

schema! {
    /// A row of `positions.parquet` but for its first column, `run_id`, which a shard carries once.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PositionPoint {
        first: u64, Outcome, "tokens",
            "least number of tokens of its document that the model saw before a scored token";
        last: u64, Outcome, "tokens",
            "greatest number of them";
        tokens: u64, Outcome, "tokens",
            "test tokens scored there; those whose document began within their window are left out";
        test_loss: Option<f64>, Outcome, "nats per token",
            "mean loss of these tokens";
        test_loss_se: Option<f64>, Outcome, "nats per token",
            "standard error of test_loss, clustered by document; null with a single document";
    }
}

/// The loss by position of one run: its points by position.
pub type Positions = OfRun<PositionPoint>;
