//! Families: names of pairs of halves, as a sweep file writes them.

use crate::config::Position;
use crate::feed_forward::{Experts, FeedForward};
use crate::mixer::{Aft, Linear, Mixer, Recurrent};
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
    /// The same with a bias for every pair of places (AFT-full).
    AftFull,
    /// The same with biases for pairs of near places (AFT-local): 32 tokens.
    AftLocal,
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
    pub const ALL: [Family; 11] = [
        Family::Transformer,
        Family::Moe,
        Family::Rnn,
        Family::Lstm,
        Family::Gru,
        Family::Mingru,
        Family::Minlstm,
        Family::Aft,
        Family::AftFull,
        Family::AftLocal,
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
            Family::Aft => attention_free(Aft::Simple),
            Family::AftFull => attention_free(Aft::Full),
            Family::AftLocal => attention_free(Aft::Local { window: Aft::WINDOW }),
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
            Family::AftFull => "aft-full",
            Family::AftLocal => "aft-local",
            Family::Linear => "linear",
        }
    }

    /// Whether it is the transformer, which files of earlier versions do not name.
    pub fn is_default(&self) -> bool {
        *self == Family::default()
    }
}

/// Attention-free mixing. The forms differ in their biases alone: with biases of 0 they are one model.
fn attention_free(form: Aft) -> Preset {
    let position = Position::Learned;
    Preset { mixer: Mixer::Aft(form), position, ..Family::Transformer.preset() }
}

/// A recurrent network, which needs nothing to tell it the places of tokens.
fn stacked(kind: Recurrent, feed_forward: FeedForward) -> Preset {
    Preset { mixer: Mixer::Recurrent(kind), feed_forward, position: Position::None }
}
