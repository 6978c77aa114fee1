//! A block without a feed-forward half.

use crate::config::ModelConfig;
use crate::half::Half;
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::TensorSpec;

pub(super) struct Nothing;

impl Half for Nothing {
    fn name(&self) -> &'static str {
        "none"
    }

    fn tensors(&self, _model: &ModelConfig) -> Vec<TensorSpec> {
        Vec::new()
    }

    fn products(&self, _model: &ModelConfig, _layer: usize) -> Vec<Product> {
        Vec::new()
    }

    fn kept_per_token(&self, _model: &ModelConfig) -> f64 {
        0.0
    }

    fn is_present(&self) -> bool {
        false
    }

    fn check(&self, _model: &ModelConfig) -> Result<(), ShapeError> {
        Ok(())
    }
}
