//! Families: names of pairs of halves, as a sweep file writes them.

use crate::config::Position;
use crate::feed_forward::{Experts, FeedForward};
use crate::mixer::Mixer;
use serde::{Deserialize, Serialize};

/// A named preset of two halves. It is a label: the halves themselves are the identity of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Decoder-only transformer (Radford et al. 2019).
    #[default]
    Transformer,
    /// Transformer with a mixture of experts in the place of its feed-forward half (Shazeer et al. 2017; Fedus
    /// et al. 2022): 8 experts of full width, 2 of them chosen for a token.
    Moe,
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
    pub const ALL: [Family; 3] = [Family::Transformer, Family::Moe, Family::Rnn];

    /// What it stands for.
    pub fn preset(self) -> Preset {
        match self {
            Family::Transformer => Preset {
                mixer: Mixer::default(),
                feed_forward: FeedForward::default(),
                position: Position::Rope,
            },
            Family::Moe => Preset {
                feed_forward: FeedForward::Experts(Experts::default()),
                ..Family::Transformer.preset()
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
            Family::Moe => "moe",
            Family::Rnn => "rnn",
        }
    }

    /// The family of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Family::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Whether it is the transformer, which files of earlier versions do not name.
    pub fn is_default(&self) -> bool {
        *self == Family::default()
    }
}
