//! The half composed of stock operations.

use super::{AttentionShape, RotaryTable, Starts, tables};
use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::Norm;

/// As the fused one.
#[allow(clippy::too_many_arguments, reason = "the tensors and the form of one operation")]
pub fn attention_residual(
    kind: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_d3d: Tensor<2>,
    out_dd: Tensor<2>,
    qk_gains: Option<(Tensor<1>, Tensor<1>)>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    let normed_nd = norm(kind, x_nd.clone(), gain_d);
    x_nd + causal_attention(normed_nd.matmul(qkv_d3d), shape, rotary, starts).matmul(out_dd)
}

/// `softmax(scale q k^T) v` from `[n, 3 d]` to `[n, d]`.
fn causal_attention(
    qkv_n3d: Tensor<2>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    let AttentionShape { batch, time, heads, parametrization } = shape;
    let width = qkv_n3d.dims()[1] / 3;
    let d_head = width / heads;
    let device = qkv_n3d.device();
    // Queries and keys as [b, t, 2 h, k], so that they are turned together.
    let mut qk_btgk =
        qkv_n3d.clone().narrow(1, 0, 2 * width).reshape([batch, time, 2 * heads, d_head]);
    if let Some(table) = rotary {
        qk_btgk = turned(qk_btgk, &tables::turns(table, time, d_head, &device));
    }
    let qk_bgtk = qk_btgk.swap_dims(1, 2);
    let q_bhtk = qk_bgtk.clone().narrow(1, 0, heads);
    let k_bhtk = qk_bgtk.narrow(1, heads, heads);
    let v_bhtk =
        qkv_n3d.narrow(1, 2 * width, width).reshape([batch, time, heads, d_head]).swap_dims(1, 2);
    let scores_bhtt = q_bhtk.matmul(k_bhtk.swap_dims(2, 3)) * parametrization.score_scale(d_head);
    let mut masked_bhtt = scores_bhtt + tables::causal(time, &device).unsqueeze();
    if let Some(starts) = starts {
        masked_bhtt = masked_bhtt + tables::hidden(starts, time, &device);
    }
    let att_bhtt = activation::softmax(masked_bhtt, 3);
    att_bhtt.matmul(v_bhtk).swap_dims(1, 2).reshape([batch * time, width])
}

/// Each pair of dimensions turned by the angle of its position.
fn turned(x_btgk: Tensor<4>, turns: &tables::Turns) -> Tensor<4> {
    let dims = x_btgk.dims();
    let d_head = dims[3];
    let flat = x_btgk.clone().reshape([dims[0] * dims[1] * dims[2], d_head]);
    let swapped_btgk = flat.matmul(turns.swap_kk.clone()).reshape(dims);
    x_btgk * turns.cos_1t1k.clone() + swapped_btgk * turns.sin_1t1k.clone()
}
