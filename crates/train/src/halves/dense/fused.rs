//! The half as one node of the tape, on the kernel.

use super::kernel;
use crate::ops::fused::{self, Forward, Kept, Operation, as_kept, kept};
use crate::ops::kernels::buffer::Buffer;
use burn::tensor::Tensor;
use isoflop_model::{Activation, Norm};

/// `x + gelu(norm(x) up) down`, with the exact `gelu(x) = x Phi(x)` (Hendrycks & Gimpel 2016).
///
/// # Shapes
/// - x, output: `[n, d]`, gain: `[d]`, up: `[d, f]`, down: `[f, d]`
pub fn mlp_residual(
    norm: Norm,
    activation: Activation,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    up_df: Tensor<2>,
    down_fd: Tensor<2>,
) -> Tensor<2> {
    let operation = MlpResidual { centre: norm == Norm::Layer, activation };
    fused::apply(operation, [x_nd.into(), gain_d.into(), up_df.into(), down_fd.into()])
}

/// Inputs x, gain, up, down.
#[derive(Debug)]
pub(crate) struct MlpResidual {
    pub(crate) centre: bool,
    pub(crate) activation: Activation,
}

impl MlpResidual {
    fn inputs<'a>(&self, inputs: &[&'a [f32]]) -> kernel::Inputs<'a> {
        kernel::Inputs {
            x: inputs[0],
            gain: inputs[1],
            up: inputs[2],
            down: inputs[3],
            centre: self.centre,
            activation: self.activation,
        }
    }
}

impl Operation for MlpResidual {
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward {
        let inputs = self.inputs(inputs);
        let width = inputs.gain.len();
        let (values, state) = kernel::forward(inputs, keep);
        Forward { dims: vec![inputs.x.len() / width, width], values, kept: kept(state) }
    }

    fn backward(&self, inputs: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
        kernel::backward(self.inputs(inputs), as_kept(kept), dy).into()
    }
}
