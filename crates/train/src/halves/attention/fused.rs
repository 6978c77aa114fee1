//! The half as one node of the tape, on the kernel.

use super::{AttentionShape, RotaryTable, Starts, kernel};
use crate::ops::fused::{self, Forward, Kept, Operation, as_kept, kept};
use crate::ops::kernels::buffer::Buffer;
use burn::tensor::Tensor;
use isoflop_model::Norm;

/// `x + attention(norm(x) qkv) out`: attention `softmax(scale q k^T) v` of each token over those that the
/// reach of the shape lets it see (Vaswani et al. 2017), with `starts` over those of its document alone.
/// Queries, keys and values stand side by side in that order, in each the heads side by side. With
/// `qk_gains` each query and key is divided by its root mean square and multiplied by a gain before it is
/// turned (Henry et al. 2020).
///
/// # Shapes
/// - x, output: `[n, d]`, `n = batch time`; gain: `[d]`; qkv: `[d, d + 2 g]`; out: `[d, d]`; each of
///   qk_gains, of queries and of keys: `[k]`
#[allow(clippy::too_many_arguments, reason = "the tensors and the form of one operation")]
pub fn attention_residual(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_dw: Tensor<2>,
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
    let gains = qk_gains.into_iter().flat_map(|(q_k, k_k)| [q_k.into(), k_k.into()]);
    let inputs = [x_nd.into(), gain_d.into(), qkv_dw.into(), out_dd.into()];
    fused::apply(operation, inputs.into_iter().chain(gains))
}

/// The half; its inputs are x, gain, qkv, out and, where there are any, the gains of queries and of keys.
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
            qk_gains: inputs.get(4).zip(inputs.get(5)).map(|(q, k)| [*q, *k]),
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
        kernel::backward(self.inputs(inputs), as_kept(kept), dy)
    }
}
