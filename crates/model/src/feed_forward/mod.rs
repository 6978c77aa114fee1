//! The half that works on one token: an arm and a file each.

mod activation;
mod dense;
mod experts;
mod none;
mod ratio;

pub use activation::Activation;
pub use dense::Dense;
pub use experts::{Balance, Experts, Gate};
pub use ratio::{Ratio, RatioError};

use crate::half::Half;
use none::Nothing;
use serde::{Deserialize, Serialize};

/// What works on one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedForward {
    /// Matrices with an activation between them.
    Dense(Dense),
    /// A mixture of experts: a router chooses some of many such networks for every token.
    Experts(Experts),
    /// No feed-forward half, and no norm before it.
    None,
}

impl Default for FeedForward {
    fn default() -> Self {
        FeedForward::Dense(Dense::default())
    }
}

impl FeedForward {
    /// Its paper.
    pub fn half(&self) -> &dyn Half {
        match self {
            FeedForward::Dense(dense) => dense,
            FeedForward::Experts(experts) => experts,
            FeedForward::None => &Nothing,
        }
    }

    /// The same half by its simplest name: equal models are one run.
    #[must_use]
    pub(crate) fn simplest(self) -> Self {
        match self {
            FeedForward::Dense(dense) => FeedForward::Dense(dense.simplest()),
            FeedForward::Experts(experts) => experts.simplest(),
            FeedForward::None => FeedForward::None,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == FeedForward::default()
    }
}
