//! Causal multi-head attention.

pub mod composed;
mod fused;
mod kernel;
mod rotary;
mod shape;
mod tables;
#[cfg(test)]
mod tests;

pub use fused::attention_residual;
pub use rotary::{ROPE_BASE, RotaryTable};
pub use shape::{AttentionShape, Starts, starts};

use super::Place;
use crate::init::Init;
use crate::operations::Operations;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// Its weights.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, 3 d]`: queries, keys, values side by side.
    pub qkv: Param<Tensor<2>>,
    /// `[d, d]`
    pub out: Param<Tensor<2>>,
}

impl Attention {
    pub(super) fn init(init: &mut Init<'_>) -> Self {
        Attention { norm: init.vector(), qkv: init.matrix(), out: init.matrix() }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let attention = match place.operations {
            Operations::Fused => fused::attention_residual,
            Operations::Composed => composed::attention_residual,
        };
        attention(
            place.norm,
            x_nd,
            self.norm.val(),
            self.qkv.val(),
            self.out.val(),
            place.shape,
            place.rotary,
            place.starts,
        )
    }
}
