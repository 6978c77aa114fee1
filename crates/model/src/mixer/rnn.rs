//! A plain recurrent network, as deep as the model: `h' = tanh(x input + h recurrent + bias)`.
//!
//! The state is as wide as the stream, begins at 0 with every window and every document that a mask
//! separates, and is itself what the half adds to the stream (Elman 1990; stacked as the recurrent models of
//! Kaplan et al. 2020, with a residual connection, which costs no parameter).

use crate::config::ModelConfig;
use crate::half::Half;
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, TensorSpec};

pub(super) struct Rnn;

impl Half for Rnn {
    fn name(&self) -> &'static str {
        "rnn"
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let shrink = model.parametrization.shrink(d);
        let input = TensorSpec::matrix("input", Group::Mixer, [d, d], model.std_of(d));
        vec![
            TensorSpec::gain("rnn_norm", d),
            input.at_rate(shrink),
            TensorSpec::rotation("recurrent", Group::Mixer, d).at_rate(shrink),
            TensorSpec::bias("bias", Group::Mixer, d),
        ]
    }

    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        vec![Product::of_matrix(Group::Mixer, model.context, [d, d]).times(2)]
    }

    /// The normalised input, its product, and of every step the product with the state, the sum and the
    /// state.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        5.0 * model.shape.d_model as f64
    }

    /// Two additions a number; its tanh is not counted, as no other function is.
    fn flops_scan(&self, model: &ModelConfig) -> f64 {
        2.0 * model.shape.d_model as f64
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        match model.shape.n_heads {
            1 => Ok(()),
            heads => Err(ShapeError::NoHeads(heads)),
        }
    }
}
