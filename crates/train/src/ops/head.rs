//! Computes the final norm, the head and the cross-entropy.

use super::fused::{self, CrossEntropy, Nats};
use burn::tensor::Tensor;
use isoflop_model::Norm;

/// Negative log-likelihood of each target under `softmax(norm(x) head)`, in nats. Logits exist only
/// for a block of rows at a time.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, head: `[d, v]`, targets: `n` of them below v, output: `[n]`
pub fn nats(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    head_dv: Tensor<2>,
    targets: &[i32],
) -> Tensor<1> {
    let operation = Nats { centre: norm == Norm::Layer, targets: targets.into() };
    fused::apply(operation, [x_nd.into(), gain_d.into(), head_dv.into()])
}

/// Mean of [`nats`].
///
/// # Shapes
/// - those of [`nats`]; output: `[1]`
pub fn cross_entropy(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    head_dv: Tensor<2>,
    targets: &[i32],
) -> Tensor<1> {
    let operation = CrossEntropy { centre: norm == Norm::Layer, targets: targets.into() };
    fused::apply(operation, [x_nd.into(), gain_d.into(), head_dv.into()])
}
