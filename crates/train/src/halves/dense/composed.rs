//! The half composed of stock operations.

use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::{Activation, Norm};
use std::f64::consts::FRAC_1_SQRT_2;

/// As the fused one.
pub fn mlp_residual(
    kind: Norm,
    activation: Activation,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    up_dw: Tensor<2>,
    down_fd: Tensor<2>,
) -> Tensor<2> {
    let normed_nd = norm(kind, x_nd.clone(), gain_d);
    x_nd + activate(activation, normed_nd.matmul(up_dw)).matmul(down_fd)
}

/// What stands between the matrices.
///
/// # Shapes
/// - x: `[n, w]`, output: `[n, f]`, w the numbers that the activation takes for f
pub(in crate::halves) fn activate(kind: Activation, x_nw: Tensor<2>) -> Tensor<2> {
    match kind {
        Activation::Gelu => gelu(x_nw),
        Activation::Swiglu => {
            let width = x_nw.dims()[1] / 2;
            let (gate_nf, value_nf) =
                (x_nw.clone().narrow(1, 0, width), x_nw.narrow(1, width, width));
            activation::silu(gate_nf) * value_nf
        }
        Activation::Relu2 => {
            let x = activation::relu(x_nw);
            x.clone() * x
        }
    }
}

/// `x Phi(x)`, written out: where a device has no kernel of its own for its gradient, Burn's
/// is that of the approximation by tanh, which differs by 9e-4.
fn gelu(x: Tensor<2>) -> Tensor<2> {
    let twice_phi = (x.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    x * twice_phi * 0.5
}
