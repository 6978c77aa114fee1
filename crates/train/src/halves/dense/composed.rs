//! The half composed of stock operations.

use crate::ops::composed::norm;
use burn::tensor::Tensor;
use isoflop_model::Norm;
use std::f64::consts::FRAC_1_SQRT_2;

/// As the fused one.
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
