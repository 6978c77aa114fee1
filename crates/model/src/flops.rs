//! Training FLOPs, from the products of a model.
//!
//! Counted: every matrix product, a multiply-add as two, forward once and backward twice
//! (gradients of both factors). Attention scores and their weighted sums are counted causal:
//! token `t` meets `t` keys. Not counted: element-wise work (norms, softmax, GELU, rotary, the
//! optimizer), lookups, evaluation; the convention of Hoffmann et al. 2022, appendix F, less its
//! softmax term.

use crate::config::ModelConfig;
use crate::tensor::Group;
use isoflop_core::{Flops, Tokens};
use serde::{Deserialize, Serialize};

/// Training FLOPs (forward and backward) of one window of `context` tokens, by group. Lookups and
/// norms hold no product and count 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlopCount {
    /// What moves information between tokens.
    pub mixer: f64,
    /// What works on one token.
    pub feed_forward: f64,
    /// Output matrix.
    pub head: f64,
    /// Tokens of the window counted.
    pub context: usize,
}

/// A multiply-add counts as two, and a backward pass computes two products for each forward one.
const FORWARD_AND_BACKWARD: f64 = 2.0 * 3.0;

impl FlopCount {
    /// Counts one window of the model's context.
    pub fn of(model: &ModelConfig) -> Self {
        let products = model.products();
        let group = |group: Group| {
            let all = products.iter().filter(|product| product.group == group);
            FORWARD_AND_BACKWARD * all.map(|product| product.multiply_adds).sum::<f64>()
        };
        FlopCount {
            mixer: group(Group::Mixer),
            feed_forward: group(Group::FeedForward),
            head: group(Group::Head),
            context: model.context,
        }
    }

    /// Of one window.
    pub fn per_window(&self) -> Flops {
        Flops(self.mixer + self.feed_forward + self.head)
    }

    /// Mean of one token of a window.
    pub fn per_token(&self) -> Flops {
        Flops(self.per_window().0 / self.context as f64)
    }

    /// `c_exact` of a run.
    pub fn of_tokens(&self, d: Tokens) -> Flops {
        Flops(self.per_token().0 * d.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Position, tiny};

    /// Counts multiply-adds by walking every product of a forward pass.
    fn walked_forward(model: &ModelConfig) -> f64 {
        let (d, t, v) = (model.shape.d_model, model.context, model.vocab_size);
        let product = |m: usize, k: usize, n: usize| 2 * m * k * n;
        let mut flops = 0;
        for _ in 0..model.shape.n_layers {
            flops += product(t, d, 3 * d) + product(t, d, d);
            for _ in 0..model.shape.n_heads {
                for row in 1..=t {
                    flops += 2 * product(1, model.shape.d_head(), row);
                }
            }
            flops += product(t, d, 4 * d) + product(t, 4 * d, d);
        }
        (flops + product(t, d, v)) as f64
    }

    #[test]
    fn the_closed_form_equals_a_walk_over_the_products() {
        for position in [Position::Rope, Position::Learned] {
            let model = tiny(Norm::Rms, position);
            assert_eq!(FlopCount::of(&model).per_window().0, 3.0 * walked_forward(&model));
        }
    }

    #[test]
    fn it_is_six_n_and_the_head_and_the_causal_scores() {
        // 6 (N + d V) + 6 L d T, with N = 12 L d^2 and T + 1 for the diagonal.
        let model = tiny(Norm::Layer, Position::Rope);
        let (d, l, t, v) = (24.0, 3.0, 128.0, 256.0);
        let by_hand = 6.0 * (12.0 * l * d * d + d * v) + 6.0 * l * d * (t + 1.0);
        assert!((FlopCount::of(&model).per_token().0 / by_hand - 1.0).abs() < 1e-12);
    }
}
