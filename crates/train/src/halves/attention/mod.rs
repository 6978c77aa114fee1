//! Causal multi-head attention.

pub mod composed;
mod fused;
mod kernel;
mod rotary;
mod shape;
pub(super) mod tables;
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
    /// `[d, d + 2 g]`: queries, keys, values side by side; g is d, or less where heads share theirs.
    pub qkv: Param<Tensor<2>>,
    /// `[d, d]`
    pub out: Param<Tensor<2>>,
    /// `[k]` each: gains of queries and of keys, where they are normalised.
    pub qk_gains: Option<(Param<Tensor<1>>, Param<Tensor<1>>)>,
}

impl Attention {
    pub(super) fn init(options: isoflop_model::Attention, init: &mut Init<'_>) -> Self {
        Attention {
            norm: init.vector(),
            qkv: init.matrix(),
            out: init.matrix(),
            qk_gains: options.qk_norm.then(|| (init.vector(), init.vector())),
        }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let attention = match place.operations {
            Operations::Fused => fused::attention_residual,
            Operations::Composed => composed::attention_residual,
        };
        let gains = self.qk_gains.as_ref().map(|(q, k)| (q.val(), k.val()));
        attention(
            place.model.norm,
            x_nd,
            self.norm.val(),
            self.qkv.val(),
            self.out.val(),
            gains,
            AttentionShape::at(place),
            place.rotary,
            place.starts,
        )
    }
}
