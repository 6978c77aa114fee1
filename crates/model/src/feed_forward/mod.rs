//! The half that works on one token: an arm and a file each.

mod dense;
mod none;

use crate::half::Half;
use dense::Dense;
use none::Nothing;
use serde::{Deserialize, Serialize};

/// What works on one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedForward {
    /// Two matrices with GELU between them, four times the width.
    #[default]
    Dense,
    /// No feed-forward half, and no norm before it.
    None,
}

impl FeedForward {
    /// Its paper.
    pub fn half(&self) -> &'static dyn Half {
        match self {
            FeedForward::Dense => &Dense,
            FeedForward::None => &Nothing,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == FeedForward::default()
    }
}
