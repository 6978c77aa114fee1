//! The MLP half of a block.

use super::composed;
use super::fused::{self, MlpResidual};
use burn::tensor::Tensor;
use isoflop_model::Norm;

/// `x + gelu(norm(x) up) down`, with the exact `gelu(x) = x Phi(x)` (Hendrycks & Gimpel 2016).
///
/// # Shapes
/// - x, output: `[n, d]`, gain: `[d]`, up: `[d, f]`, down: `[f, d]`
pub fn mlp_residual(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    up_df: Tensor<2>,
    down_fd: Tensor<2>,
) -> Tensor<2> {
    if !fused::available(&x_nd) {
        return composed::mlp_residual(norm, x_nd, gain_d, up_df, down_fd);
    }
    let operation = MlpResidual { centre: norm == Norm::Layer };
    fused::apply(operation, [x_nd.into(), gain_d.into(), up_df.into(), down_fd.into()])
}
