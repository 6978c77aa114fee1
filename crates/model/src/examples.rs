//! Small models of every kind, over which the generic tests run: a new half is tested by being added
//! here.

use crate::config::{ModelConfig, Norm, OutputInit, Parametrization, Position};
use crate::feed_forward::{Activation, Balance, Dense, Experts, FeedForward, Gate};
use crate::mixer::{Aft, Attention, Linear, Mixer, Reach, Recurrent};
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
        all.extend(
            attentions()
                .map(|attention| ModelConfig { mixer: Mixer::Attention(attention), ..plain }),
        );
        for activation in [Activation::Swiglu, Activation::Relu2] {
            let feed_forward = FeedForward::Dense(Dense { activation, ratio: None });
            all.push(ModelConfig { feed_forward, ..plain });
        }
        all.push(ModelConfig { tied: true, ..plain });
        all.push(ModelConfig { output_init: OutputInit::Zero, ..plain });
        all.push(ModelConfig { tied: true, parametrization: Parametrization::Mup, ..plain });
        all.extend(
            mixtures().map(|experts| ModelConfig {
                feed_forward: FeedForward::Experts(experts),
                ..plain
            }),
        );
        let headless = Shape { n_heads: 1, ..shape };
        for form in [Aft::Simple, Aft::Full, Aft::Local { window: 5 }] {
            let aft = ModelConfig { shape: headless, mixer: Mixer::Aft(form), ..plain };
            all.push(ModelConfig { position: Position::Learned, ..aft });
            all.push(ModelConfig { position: Position::None, document_mask: Some(5), ..aft });
        }
        let linear = |linear| ModelConfig { mixer: Mixer::Linear(linear), ..plain };
        all.push(ModelConfig { position: Position::None, ..linear(Linear::default()) });
        all.push(ModelConfig {
            position: Position::None,
            ..linear(Linear { chunk: 32, delta: true })
        });
        for delta in [false, true] {
            let masked = linear(Linear { chunk: 5, delta });
            all.push(ModelConfig { position: Position::Learned, document_mask: Some(5), ..masked });
        }
        for kind in Recurrent::ALL {
            let mixer = Mixer::Recurrent(kind);
            let recurrent = ModelConfig { shape: headless, mixer, ..plain };
            let position = Position::None;
            all.push(ModelConfig { position, feed_forward: FeedForward::None, ..recurrent });
            let position = Position::Learned;
            all.push(ModelConfig { position, document_mask: Some(5), ..recurrent });
        }
        all
    }
}

/// Attention of every option, for three heads, two layers and windows of 17.
fn attentions() -> impl Iterator<Item = Attention> {
    let plain = Attention::default();
    let windowed = Attention { reach: Reach::Window(5), ..plain };
    [
        Attention { kv_heads: Some(1), ..plain },
        Attention { qk_norm: true, ..plain },
        windowed,
        Attention { kv_heads: Some(1), qk_norm: true, pattern: "LG".parse().ok(), ..windowed },
        Attention { reach: Reach::Strided(3), ..plain },
        Attention { reach: Reach::Fixed { block: 4, columns: 1 }, ..plain },
    ]
    .into_iter()
}

/// Mixtures of every option.
fn mixtures() -> impl Iterator<Item = Experts> {
    let plain = Experts { experts: 5, ..Experts::default() };
    let like = Dense { activation: Activation::Swiglu, ..Dense::default() };
    [
        plain,
        Experts { active: 1, gate: Gate::Plain, ..plain },
        Experts { gate: Gate::Sigmoid, balance: Balance::Bias, shared: 1, ..plain },
        Experts { granularity: 2, active: 3, shared: 2, like, ..plain },
    ]
    .into_iter()
}
