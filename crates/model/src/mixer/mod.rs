//! The half that moves information between tokens: an arm and a file each.

mod attention;

use crate::half::Half;
use attention::Attention;
use serde::{Deserialize, Serialize};

/// What moves information between tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixer {
    /// Causal multi-head attention (Vaswani et al. 2017).
    #[default]
    Attention,
}

impl Mixer {
    /// Its paper.
    pub fn half(&self) -> &'static dyn Half {
        match self {
            Mixer::Attention => &Attention,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Mixer::default()
    }
}
