//! The half that moves information between tokens: an arm and a file each.

mod attention;
mod rnn;

use crate::half::Half;
use attention::Attention;
use rnn::Rnn;
use serde::{Deserialize, Serialize};

/// What moves information between tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixer {
    /// Causal multi-head attention (Vaswani et al. 2017).
    #[default]
    Attention,
    /// A plain recurrent network (Elman 1990).
    Rnn,
}

impl Mixer {
    /// Its paper.
    pub fn half(&self) -> &'static dyn Half {
        match self {
            Mixer::Attention => &Attention,
            Mixer::Rnn => &Rnn,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Mixer::default()
    }
}
