//! The half as one node of the tape, on the kernel.

use super::{Form, Tensors, kernel};
use crate::ops::fused::{self, AnyTensor, Forward, Kept, Operation, as_kept, kept};
use crate::ops::kernels::buffer::Buffer;
use burn::tensor::Tensor;
use isoflop_model::{Norm, Recurrent};

/// As the composed one.
///
/// # Shapes
/// - output: `[n, d]`
pub(super) fn residual(tensors: Tensors, form: Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, input_dw, recurrent_dw, bias_w, recurrent_bias_w } = tensors;
    let inputs: [AnyTensor; 3] = [x_nd.into(), gain_d.into(), input_dw.into()];
    let biases = [bias_w, recurrent_bias_w].into_iter().flatten().map(AnyTensor::from);
    let rest = recurrent_dw.map(AnyTensor::from).into_iter().chain(biases);
    fused::apply(Residual(form), inputs.into_iter().chain(rest))
}

/// Inputs x, gain, input, then, of those that the kind has, recurrent, bias and recurrent bias.
#[derive(Debug)]
struct Residual(Form);

impl Residual {
    fn inputs<'a>(&'a self, inputs: &[&'a [f32]]) -> kernel::Inputs<'a> {
        let Form { kind, norm, batch, time, ref starts } = self.0;
        kernel::Inputs {
            kind,
            x: inputs[0],
            gain: inputs[1],
            input: inputs[2],
            recurrent: inputs.get(3).copied(),
            bias: inputs.get(4).copied(),
            recurrent_bias: (kind == Recurrent::Gru).then(|| inputs[5]),
            centre: norm == Norm::Layer,
            batch,
            time,
            starts: starts.as_deref(),
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
