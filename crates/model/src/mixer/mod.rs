//! The half that moves information between tokens: an arm and a file each.

mod aft;
mod attention;
mod linear;
mod pattern;
mod reach;
mod recurrent;

pub use aft::Aft;
pub use attention::Attention;
pub use linear::Linear;
pub use pattern::{Pattern, PatternError};
pub use reach::Reach;
pub use recurrent::Recurrent;

use crate::half::Half;
use serde::{Deserialize, Serialize};

/// What moves information between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixer {
    /// Causal multi-head attention (Vaswani et al. 2017) and its options.
    Attention(Attention),
    /// Linear attention with a decay.
    Linear(Linear),
    /// An attention-free mean of values by the exponentials of keys (Zhai et al. 2021), written by its form:
    /// `"aft"`.
    #[serde(untagged)]
    Aft(Aft),
    /// A recurrent network, written by its kind alone: `"rnn"`.
    #[serde(untagged)]
    Recurrent(Recurrent),
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
            Mixer::Linear(linear) => linear,
            Mixer::Aft(form) => form,
            Mixer::Recurrent(kind) => kind,
        }
    }

    /// Its options, where it is attention.
    pub fn attention(&self) -> Option<&Attention> {
        match self {
            Mixer::Attention(attention) => Some(attention),
            Mixer::Aft(_) | Mixer::Linear(_) | Mixer::Recurrent(_) => None,
        }
    }

    /// Whether it splits its width into heads.
    pub fn has_heads(&self) -> bool {
        matches!(self, Mixer::Attention(_) | Mixer::Linear(_))
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Mixer::default()
    }
}
