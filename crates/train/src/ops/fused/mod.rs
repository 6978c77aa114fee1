//! Fused operations on `flex`: a forward and a hand-written backward over plain slices, as one
//! node of the tape. Every kernel has a composed twin in `ops`, which its tests compare it with.

mod attention;
mod gelu;
mod nats;
mod normalise;
mod vector;

pub(super) use attention::AttentionKernel;
pub(super) use gelu::GeluKernel;
pub(super) use nats::NatsKernel;
pub(super) use normalise::NormaliseKernel;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use std::fmt::Debug;
use std::sync::Arc;

/// An operation of one differentiable input, on contiguous `f32`.
pub(super) trait Kernel: Debug + Send + Sync {
    /// Dimensions of the output for those of the input.
    fn output_dims(&self, input: &[usize]) -> Vec<usize>;

    /// The output, and whatever the backward pass wants to keep.
    fn forward(&self, x: &[f32], dims: &[usize]) -> (Vec<f32>, Vec<f32>);

    /// The gradient of the input from that of the output.
    fn backward(&self, x: &[f32], y: &[f32], saved: &[f32], dy: &[f32], dims: &[usize])
    -> Vec<f32>;
}

type SharedKernel = Arc<dyn Kernel>;

/// Applies a kernel as one operation of the tape.
pub(super) fn apply<const D: usize, const O: usize>(
    kernel: impl Kernel + 'static,
    x: Tensor<D>,
) -> Tensor<O> {
    let kernel: SharedKernel = Arc::new(kernel);
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused(x.into_dispatch(), kernel))
}

#[backend_extension(Flex, Autodiff)]
trait FusedOps: Backend {
    fn fused(x: FloatTensor<Self>, kernel: SharedKernel) -> FloatTensor<Self>;
    fn fused_forward(
        x: FloatTensor<Self>,
        kernel: SharedKernel,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    fn fused_backward(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        saved: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        kernel: SharedKernel,
    ) -> FloatTensor<Self>;
}

fn tensor(values: Vec<f32>, dims: &[usize]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(dims.to_vec()));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

fn slice(x: &FlexTensor) -> &[f32] {
    x.as_slice()
        .expect("made contiguous, and every tensor here is f32")
}

fn dims(x: &FlexTensor) -> Vec<usize> {
    x.layout().shape().to_vec()
}

impl FusedOps for Flex {
    fn fused(x: FlexTensor, kernel: SharedKernel) -> FlexTensor {
        Self::fused_forward(x, kernel).0
    }

    fn fused_forward(x: FlexTensor, kernel: SharedKernel) -> (FlexTensor, FlexTensor) {
        let x = x.to_contiguous();
        let dims = dims(&x);
        let (y, saved) = kernel.forward(slice(&x), &dims);
        let saved_dims = [saved.len()];
        (
            tensor(y, &kernel.output_dims(&dims)),
            tensor(saved, &saved_dims),
        )
    }

    fn fused_backward(
        x: FlexTensor,
        y: FlexTensor,
        saved: FlexTensor,
        dy: FlexTensor,
        kernel: SharedKernel,
    ) -> FlexTensor {
        let (x, y, dy) = (x.to_contiguous(), y.to_contiguous(), dy.to_contiguous());
        let dims = dims(&x);
        tensor(
            kernel.backward(slice(&x), slice(&y), slice(&saved), slice(&dy), &dims),
            &dims,
        )
    }
}

#[derive(Debug)]
struct FusedBackward;

impl<B: FusedOps> Backward<B, 1> for FusedBackward {
    /// Input, output, saved values, kernel.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, SharedKernel);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let (x, y, saved, kernel) = ops.state;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::fused_backward(x, y, saved, dy, kernel));
        }
    }
}

impl<B: FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn fused(x: FloatTensor<Self>, kernel: SharedKernel) -> FloatTensor<Self> {
        match FusedBackward
            .prepare::<C>([x.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let x = x.primitive().clone();
                let (y, saved) = B::fused_forward(x.clone(), kernel.clone());
                prep.finish((x, y.clone(), saved, kernel), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::fused(x.into_primitive(), kernel)),
        }
    }

    fn fused_forward(
        _: FloatTensor<Self>,
        _: SharedKernel,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("called below autodiff only")
    }

    fn fused_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: SharedKernel,
    ) -> FloatTensor<Self> {
        unreachable!("called below autodiff only")
    }
}
