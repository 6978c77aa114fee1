//! Root-mean-square and layer normalisation with a gain.

use super::fused::{self, NormaliseKernel};
use burn::tensor::Tensor;
use isoflop_core::Norm;

/// Added to the mean square, as in Llama's code.
pub(super) const NORM_EPSILON: f64 = 1e-5;

/// `x / sqrt(mean(x^2) + eps) * gain`, of `x - mean(x)` under layer normalisation.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, output: `[n, d]`
pub fn norm(kind: Norm, x_nd: Tensor<2>, gain_d: Tensor<1>) -> Tensor<2> {
    let normalised_nd: Tensor<2> = fused::apply(
        NormaliseKernel {
            centre: kind == Norm::Layer,
        },
        x_nd,
    );
    normalised_nd * gain_d.unsqueeze()
}
