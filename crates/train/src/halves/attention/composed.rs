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
    qkv_dw: Tensor<2>,
    out_dd: Tensor<2>,
    qk_gains: Option<(Tensor<1>, Tensor<1>)>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    let normed_nd = norm(kind, x_nd.clone(), gain_d);
    let mixed_nd = causal_attention(normed_nd.matmul(qkv_dw), qk_gains, shape, rotary, starts);
    x_nd + mixed_nd.matmul(out_dd)
}

/// `softmax(scale q k^T) v` from `[n, d + 2 g]` to `[n, d]`.
fn causal_attention(
    qkv_nw: Tensor<2>,
    qk_gains: Option<(Tensor<1>, Tensor<1>)>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    let AttentionShape { batch, time, heads, kv_heads, reach, parametrization } = shape;
    let d_head = qkv_nw.dims()[1] / (heads + 2 * kv_heads);
    let (width, of_keys) = (heads * d_head, kv_heads * d_head);
    let device = qkv_nw.device();
    // Queries and keys as [b, t, h + g, k], so that they are turned together.
    let mut qk_btgk = qkv_nw.clone().narrow(1, 0, width + of_keys).reshape([
        batch,
        time,
        heads + kv_heads,
        d_head,
    ]);
    if let Some((q_k, k_k)) = qk_gains {
        let q_btgk = normalised(qk_btgk.clone().narrow(2, 0, heads), q_k);
        let k_btgk = normalised(qk_btgk.narrow(2, heads, kv_heads), k_k);
        qk_btgk = Tensor::cat(vec![q_btgk, k_btgk], 2);
    }
    if let Some(table) = rotary {
        qk_btgk = turned(qk_btgk, &tables::turns(table, time, d_head, &device));
    }
    let qk_bgtk = qk_btgk.swap_dims(1, 2);
    let q_bhtk = qk_bgtk.clone().narrow(1, 0, heads);
    let k_bhtk = shared(qk_bgtk.narrow(1, heads, kv_heads), heads);
    let v_bgtk = qkv_nw
        .narrow(1, width + of_keys, of_keys)
        .reshape([batch, time, kv_heads, d_head])
        .swap_dims(1, 2);
    let v_bhtk = shared(v_bgtk, heads);
    let scores_bhtt = q_bhtk.matmul(k_bhtk.swap_dims(2, 3)) * parametrization.score_scale(d_head);
    let mut masked_bhtt = scores_bhtt + tables::hidden_by(reach, time, &device).unsqueeze();
    if let Some(starts) = starts {
        masked_bhtt = masked_bhtt + tables::hidden(starts, time, &device);
    }
    let att_bhtt = activation::softmax(masked_bhtt, 3);
    att_bhtt.matmul(v_bhtk).swap_dims(1, 2).reshape([batch * time, width])
}

/// Each head divided by its root mean square, times a gain that all heads share.
fn normalised(x_btgk: Tensor<4>, gain_k: Tensor<1>) -> Tensor<4> {
    let dims = x_btgk.dims();
    let flat = x_btgk.reshape([dims[0] * dims[1] * dims[2], dims[3]]);
    norm(Norm::Rms, flat, gain_k).reshape(dims)
}

/// Each head of keys or values once for every head of queries of its group.
fn shared(x_bgtk: Tensor<4>, heads: usize) -> Tensor<4> {
    let [batch, groups, time, d_head] = x_bgtk.dims();
    if groups == heads {
        return x_bgtk;
    }
    x_bgtk
        .reshape([batch, groups, 1, time * d_head])
        .repeat_dim(2, heads / groups)
        .reshape([batch, heads, time, d_head])
}

/// Each pair of dimensions turned by the angle of its position.
fn turned(x_btgk: Tensor<4>, turns: &tables::Turns) -> Tensor<4> {
    let dims = x_btgk.dims();
    let d_head = dims[3];
    let flat = x_btgk.clone().reshape([dims[0] * dims[1] * dims[2], d_head]);
    let swapped_btgk = flat.matmul(turns.swap_kk.clone()).reshape(dims);
    x_btgk * turns.cos_1t1k.clone() + swapped_btgk * turns.sin_1t1k.clone()
}
