//! The operations composed of Burn's stock operations. They are the reference that the fused ones
//! are compared with, and run on every device without fused ones.

use super::NORM_EPSILON;
use super::rows;
use crate::device::traffic;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use isoflop_model::Norm;

/// Copies token ids to a device.
pub fn upload(ids: &[i32], device: &Device) -> Tensor<1, Int> {
    traffic::sent(size_of_val(ids));
    Tensor::from_data(TensorData::new(ids.to_vec(), [ids.len()]), device)
}

/// Embeds ids, like [`super::embedding()`].
pub fn embedding(ids: &[i32], token_vd: Tensor<2>, position_td: Option<Tensor<2>>) -> Tensor<2> {
    let ids_n = upload(ids, &token_vd.device());
    embedding_at(ids_n, token_vd, position_td)
}

/// Embeds ids, like [`embedding()`], that are on the device already.
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

/// Normalises rows: `x / sqrt(mean(x^2) + eps) * gain`; under layer normalisation with `x -
/// mean(x)` in place of x.
pub fn norm(kind: Norm, x_nd: Tensor<2>, gain_d: Tensor<1>) -> Tensor<2> {
    let x_nd = match kind {
        Norm::Rms => x_nd,
        Norm::Layer => x_nd.clone() - x_nd.mean_dim(1),
    };
    let mean_square_n1 = (x_nd.clone() * x_nd.clone()).mean_dim(1);
    x_nd / mean_square_n1.add_scalar(NORM_EPSILON).sqrt() * gain_d.unsqueeze()
}

/// Drops numbers of what a half adds to the stream, like [`super::dropout()`].
pub(crate) fn dropout(x_nd: Tensor<2>, h_nd: Tensor<2>, factors: &[f32]) -> Tensor<2> {
    traffic::sent(size_of_val(factors));
    let data = TensorData::new(factors.to_vec(), x_nd.dims());
    let factors_nd = Tensor::from_data(data, &x_nd.device());
    x_nd.clone() + (h_nd - x_nd) * factors_nd
}

/// Loss of each target in nats, like [`super::nats`].
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

/// Loss of each target in nats, like [`nats()`], for targets that are on the device already.
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

/// The mean, `[1]`, computed along a dimension, since on some devices a sum over a whole tensor
/// adds in another order at each call.
pub fn mean(nats_n: Tensor<1>) -> Tensor<1> {
    let count = nats_n.dims()[0];
    nats_n.reshape([1, count]).mean_dim(1).reshape([1])
}
