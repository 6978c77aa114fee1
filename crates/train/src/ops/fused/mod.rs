//! Makes the kernels operations of Burn's tape on `flex`. Each is one node, with a forward and a
//! backward pass over plain slices.

mod memory;
mod operations;

pub(super) use operations::{CrossEntropy, Embedding, Nats};
pub(crate) use operations::{as_kept, kept};

use super::kernels::buffer::Buffer;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, backend_extension};
use burn::tensor::{Device, Tensor};
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// An operation on contiguous `f32` tensors.
pub(crate) trait Operation: Debug + Send + Sync {
    /// Computes the output and, with `keep`, what the backward pass needs.
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward;

    /// Computes the gradients of the inputs from the gradient `dy` of the output.
    fn backward(&self, inputs: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer>;
}

/// Result of a forward pass.
pub(crate) struct Forward {
    pub(crate) values: Buffer,
    pub(crate) dims: Vec<usize>,
    pub(crate) kept: Kept,
}

/// Whatever an operation keeps for its backward pass.
pub(crate) type Kept = Arc<dyn Any + Send + Sync>;

type SharedOperation = Arc<dyn Operation>;

/// Whether a device supports the fused operations.
pub(crate) fn is_available(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

/// Applies an operation as one node of the tape.
///
/// # Panics
/// The tensors are on a device for which [`is_available`] is false.
pub(crate) fn apply<const O: usize>(
    operation: impl Operation + 'static,
    inputs: impl IntoIterator<Item = AnyTensor>,
) -> Tensor<O> {
    let mut inputs: Vec<_> = inputs.into_iter().map(|input| input.0).collect();
    let call = Call { arity: inputs.len(), operation: Arc::new(operation) };
    let first = inputs[0].clone();
    inputs.resize(MOST_INPUTS, first);
    let inputs: [_; MOST_INPUTS] = inputs.try_into().expect("just resized");
    let [a, b, c, d, e, f, g, h] = inputs;
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused(a, b, c, d, e, f, g, h, call))
}

/// Inputs of an operation, at most.
const MOST_INPUTS: usize = 8;

/// An operation, and how many of the tensors passed with it are its inputs. The dispatch below
/// takes no lists but always [`MOST_INPUTS`] tensors, so copies of the first fill the remaining
/// places.
#[derive(Clone, Debug)]
struct Call {
    operation: Arc<dyn Operation>,
    arity: usize,
}

/// A tensor of any rank.
pub(crate) struct AnyTensor(FloatTensor<Dispatch>);

impl<const D: usize> From<Tensor<D>> for AnyTensor {
    fn from(x: Tensor<D>) -> Self {
        AnyTensor(x.into_dispatch())
    }
}

#[backend_extension(Flex, Autodiff)]
#[allow(clippy::too_many_arguments, reason = "a dispatch that knows no lists")]
trait FusedOps: Backend {
    fn fused(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        g: FloatTensor<Self>,
        h: FloatTensor<Self>,
        call: Call,
    ) -> FloatTensor<Self>;
}

/// A backend that holds numbers, as opposed to one that records a tape.
trait Numbers: Backend {
    fn run(
        inputs: Vec<FloatTensor<Self>>,
        operation: &SharedOperation,
        keep: bool,
    ) -> (FloatTensor<Self>, Kept);

    fn run_back(
        inputs: Vec<FloatTensor<Self>>,
        operation: &SharedOperation,
        kept: &Kept,
        dy: FloatTensor<Self>,
    ) -> Vec<FloatTensor<Self>>;
}

fn contiguous(tensors: &[FlexTensor]) -> Vec<FlexTensor> {
    tensors.iter().map(FlexTensor::to_contiguous).collect()
}

fn slices(tensors: &[FlexTensor]) -> Vec<&[f32]> {
    let slice = |x: &FlexTensor| x.as_slice::<f32>().is_some();
    assert!(tensors.iter().all(slice), "every tensor here is contiguous f32");
    tensors.iter().filter_map(|x| x.as_slice()).collect()
}

impl Numbers for Flex {
    fn run(inputs: Vec<FlexTensor>, operation: &SharedOperation, keep: bool) -> (FlexTensor, Kept) {
        let inputs = contiguous(&inputs);
        let Forward { values, dims, kept } = operation.forward(&slices(&inputs), keep);
        (memory::tensor(values, &dims), kept)
    }

    fn run_back(
        inputs: Vec<FlexTensor>,
        operation: &SharedOperation,
        kept: &Kept,
        dy: FlexTensor,
    ) -> Vec<FlexTensor> {
        let (inputs, dy) = (contiguous(&inputs), [dy.to_contiguous()]);
        let gradients = operation.backward(&slices(&inputs), kept, slices(&dy)[0]);
        let dims = inputs.iter().map(|input| input.layout().shape().to_vec());
        let tensors = gradients.into_iter().zip(dims);
        tensors.map(|(values, dims)| memory::tensor(values, &dims)).collect()
    }
}

impl FusedOps for Flex {
    fn fused(
        a: FlexTensor,
        b: FlexTensor,
        c: FlexTensor,
        d: FlexTensor,
        e: FlexTensor,
        f: FlexTensor,
        g: FlexTensor,
        h: FlexTensor,
        call: Call,
    ) -> FlexTensor {
        let inputs = Vec::from_iter([a, b, c, d, e, f, g, h].into_iter().take(call.arity));
        Self::run(inputs, &call.operation, false).0
    }
}

#[derive(Debug)]
struct FusedBackward<const N: usize>;

impl<B: Numbers, const N: usize> Backward<B, N> for FusedBackward<N> {
    type State = (Vec<FloatTensor<B>>, SharedOperation, Kept);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let (inputs, operation, kept) = ops.state;
        let gradients = B::run_back(inputs, &operation, &kept, dy);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: Numbers, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn fused(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        g: FloatTensor<Self>,
        h: FloatTensor<Self>,
        call: Call,
    ) -> FloatTensor<Self> {
        match call.arity {
            1 => tracked::<B, C, 1>([a], call.operation),
            2 => tracked::<B, C, 2>([a, b], call.operation),
            3 => tracked::<B, C, 3>([a, b, c], call.operation),
            4 => tracked::<B, C, 4>([a, b, c, d], call.operation),
            5 => tracked::<B, C, 5>([a, b, c, d, e], call.operation),
            6 => tracked::<B, C, 6>([a, b, c, d, e, f], call.operation),
            7 => tracked::<B, C, 7>([a, b, c, d, e, f, g], call.operation),
            _ => tracked::<B, C, 8>([a, b, c, d, e, f, g, h], call.operation),
        }
    }
}

fn tracked<B: Numbers, C: CheckpointStrategy, const N: usize>(
    inputs: [FloatTensor<Autodiff<B, C>>; N],
    operation: SharedOperation,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = std::array::from_fn(|i| inputs[i].node());
    let primitives = Vec::from_iter(inputs.map(|input| input.into_primitive()));
    let prepared = FusedBackward::<N>.prepare::<C>(nodes).compute_bound().stateful();
    match prepared {
        OpsKind::Tracked(prep) => {
            let (y, kept) = B::run(primitives.clone(), &operation, true);
            prep.finish((primitives, operation, kept), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::run(primitives, &operation, false).0),
    }
}
