//! The attention half of a block.

use super::fused::{self, AttentionResidual};
use super::{RotaryTable, composed};
use burn::tensor::Tensor;
use isoflop_core::{Norm, Parametrization};

/// How the rows of a flat `[n, d]` split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Windows.
    pub batch: usize,
    /// Tokens a window.
    pub time: usize,
    /// Heads.
    pub heads: usize,
    /// Says what scores are scaled by.
    pub parametrization: Parametrization,
}

/// `x + attention(norm(x) qkv) out`: causal attention `softmax(scale q k^T) v` of each token
/// over those up to it (Vaswani et al. 2017), the heads side by side, queries, keys and values
/// side by side in that order.
///
/// # Shapes
/// - x, output: `[n, d]`, `n = batch time`; gain: `[d]`; qkv: `[d, 3 d]`; out: `[d, d]`
pub fn attention_residual(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_d3d: Tensor<2>,
    out_dd: Tensor<2>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
) -> Tensor<2> {
    if !fused::available(&x_nd) {
        return composed::attention_residual(norm, x_nd, gain_d, qkv_d3d, out_dd, shape, rotary);
    }
    let operation = AttentionResidual {
        centre: norm == Norm::Layer,
        shape,
        rotary: rotary.cloned(),
    };
    fused::apply(
        operation,
        [x_nd.into(), gain_d.into(), qkv_d3d.into(), out_dd.into()],
    )
}
