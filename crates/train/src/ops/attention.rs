//! The attention half of a block.

use super::fused::{self, AttentionResidual};
use super::{RotaryTable, composed};
use burn::tensor::Tensor;
use isoflop_model::{Norm, Parametrization};
use std::sync::Arc;

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

/// Of each token of a batch, the place in its window where its document starts: it attends to none before.
pub type Starts = Arc<[u32]>;

/// Where documents start, for windows of token ids. A separator is the last token of its document.
pub fn starts(ids: &[i32], time: usize, separator: u32) -> Starts {
    let windows = ids.chunks(time).flat_map(|window| {
        window.iter().enumerate().scan(0, move |start, (at, id)| {
            let of_this = *start;
            if *id == separator as i32 {
                *start = at as u32 + 1;
            }
            Some(of_this)
        })
    });
    windows.collect()
}

/// `x + attention(norm(x) qkv) out`: causal attention `softmax(scale q k^T) v` of each token
/// over those up to it (Vaswani et al. 2017), with `starts` over those of its document alone, the heads side by side, queries, keys and values
/// side by side in that order.
///
/// # Shapes
/// - x, output: `[n, d]`, `n = batch time`; gain: `[d]`; qkv: `[d, 3 d]`; out: `[d, d]`
#[allow(clippy::too_many_arguments, reason = "the tensors and the form of one operation")]
pub fn attention_residual(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_d3d: Tensor<2>,
    out_dd: Tensor<2>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    if !fused::available(&x_nd) {
        return composed::attention_residual(
            norm, x_nd, gain_d, qkv_d3d, out_dd, shape, rotary, starts,
        );
    }
    let operation = AttentionResidual {
        centre: norm == Norm::Layer,
        shape,
        rotary: rotary.cloned(),
        starts: starts.cloned(),
    };
    fused::apply(operation, [x_nd.into(), gain_d.into(), qkv_d3d.into(), out_dd.into()])
}
