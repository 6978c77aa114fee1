//! The same operations composed of stock Burn operations: the reference that the fused ones are
//! compared with, and what runs on any other device.

use super::NORM_EPSILON;
use super::adamw::{Moments, Update};
use super::attention::{AttentionShape, Starts};
use super::rotary::RotaryTable;
use super::{rows, tables};
use crate::device::traffic;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use isoflop_model::Norm;
use std::f64::consts::FRAC_1_SQRT_2;

/// Token ids where the other tensors are.
pub fn upload(ids: &[i32], device: &Device) -> Tensor<1, Int> {
    traffic::sent(size_of_val(ids));
    Tensor::from_data(TensorData::new(ids.to_vec(), [ids.len()]), device)
}

/// As [`super::embedding()`].
pub fn embedding(ids: &[i32], token_vd: Tensor<2>, position_td: Option<Tensor<2>>) -> Tensor<2> {
    let ids_n = upload(ids, &token_vd.device());
    embedding_at(ids_n, token_vd, position_td)
}

/// As [`embedding()`], of ids that are there already.
pub fn embedding_at(
    ids_n: Tensor<1, Int>,
    token_vd: Tensor<2>,
    position_td: Option<Tensor<2>>,
) -> Tensor<2> {
    let count = ids_n.dims()[0];
    let x_nd = rows::rows(token_vd, ids_n);
    let Some(table_td) = position_td else {
        return x_nd;
    };
    let [time, width] = table_td.dims();
    let x_btd = x_nd.reshape([count / time, time, width]) + table_td.unsqueeze();
    x_btd.reshape([count, width])
}

/// As [`super::attention_residual`].
#[allow(clippy::too_many_arguments, reason = "the tensors and the form of one operation")]
pub fn attention_residual(
    kind: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_d3d: Tensor<2>,
    out_dd: Tensor<2>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    let normed_nd = norm(kind, x_nd.clone(), gain_d);
    x_nd + causal_attention(normed_nd.matmul(qkv_d3d), shape, rotary, starts).matmul(out_dd)
}

/// As [`super::mlp_residual`].
pub fn mlp_residual(
    kind: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    up_df: Tensor<2>,
    down_fd: Tensor<2>,
) -> Tensor<2> {
    let normed_nd = norm(kind, x_nd.clone(), gain_d);
    x_nd + gelu(normed_nd.matmul(up_df)).matmul(down_fd)
}

/// `x Phi(x)`, written out: where a device has no kernel of its own for its gradient, Burn's
/// is that of the approximation by tanh, which differs by 9e-4.
fn gelu(x: Tensor<2>) -> Tensor<2> {
    let twice_phi = (x.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    x * twice_phi * 0.5
}

/// `x / sqrt(mean(x^2) + eps) * gain`, of `x - mean(x)` under layer normalisation.
pub fn norm(kind: Norm, x_nd: Tensor<2>, gain_d: Tensor<1>) -> Tensor<2> {
    let x_nd = match kind {
        Norm::Rms => x_nd,
        Norm::Layer => x_nd.clone() - x_nd.mean_dim(1),
    };
    let mean_square_n1 = (x_nd.clone() * x_nd.clone()).mean_dim(1);
    x_nd / mean_square_n1.add_scalar(NORM_EPSILON).sqrt() * gain_d.unsqueeze()
}

/// As [`super::nats`].
pub fn nats(
    kind: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    head_dv: Tensor<2>,
    targets: &[i32],
) -> Tensor<1> {
    let targets_n = upload(targets, &x_nd.device());
    nats_at(kind, x_nd, gain_d, head_dv, targets_n)
}

/// As [`nats()`], of targets that are there already.
pub fn nats_at(
    kind: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    head_dv: Tensor<2>,
    targets_n: Tensor<1, Int>,
) -> Tensor<1> {
    let logits_nv = norm(kind, x_nd, gain_d).matmul(head_dv);
    let count = targets_n.dims()[0];
    activation::log_softmax(logits_nv, 1)
        .gather(1, targets_n.reshape([count, 1]))
        .reshape([count])
        .neg()
}

/// The mean, `[1]`, along a dimension: a sum over the whole of a tensor adds in another order at
/// each call on some devices.
pub fn mean(nats_n: Tensor<1>) -> Tensor<1> {
    let count = nats_n.dims()[0];
    nats_n.reshape([1, count]).mean_dim(1).reshape([1])
}

/// As [`super::adamw()`].
pub fn adamw<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    moments: Option<Moments<D>>,
    update: &Update,
) -> (Tensor<D>, Moments<D>) {
    let (beta1, beta2) = (update.constants.beta1, update.constants.beta2);
    let grad = grad * update.scale;
    let moments = moments.unwrap_or_else(|| Moments::zeros(&grad));
    let moments = Moments {
        first: moments.first * beta1 + grad.clone() * (1.0 - beta1),
        second: moments.second * beta2 + grad.clone() * grad * (1.0 - beta2),
    };
    let mean = moments.first.clone() * update.unbias(beta1);
    let root = (moments.second.clone() * update.unbias(beta2)).sqrt();
    let step = mean / (root + update.constants.epsilon) * update.rate;
    let param = param * (1.0 - update.rate * update.decay) - step;
    (param, moments)
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
