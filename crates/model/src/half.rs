//! What every half of a block states of itself.

use crate::config::ModelConfig;
use crate::product::Product;
use crate::shape::ShapeError;
use crate::tensor::TensorSpec;

/// The value of a column that a half fills.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A name.
    Text(String),
    /// A count.
    Integer(u64),
    /// A measure.
    Float(f64),
}

/// A half of a block on paper; the skeleton asks it, and nobody states any of it a second time.
///
/// Names of tensors are those within the block, in the order of the checkpoint, the gain of the
/// half's own norm first.
pub trait Half {
    /// Its name in a row.
    fn name(&self) -> &'static str;

    /// Tensors of one block; the same in every layer.
    fn tensors(&self, model: &ModelConfig) -> Vec<TensorSpec>;

    /// Products of the block of a layer, counted from 0, forward, over one window.
    fn products(&self, model: &ModelConfig, layer: usize) -> Vec<Product>;

    /// Which of the half's kinds of layer a layer is: layers of one kind have equal products.
    fn kind_of(&self, _layer: usize) -> usize {
        0
    }

    /// Numbers a token that its backward pass keeps, beside the stream and its gradient.
    fn kept_per_token(&self, model: &ModelConfig) -> f64;

    /// Element-wise multiplications and additions of a recurrence, a token and block, forward;
    /// outside the count of products.
    fn flops_scan(&self, _model: &ModelConfig) -> f64 {
        0.0
    }

    /// Columns of `runs.parquet` that it fills, with their values.
    fn columns(&self, _model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        Vec::new()
    }

    /// What rebuilding the half elsewhere takes besides its tensors, by the names of an exported
    /// `config.json`.
    fn recipe(&self, _model: &ModelConfig) -> Vec<(&'static str, Fact)> {
        Vec::new()
    }

    /// Heads that a model of this width has unless they are given; 1 for a half without heads.
    fn heads(&self, _d_model: usize) -> usize {
        1
    }

    /// Whether rotary position means anything to it.
    fn is_rotary(&self) -> bool {
        false
    }

    /// Whether it writes to the stream at all.
    fn is_present(&self) -> bool {
        true
    }

    /// Whether a model can hold it.
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, model: &ModelConfig) -> Result<(), ShapeError>;
}
