//! Causal multi-head attention: queries, keys and values side by side, no biases.

use crate::config::{ModelConfig, Position};
use crate::half::{Fact, Half};
use crate::product::{Pairs, Product};
use crate::shape::{Shape, ShapeError};
use crate::tensor::{Group, TensorSpec};

pub(super) struct Attention;

impl Half for Attention {
    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let shrink = model.parametrization.shrink(d);
        let matrix = |name: &str, dims, std| {
            TensorSpec::matrix(name, Group::Mixer, dims, std).at_rate(shrink)
        };
        vec![
            TensorSpec::gain("attention_norm", d),
            matrix("qkv", [d, 3 * d], model.std_of(d)),
            matrix("out", [d, d], model.std_into_stream(d)),
        ]
    }

    fn products(&self, model: &ModelConfig) -> Vec<Product> {
        let (d, t) = (model.shape.d_model, model.context);
        let matrix = |dims| Product::of_matrix(Group::Mixer, t, dims);
        // Scores of all heads, and the weighted sums of their values.
        let scores = Product::of_pairs(Group::Mixer, t, Pairs::Causal, d);
        vec![matrix([d, 3 * d]), matrix([d, d]), scores.times(2)]
    }

    /// Queries, keys, values and mixed values; of the softmax its largest score and its sum a head.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        4.0 * model.shape.d_model as f64 + 2.0 * model.shape.n_heads as f64
    }

    fn columns(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let reach = if model.document_mask.is_some() { "document" } else { "causal" };
        vec![
            ("n_heads", Fact::Integer(model.shape.n_heads as u64)),
            ("attention", Fact::Text(reach)),
        ]
    }

    fn recipe(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let head = model.shape.d_head();
        let scale = f64::from(model.parametrization.score_scale(head));
        vec![("d_head", Fact::Integer(head as u64)), ("score_scale", Fact::Float(scale))]
    }

    /// Heads about 16 wide below width 256, 32 below 512, 64 from there.
    fn heads(&self, d_model: usize) -> usize {
        let target = match d_model {
            0..256 => 16.0,
            256..512 => 32.0,
            _ => 64.0f64,
        };
        let distance = |heads: &usize| ((d_model / heads) as f64 / target).ln().abs();
        (1..=d_model / 8)
            .filter(|heads| d_model.is_multiple_of(*heads) && (d_model / heads).is_multiple_of(2))
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(1)
    }

    fn is_rotary(&self) -> bool {
        true
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        let Shape { d_model, n_heads, .. } = model.shape;
        if !d_model.is_multiple_of(n_heads) {
            return Err(ShapeError::HeadsDoNotDivide { d_model, n_heads });
        }
        let head = model.shape.d_head();
        match model.position == Position::Rope && !head.is_multiple_of(2) {
            true => Err(ShapeError::OddHead { d_model, n_heads, head }),
            false => Ok(()),
        }
    }
}
