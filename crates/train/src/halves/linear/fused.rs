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
    let Tensors { x_nd, gain_d, qkv_dw, rate_h, bias_h, mixed_gain_d, out_dd } = tensors;
    let inputs: [AnyTensor; 7] = [
        x_nd.into(),
        gain_d.into(),
        qkv_dw.into(),
        rate_h.into(),
        bias_h.into(),
        mixed_gain_d.into(),
        out_dd.into(),
    ];
    fused::apply(Residual(form), inputs)
}

/// Inputs x, gain, qkv, rate, bias, gain of what is mixed, out.
#[derive(Debug)]
struct Residual(Form);

impl Residual {
    fn inputs<'a>(&'a self, inputs: &[&'a [f32]]) -> kernel::Inputs<'a> {
        let Form { norm, batch, time, heads, chunk, delta, ref starts } = self.0;
        kernel::Inputs {
            x: inputs[0],
            gain: inputs[1],
            qkv: inputs[2],
            rates: inputs[3],
            biases: inputs[4],
            mixed_gain: inputs[5],
            out: inputs[6],
            centre: norm == Norm::Layer,
            batch,
            time,
            heads,
            chunk: chunk.min(time),
            delta,
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
