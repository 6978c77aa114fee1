//! Training FLOPs op by op, in closed form.
//!
//! Counted: every matrix product, a multiply-add as two, forward once and backward twice
//! (gradients of both factors). Attention scores and their weighted sums are counted causal:
//! token `t` meets `t` keys. Not counted: element-wise work (norms, softmax, GELU, rotary, the
//! optimizer), lookups, evaluation; the convention of Hoffmann et al. 2022, appendix F, less its
//! softmax term.

use crate::model::ModelConfig;
use crate::units::{Flops, Tokens};
use serde::{Deserialize, Serialize};

/// Training FLOPs (forward and backward) of one window of `context` tokens, by group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlopCount {
    /// A lookup: no product, 0.
    pub embedding: f64,
    /// Projections `8 d^2` a token forward; scores and sums `2 d (T + 1)` a token forward.
    pub attention: f64,
    /// `16 d^2` a token forward.
    pub mlp: f64,
    /// Element-wise: 0 in this convention.
    pub norm: f64,
    /// `2 d V` a token forward.
    pub head: f64,
    /// Tokens of the window counted.
    pub context: usize,
}

/// A backward pass computes two products for each forward one.
const FORWARD_AND_BACKWARD: f64 = 3.0;

impl FlopCount {
    /// Counts one window of the model's context.
    pub fn of(model: &ModelConfig) -> Self {
        let t = model.context as f64;
        let d = model.shape.d_model as f64;
        let layers = model.shape.n_layers as f64;
        // sum over t of 2 d t for q k^T and again for the weighted sum of values
        let scores = 2.0 * d * t * (t + 1.0);
        FlopCount {
            embedding: 0.0,
            attention: FORWARD_AND_BACKWARD * layers * (8.0 * d * d * t + scores),
            mlp: FORWARD_AND_BACKWARD * layers * 16.0 * d * d * t,
            norm: 0.0,
            head: FORWARD_AND_BACKWARD * 2.0 * d * model.vocab_size as f64 * t,
            context: model.context,
        }
    }

    /// Per token as most papers count: `6 (N + d V) + 12 L d T`, `N = 12 L d^2`, attention as if
    /// not causal. For comparing speeds with theirs.
    pub fn per_token_not_causal(model: &ModelConfig) -> Flops {
        let d = model.shape.d_model as f64;
        let weights = model.shape.matrix_params().0 + d * model.vocab_size as f64;
        let scores = (model.shape.n_layers * model.context) as f64 * d;
        Flops(6.0 * weights + 12.0 * scores)
    }

    /// Of one window.
    pub fn per_window(&self) -> Flops {
        Flops(self.embedding + self.attention + self.mlp + self.norm + self.head)
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
    use crate::model::{Norm, Position, tiny};

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
            assert_eq!(
                FlopCount::of(&model).per_window().0,
                3.0 * walked_forward(&model)
            );
        }
    }

    #[test]
    fn it_is_six_n_and_the_head_and_the_causal_scores() {
        // 6 (N + d V) + 6 L d T, with N = 12 L d^2 and T + 1 for the diagonal.
        let model = tiny(Norm::Layer, Position::Rope);
        let (d, l, t, v) = (24.0, 3.0, 128.0, 256.0);
        let by_hand = 6.0 * (12.0 * l * d * d + d * v) + 6.0 * l * d * (t + 1.0);
        assert!((FlopCount::of(&model).per_token().0 / by_hand - 1.0).abs() < 1e-12);
        // Not causal, every token meets T keys rather than (T + 1) / 2.
        let more = 12.0 * l * d * t - 6.0 * l * d * (t + 1.0);
        let not_causal = FlopCount::per_token_not_causal(&model).0;
        assert!((not_causal / (by_hand + more) - 1.0).abs() < 1e-12);
    }
}
