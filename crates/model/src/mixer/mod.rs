//! The half that moves information between tokens: an arm and a file each.

mod attention;
mod pattern;
mod reach;
mod rnn;

pub use attention::Attention;
pub use pattern::{Pattern, PatternError};
pub use reach::Reach;

use crate::half::Half;
use rnn::Rnn;
use serde::{Deserialize, Serialize};

/// What moves information between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixer {
    /// Causal multi-head attention (Vaswani et al. 2017) and its options.
    Attention(Attention),
    /// A plain recurrent network (Elman 1990).
    Rnn,
}

impl Default for Mixer {
    fn default() -> Self {
        Mixer::Attention(Attention::default())
    }
}

impl Mixer {
    /// Its paper.
    pub fn half(&self) -> &dyn Half {
        match self {
            Mixer::Attention(attention) => attention,
            Mixer::Rnn => &Rnn,
        }
    }

    /// Its options, where it is attention.
    pub fn attention(&self) -> Option<&Attention> {
        match self {
            Mixer::Attention(attention) => Some(attention),
            Mixer::Rnn => None,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Mixer::default()
    }
}
