//! Families: names of pairs of halves, as a sweep file writes them.

use crate::config::Position;
use crate::feed_forward::FeedForward;
use crate::mixer::Mixer;
use serde::{Deserialize, Serialize};

/// A named preset of two halves. It is a label: the halves themselves are the identity of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Decoder-only transformer (Radford et al. 2019).
    #[default]
    Transformer,
    /// Plain recurrent networks, stacked, without a feed-forward half (Kaplan et al. 2020, section 3.2.1, has
    /// LSTMs so).
    Rnn,
}

/// What a family stands for where a sweep file says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What moves information between tokens.
    pub mixer: Mixer,
    /// What works on one token.
    pub feed_forward: FeedForward,
    /// How a token knows its place.
    pub position: Position,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 2] = [Family::Transformer, Family::Rnn];

    /// What it stands for.
    pub fn preset(self) -> Preset {
        match self {
            Family::Transformer => Preset {
                mixer: Mixer::Attention,
                feed_forward: FeedForward::Dense,
                position: Position::Rope,
            },
            Family::Rnn => Preset {
                mixer: Mixer::Rnn,
                feed_forward: FeedForward::None,
                position: Position::None,
            },
        }
    }

    /// Its name in a sweep file.
    pub fn name(self) -> &'static str {
        match self {
            Family::Transformer => "transformer",
            Family::Rnn => "rnn",
        }
    }

    /// Whether it is the transformer, which files of earlier versions do not name.
    pub fn is_default(&self) -> bool {
        *self == Family::default()
    }
}
