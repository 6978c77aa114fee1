//! Attention-free mixing (Zhai et al. 2021), the simple form: in every channel a mean of earlier values,
//! weighted by the exponentials of their keys.

use crate::config::ModelConfig;
use crate::half::Half;
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::{Group, TensorSpec};

pub(super) struct Aft;

impl Half for Aft {
    fn name(&self) -> &'static str {
        "aft"
    }

    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec> {
        let d = model.shape.d_model;
        let shrink = model.parametrization.shrink(d);
        let qkv = TensorSpec::matrix("qkv", Group::Mixer, [d, 3 * d], model.std_of(d));
        let out = TensorSpec::matrix("out", Group::Mixer, [d, d], model.std_into_stream(d));
        vec![TensorSpec::gain("aft_norm", d), qkv.at_rate(shrink), out.at_rate(shrink)]
    }

    fn products(&self, model: &ModelConfig, _layer: usize) -> Vec<Product> {
        let d = model.shape.d_model;
        vec![
            Product::of_matrix(Group::Mixer, model.context, [d, 3 * d]),
            Product::of_matrix(Group::Mixer, model.context, [d, d]),
        ]
    }

    /// Queries, keys and values; of every channel the largest key so far, the sum of weights, the mean and
    /// the gated mean.
    fn kept_per_token(&self, model: &ModelConfig) -> f64 {
        7.0 * model.shape.d_model as f64
    }

    /// Two sums that are scaled, a value that is weighted and added, a weight that is added, the quotient and
    /// the gate.
    fn flops_scan(&self, model: &ModelConfig) -> f64 {
        7.0 * model.shape.d_model as f64
    }

    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError> {
        match model.shape.n_heads {
            1 => Ok(()),
            heads => Err(ShapeError::NoHeads(heads)),
        }
    }
}
