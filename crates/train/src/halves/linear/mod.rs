//! Linear attention with a decay, and the gated delta rule.

mod composed;
mod fused;
mod kernel;
#[cfg(test)]
mod tests;

use super::Place;
use crate::init::Init;
use crate::operations::Operations;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use isoflop_model::{Mixer, ModelConfig, Norm};
use std::sync::Arc;

/// Its weights.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, 3 d + h]`: queries, keys, values side by side, then a number a head that it forgets by. With the delta
    /// rule `[d, 3 d + 2 h]`: then also one for the share of a difference that it writes.
    pub qkv: Param<Tensor<2>>,
    /// `[h]`, logarithm of what that number is multiplied by.
    pub decay_rate: Param<Tensor<1>>,
    /// `[h]`, added to that number.
    pub decay_bias: Param<Tensor<1>>,
    /// `[d]`, gain of what all heads give.
    pub mixed_norm: Param<Tensor<1>>,
    /// `[d, d]`
    pub out: Param<Tensor<2>>,
}

/// The tensors of one call.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, qkv: `[d, 3 d + h]` or `[d, 3 d + 2 h]`, rate, bias: `[h]`, mixed_gain: `[d]`,
///   out: `[d, d]`
#[derive(Clone)]
struct Tensors {
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_dw: Tensor<2>,
    rate_h: Tensor<1>,
    bias_h: Tensor<1>,
    mixed_gain_d: Tensor<1>,
    out_dd: Tensor<2>,
}

/// What a call is besides its tensors.
#[derive(Clone, Debug)]
struct Form {
    norm: Norm,
    /// Windows.
    batch: usize,
    /// Tokens a window.
    time: usize,
    heads: usize,
    /// Tokens a chunk.
    chunk: usize,
    /// Whether tokens follow the delta rule.
    delta: bool,
    /// Where the document of each token starts in its window, with a mask of documents.
    starts: Option<Arc<[u32]>>,
}

impl Linear {
    pub(super) fn init(init: &mut Init<'_>) -> Self {
        Linear {
            norm: init.vector(),
            qkv: init.matrix(),
            decay_rate: init.vector(),
            decay_bias: init.vector(),
            mixed_norm: init.vector(),
            out: init.matrix(),
        }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let tensors = Tensors {
            x_nd,
            gain_d: self.norm.val(),
            qkv_dw: self.qkv.val(),
            rate_h: self.decay_rate.val(),
            bias_h: self.decay_bias.val(),
            mixed_gain_d: self.mixed_norm.val(),
            out_dd: self.out.val(),
        };
        let form = Form {
            norm: place.model.norm,
            batch: place.batch,
            time: place.model.context,
            heads: place.model.shape.n_heads,
            chunk: options(place.model).chunk,
            delta: options(place.model).delta,
            starts: place.starts.cloned(),
        };
        match place.operations {
            Operations::Fused => fused::residual(tensors, form),
            Operations::Composed => composed::residual(tensors, &form),
        }
    }
}

/// The options of a model whose mixer is linear attention.
fn options(model: &ModelConfig) -> isoflop_model::Linear {
    match model.mixer {
        Mixer::Linear(options) => options,
        _ => unreachable!("its weights are made for a model that has it"),
    }
}
