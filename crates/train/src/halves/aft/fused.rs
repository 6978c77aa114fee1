//! The half as one node of the tape, on the kernel.

use super::{Form, Tensors, kernel};
use crate::ops::fused::{self, AnyTensor, Forward, Kept, Operation, as_kept, kept};
use crate::ops::kernels::buffer::Buffer;
use burn::tensor::Tensor;
use isoflop_model::Norm;

/// As the composed one.
///
/// # Shapes
/// - output: `[n, d]`
pub(super) fn residual(tensors: Tensors, form: Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, qkv_dw, out_dd, biases_ts } = tensors;
    let mut inputs = vec![x_nd.into(), gain_d.into(), qkv_dw.into(), out_dd.into()];
    inputs.extend(biases_ts.map(AnyTensor::from));
    fused::apply(Residual(form), inputs)
}

/// Inputs x, gain, qkv, out and, but for the simple form, biases.
#[derive(Debug)]
struct Residual(Form);

impl Residual {
    fn inputs<'a>(&'a self, inputs: &[&'a [f32]]) -> kernel::Inputs<'a> {
        kernel::Inputs {
            x: inputs[0],
            gain: inputs[1],
            qkv: inputs[2],
            out: inputs[3],
            biases: inputs.get(4).map(|values| {
                let window = self.0.window;
                kernel::Biases { values, window }
            }),
            centre: self.0.norm == Norm::Layer,
            time: self.0.time,
            starts: self.0.starts.as_deref(),
        }
    }
}

impl Operation for Residual {
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward {
        let inputs = self.inputs(inputs);
        let width = inputs.gain.len();
        let (values, state) = kernel::forward(inputs, keep);
        Forward { dims: vec![inputs.x.len() / width, width], values, kept: kept(state) }
    }

    fn backward(&self, inputs: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
        kernel::backward(self.inputs(inputs), as_kept(kept), dy)
    }
}
