//! Causal multi-head attention.

use super::fused::{self, AttentionKernel};
use super::rotary::RotaryTable;
use burn::tensor::Tensor;

/// How the rows of a flat `[n, 3 d]` split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Windows.
    pub batch: usize,
    /// Tokens a window.
    pub time: usize,
    /// Heads.
    pub heads: usize,
}

/// `softmax(q k^T / sqrt(k)) v` over the tokens up to each one (Vaswani et al. 2017), the heads
/// side by side.
///
/// # Shapes
/// - qkv: `[n, 3 d]`, queries, keys and values side by side, `n = batch time`; output: `[n, d]`
pub fn causal_attention(
    qkv_n3d: Tensor<2>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
) -> Tensor<2> {
    fused::apply(
        AttentionKernel {
            shape,
            rotary: rotary.cloned(),
        },
        qkv_n3d,
    )
}
