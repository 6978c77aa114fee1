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
}

impl ModelConfig {
    /// Checks what the shape alone cannot know.
    ///
    /// # Errors
    /// An odd head width under rotary position.
    pub fn check(&self) -> Result<(), ShapeError> {
        let Shape {
            d_model, n_heads, ..
        } = self.shape;
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
