//! Small models of every kind, over which the generic tests run: a new half is tested by being added
//! here.

use crate::config::{ModelConfig, Norm, Parametrization, Position};
use crate::feed_forward::FeedForward;
use crate::mixer::Mixer;
use crate::shape::Shape;

impl ModelConfig {
    /// Models of sizes that nothing divides: 61 tokens, windows of 17, three heads of 8, two blocks.
    #[doc(hidden)]
    pub fn examples() -> Vec<ModelConfig> {
        let shape = Shape { d_model: 24, n_layers: 2, n_heads: 3 };
        let plain = ModelConfig::transformer(shape, 61, 17);
        let mut all = Vec::new();
        for norm in [Norm::Rms, Norm::Layer] {
            for position in [Position::Rope, Position::Learned] {
                all.push(ModelConfig { norm, position, ..plain });
            }
        }
        all.push(ModelConfig { parametrization: Parametrization::Mup, ..plain });
        all.push(ModelConfig { feed_forward: FeedForward::None, ..plain });
        let headless = Shape { n_heads: 1, ..shape };
        let rnn = ModelConfig { shape: headless, mixer: Mixer::Rnn, ..plain };
        let position = Position::None;
        all.push(ModelConfig { position, feed_forward: FeedForward::None, ..rnn });
        all.push(ModelConfig { position: Position::Learned, document_mask: Some(5), ..rnn });
        all
    }
}
