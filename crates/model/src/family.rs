//! Families: names of pairs of halves, as a sweep file writes them.

use crate::config::Position;
use crate::feed_forward::{Experts, FeedForward};
use crate::mixer::{Linear, Mixer, Recurrent};
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
    /// LSTMs, stacked likewise.
    Lstm,
    /// Gated recurrent units, stacked likewise.
    Gru,
    /// Minimal GRUs, each followed by a feed-forward half (Feng et al. 2024).
    Mingru,
    /// Minimal LSTMs, each followed by a feed-forward half (Feng et al. 2024).
    Minlstm,
    /// Transformer with attention-free means in the place of attention (Zhai et al. 2021, AFT-simple).
    Aft,
    /// Transformer with linear attention that forgets in the place of attention (Dao & Gu 2024).
    Linear,
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
    pub const ALL: [Family; 9] = [
        Family::Transformer,
        Family::Moe,
        Family::Rnn,
        Family::Lstm,
        Family::Gru,
        Family::Mingru,
        Family::Minlstm,
        Family::Aft,
        Family::Linear,
    ];

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
            Family::Rnn => stacked(Recurrent::Rnn, FeedForward::None),
            Family::Lstm => stacked(Recurrent::Lstm, FeedForward::None),
            Family::Gru => stacked(Recurrent::Gru, FeedForward::None),
            Family::Mingru => stacked(Recurrent::Mingru, FeedForward::default()),
            Family::Minlstm => stacked(Recurrent::Minlstm, FeedForward::default()),
            Family::Aft => Preset {
                mixer: Mixer::Aft,
                position: Position::Learned,
                ..Family::Transformer.preset()
            },
            Family::Linear => Preset {
                mixer: Mixer::Linear(Linear::default()),
                position: Position::None,
                ..Family::Transformer.preset()
            },
        }
    }

    /// Its name in a sweep file.
    pub fn name(self) -> &'static str {
        match self {
            Family::Transformer => "transformer",
            Family::Moe => "moe",
            Family::Rnn => "rnn",
            Family::Lstm => "lstm",
            Family::Gru => "gru",
            Family::Mingru => "mingru",
            Family::Minlstm => "minlstm",
            Family::Aft => "aft",
            Family::Linear => "linear",
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

/// A recurrent network, which needs nothing to tell it the places of tokens.
fn stacked(kind: Recurrent, feed_forward: FeedForward) -> Preset {
    Preset { mixer: Mixer::Recurrent(kind), feed_forward, position: Position::None }
}
