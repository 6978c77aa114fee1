//! Trainable parameters by group, in closed form.

use crate::model::{ModelConfig, Position};
use crate::units::Params;
use serde::{Deserialize, Serialize};

/// Trainable parameters by group. Compared with the training engine's own count in its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamCount {
    /// Token table `V d` and, with learned positions, `T d`.
    pub embedding: u64,
    /// Query, key, value and output matrices: `4 d^2` a layer.
    pub attention: u64,
    /// Up and down matrices: `8 d^2` a layer.
    pub mlp: u64,
    /// Gains: two a layer and a final one, `d` each.
    pub norm: u64,
    /// Untied output matrix, `d V`.
    pub head: u64,
}

impl ParamCount {
    /// Counts the parameters of a model.
    pub fn of(model: &ModelConfig) -> Self {
        let d = model.shape.d_model as u64;
        let layers = model.shape.n_layers as u64;
        let vocab = model.vocab_size as u64;
        let table_rows = match model.position {
            Position::Rope => vocab,
            Position::Learned => vocab + model.context as u64,
        };
        ParamCount {
            embedding: table_rows * d,
            attention: 4 * d * d * layers,
            mlp: 8 * d * d * layers,
            norm: (2 * layers + 1) * d,
            head: d * vocab,
        }
    }

    /// `n_non_embedding`: all but the embedding and position tables and the head.
    pub fn non_embedding(&self) -> Params {
        Params((self.attention + self.mlp + self.norm) as f64)
    }

    /// `n_total`: everything.
    pub fn total(&self) -> Params {
        Params((self.embedding + self.attention + self.mlp + self.norm + self.head) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Norm, tiny};

    #[test]
    fn groups_follow_the_closed_form() {
        let count = ParamCount::of(&tiny(Norm::Rms, Position::Learned));
        let expected = ParamCount {
            embedding: (256 + 128) * 24,
            attention: 4 * 24 * 24 * 3,
            mlp: 8 * 24 * 24 * 3,
            norm: 7 * 24,
            head: 24 * 256,
        };
        assert_eq!(count, expected);
        assert_eq!(count.non_embedding(), Params(12.0 * 3.0 * 576.0 + 168.0));
    }

    #[test]
    fn gpt2_small_has_its_published_size() {
        // Radford et al. 2019: 124M with tied head; minus biases (9 d a layer, 2 d a norm).
        let shape = crate::Shape::new(768, 12, 12).unwrap();
        let model = ModelConfig {
            shape,
            norm: Norm::Layer,
            position: Position::Learned,
            vocab_size: 50_257,
            parametrization: Default::default(),
            document_mask: None,
            context: 1024,
        };
        let count = ParamCount::of(&model);
        let biases = 12 * (3 * 768 + 768 + 4 * 768 + 768 + 2 * 768) + 768;
        assert_eq!(count.total().0 as u64 - count.head + biases, 124_439_808);
    }
}
