//! What a model is, apart from its weights.

use crate::shape::{Shape, ShapeError};
use serde::{Deserialize, Serialize};

/// Normalisation before each sub-block and before the head; a gain, no bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// `x / rms(x) * gain` (Zhang & Sennrich 2019).
    #[default]
    Rms,
    /// `(x - mean(x)) / std(x) * gain` (Ba et al. 2016).
    Layer,
}

/// How a token knows its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// Rotary embedding, base 10,000 (Su et al. 2021); no parameters.
    #[default]
    Rope,
    /// A learned table of `context` rows added to the embedding.
    Learned,
}

/// How initial weights, learning rates and attention scores depend on the width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parametrization {
    /// One rate for all parameters; scores over the root of the head's width.
    #[default]
    Standard,
    /// Maximal update: what is learnt in a step stays of one size at every width, and so does the best
    /// rate (Yang et al. 2022, table 3, for Adam). Equal to the standard one at [`Self::BASE_WIDTH`] with
    /// heads of [`Self::BASE_HEAD`].
    Mup,
}

impl Parametrization {
    /// Width at which both are the same.
    pub const BASE_WIDTH: usize = 64;
    /// Width of a head at which both are the same.
    pub const BASE_HEAD: usize = 16;

    /// Base width over width, for what shrinks as `1 / d`; 1 in the standard one.
    pub fn shrink(self, d_model: usize) -> f64 {
        match self {
            Parametrization::Standard => 1.0,
            Parametrization::Mup => Self::BASE_WIDTH as f64 / d_model as f64,
        }
    }

    /// Factor on attention scores.
    pub fn score_scale(self, d_head: usize) -> f32 {
        match self {
            Parametrization::Standard => (d_head as f32).sqrt().recip(),
            Parametrization::Mup => (Self::BASE_HEAD as f32).sqrt() / d_head as f32,
        }
    }

    fn is_standard(&self) -> bool {
        *self == Parametrization::Standard
    }
}

/// A decoder-only transformer: pre-norm blocks, causal multi-head attention, GELU MLP of four
/// times the width, no biases, untied head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Depth, width, heads.
    pub shape: Shape,
    /// Normalisation.
    pub norm: Norm,
    /// Position.
    pub position: Position,
    /// Distinct tokens, `V`.
    pub vocab_size: usize,
    /// Tokens a window, `T`.
    pub context: usize,
    /// How initial weights and rates depend on the width. Not written where standard, which the
    /// ids of runs were made without.
    #[serde(default, skip_serializing_if = "Parametrization::is_standard")]
    pub parametrization: Parametrization,
    /// The separator, where attention does not reach beyond it: each document by itself. Not written where
    /// absent, which the ids of runs were made without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_mask: Option<u32>,
}

impl ModelConfig {
    /// Checks what the shape alone cannot know.
    ///
    /// # Errors
    /// A shape that [`Shape::new`] refuses, a context or a vocabulary that cannot be, an odd head width
    /// under rotary position.
    pub fn check(&self) -> Result<(), ShapeError> {
        let Shape {
            d_model,
            n_layers,
            n_heads,
        } = self.shape;
        Shape::new(d_model, n_layers, n_heads)?;
        if !(1..=1 << 31).contains(&self.context) {
            return Err(ShapeError::Context(self.context));
        }
        if !(1..=1 << 32).contains(&self.vocab_size) {
            return Err(ShapeError::Vocabulary(self.vocab_size));
        }
        let head = self.shape.d_head();
        match self.position == Position::Rope && !head.is_multiple_of(2) {
            true => Err(ShapeError::OddHead {
                d_model,
                n_heads,
                head,
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) fn tiny(norm: Norm, position: Position) -> ModelConfig {
    let shape = Shape {
        d_model: 24,
        n_layers: 3,
        n_heads: 2,
    };
    ModelConfig {
        shape,
        norm,
        position,
        vocab_size: 256,
        context: 128,
        parametrization: Parametrization::Standard,
        document_mask: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parametrisations_agree_at_the_base() {
        let (standard, mup) = (Parametrization::Standard, Parametrization::Mup);
        assert_eq!(mup.shrink(Parametrization::BASE_WIDTH), standard.shrink(7));
        let head = Parametrization::BASE_HEAD;
        assert_eq!(mup.score_scale(head), standard.score_scale(head));
        assert_eq!(mup.shrink(256), 0.25);
    }

    #[test]
    fn an_odd_head_is_refused_under_rotary_position_only() {
        let shape = Shape::new(15, 1, 3).unwrap();
        let odd = |position| ModelConfig {
            shape,
            position,
            ..tiny(Norm::Rms, position)
        };
        assert_eq!(
            odd(Position::Rope).check(),
            Err(ShapeError::OddHead {
                d_model: 15,
                n_heads: 3,
                head: 5
            })
        );
        assert_eq!(odd(Position::Learned).check(), Ok(()));
    }
}
