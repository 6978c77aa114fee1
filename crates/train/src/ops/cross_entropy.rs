//! Cross-entropy with logits.

use super::fused::{self, NatsKernel};
use burn::tensor::Tensor;

/// Negative log-likelihood of each target, in nats.
///
/// # Shapes
/// - logits: `[n, v]`, targets: `n` of them below v, output: `[n]`
pub fn nats(logits_nv: Tensor<2>, targets: &[i32]) -> Tensor<1> {
    fused::apply(
        NatsKernel {
            targets: targets.into(),
        },
        logits_nv,
    )
}

/// Mean of [`nats`].
///
/// # Shapes
/// - logits: `[n, v]`, targets: `n` of them below v, output: `[1]`
pub fn cross_entropy(logits_nv: Tensor<2>, targets: &[i32]) -> Tensor<1> {
    nats(logits_nv, targets).mean()
}
