//! The half as one node of the tape, on the kernel.

use super::{AttentionShape, RotaryTable, Starts, kernel};
use crate::ops::fused::{self, Forward, Kept, Operation, as_kept, kept};
use crate::ops::kernels::buffer::Buffer;
use burn::tensor::Tensor;
use isoflop_model::Norm;

/// `x + attention(norm(x) qkv) out`: causal attention `softmax(scale q k^T) v` of each token
/// over those up to it (Vaswani et al. 2017), with `starts` over those of its document alone, the heads side by side, queries, keys and values
/// side by side in that order.
///
/// # Shapes
/// - x, output: `[n, d]`, `n = batch time`; gain: `[d]`; qkv: `[d, 3 d]`; out: `[d, d]`
#[allow(clippy::too_many_arguments, reason = "the tensors and the form of one operation")]
pub fn attention_residual(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_d3d: Tensor<2>,
    out_dd: Tensor<2>,
    qk_gains: Option<(Tensor<1>, Tensor<1>)>,
    shape: AttentionShape,
    rotary: Option<&RotaryTable>,
    starts: Option<&Starts>,
) -> Tensor<2> {
    let operation = AttentionResidual {
        centre: norm == Norm::Layer,
        shape,
        rotary: rotary.cloned(),
        starts: starts.cloned(),
    };
    fused::apply(operation, [x_nd.into(), gain_d.into(), qkv_d3d.into(), out_dd.into()])
}

/// Inputs x, gain, qkv, out.
#[derive(Debug)]
pub(crate) struct AttentionResidual {
    pub(crate) centre: bool,
    pub(crate) shape: AttentionShape,
    pub(crate) rotary: Option<RotaryTable>,
    pub(crate) starts: Option<Starts>,
}

impl AttentionResidual {
    fn inputs<'a>(&'a self, inputs: &[&'a [f32]]) -> kernel::Inputs<'a> {
        kernel::Inputs {
            x: inputs[0],
            gain: inputs[1],
            qkv: inputs[2],
            out: inputs[3],
            centre: self.centre,
            shape: self.shape,
            rotary: self.rotary.as_ref(),
            starts: self.starts.as_deref(),
        }
    }
}

impl Operation for AttentionResidual {
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
