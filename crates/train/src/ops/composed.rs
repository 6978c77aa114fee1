//! The same operations composed of stock Burn operations: the reference that the fused ones are
//! compared with, and what runs on any other device.

use super::NORM_EPSILON;
use super::adamw::{Moments, Update};
use super::attention::{AttentionShape, Starts};
use super::rotary::RotaryTable;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData, activation};
use isoflop_core::Norm;

/// As [`super::embedding`].
pub fn embedding(ids: &[i32], token_vd: Tensor<2>, position_td: Option<Tensor<2>>) -> Tensor<2> {
    let rows = ids.len();
    let ids = TensorData::new(ids.to_vec(), [rows]);
    let ids_n = Tensor::<1, Int>::from_data(ids, &token_vd.device());
    let x_nd = token_vd.select(0, ids_n);
    let Some(table_td) = position_td else {
        return x_nd;
    };
    let [time, width] = table_td.dims();
    let x_btd = x_nd.reshape([rows / time, time, width]) + table_td.unsqueeze();
    x_btd.reshape([rows, width])
}

/// As [`super::attention_residual`].
#[allow(
    clippy::too_many_arguments,
    reason = "the tensors and the form of one operation"
)]
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
    x_nd + activation::gelu(normed_nd.matmul(up_df)).matmul(down_fd)
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
    let logits_nv = norm(kind, x_nd, gain_d).matmul(head_dv);
    let rows = targets.len();
    let data = TensorData::new(targets.to_vec(), [rows, 1]);
    let targets_n1 = Tensor::<2, Int>::from_data(data, &logits_nv.device());
    activation::log_softmax(logits_nv, 1)
        .gather(1, targets_n1)
        .reshape([rows])
        .neg()
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
    let AttentionShape {
        batch,
        time,
        heads,
        parametrization,
    } = shape;
    let width = qkv_n3d.dims()[1] / 3;
    let d_head = width / heads;
    let device = qkv_n3d.device();
    let part = |index: usize| {
        let part_nd = qkv_n3d.clone().narrow(1, index * width, width);
        part_nd
            .reshape([batch, time, heads, d_head])
            .swap_dims(1, 2)
    };
    let (mut q_bhtk, mut k_bhtk, v_bhtk) = (part(0), part(1), part(2));
    if let Some(table) = rotary {
        q_bhtk = rotate(q_bhtk, table, &device);
        k_bhtk = rotate(k_bhtk, table, &device);
    }
    let scores_bhtt = q_bhtk.matmul(k_bhtk.swap_dims(2, 3)) * parametrization.score_scale(d_head);
    let future_tt = Tensor::<2, Bool>::tril_mask([time, time], 0, &device);
    let mut masked_bhtt = scores_bhtt.mask_fill(future_tt.unsqueeze(), f32::NEG_INFINITY);
    if let Some(starts) = starts {
        let hidden = |&start: &u32| (0..time as u32).map(move |key| key < start);
        let hidden: Vec<bool> = starts.iter().flat_map(hidden).collect();
        let data = TensorData::new(hidden, [batch, 1, time, time]);
        let hidden_b1tt = Tensor::<4, Bool>::from_data(data, &device);
        masked_bhtt = masked_bhtt.mask_fill(
            hidden_b1tt.expand([batch, heads, time, time]),
            f32::NEG_INFINITY,
        );
    }
    let att_bhtt = activation::softmax(masked_bhtt, 3);
    att_bhtt
        .matmul(v_bhtk)
        .swap_dims(1, 2)
        .reshape([batch * time, width])
}

fn rotate(x_bhtk: Tensor<4>, table: &RotaryTable, device: &Device) -> Tensor<4> {
    let [_, _, time, d_head] = x_bhtk.dims();
    let half = d_head / 2;
    let angles = |values: &[f32]| {
        let data = TensorData::new(values.to_vec(), [1, 1, half, table.context]);
        let angles = Tensor::<4>::from_data(data, device).swap_dims(2, 3);
        angles.narrow(2, 0, time)
    };
    let (cos, sin) = (angles(&table.cos_kt), angles(&table.sin_kt));
    let first = x_bhtk.clone().narrow(3, 0, half);
    let second = x_bhtk.narrow(3, half, half);
    let turned_first = first.clone() * cos.clone() - second.clone() * sin.clone();
    let turned_second = second * cos + first * sin;
    Tensor::cat(vec![turned_first, turned_second], 3)
}
