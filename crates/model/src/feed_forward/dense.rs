//! `x + gelu(norm(x) up) down`, four times the width, no biases.

use crate::config::ModelConfig;
use crate::half::{Fact, Half};
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, TensorSpec};

pub(super) struct Dense;

/// Width of the middle over that of the stream.
const RATIO: usize = 4;

impl Half for Dense {
    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let shrink = model.parametrization.shrink(d);
        let matrix = |name: &str, dims, std| {
            TensorSpec::matrix(name, Group::FeedForward, dims, std).at_rate(shrink)
        };
        vec![
            TensorSpec::gain("mlp_norm", d),
            matrix("up", [d, RATIO * d], model.std_of(d)),
            matrix("down", [RATIO * d, d], model.std_into_stream(RATIO * d)),
        ]
    }

    fn products(&self, model: &ModelConfig) -> Vec<Product> {
        let d = model.shape.d_model;
        let matrix = |dims| Product::of_matrix(Group::FeedForward, model.context, dims);
        vec![matrix([d, RATIO * d]), matrix([RATIO * d, d])]
    }

    /// The middle.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        (RATIO * model.shape.d_model) as f64
    }

    fn recipe(&self, model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        let width = (RATIO * model.shape.d_model) as u64;
        vec![("d_mlp", Fact::Integer(width)), ("activation", Fact::Text("gelu, exact"))]
    }

    fn check(&self, _model: &ModelConfig) -> Result<(), ShapeError> {
        Ok(())
    }
}
