//! Gradients of a whole model: of one backward pass, summed over the passes of a batch, and their norm.

use super::numbers;
use crate::model::{Batch, Loss, Transformer};
use crate::ops::fused;
use crate::ops::kernels;
use crate::profile::part;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use isoflop_model::TensorSpec;
use std::sync::Arc;

/// Gradients of every parameter without autodiff, flat, in the order of the model's list.
#[derive(Debug)]
pub struct ModelGradients {
    pub(super) all: Vec<Option<Tensor<1>>>,
    specs: Arc<[TensorSpec]>,
}

impl ModelGradients {
    /// The gradients of one backward pass.
    pub fn of(model: &Transformer, mut grads: Gradients) -> Self {
        let mut collector = Collector { grads: &mut grads, collected: Vec::new() };
        model.weights.visit(&mut collector);
        ModelGradients { all: collector.collected, specs: model.specs().clone() }
    }

    /// Sum of these gradients and those of another part of the batch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    /// Difference between these gradients and others.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    fn with(self, other: Self, join: fn(Tensor<1>, Tensor<1>) -> Tensor<1>) -> Self {
        let pairs = self.all.into_iter().zip(other.all);
        let joined = pairs.map(|pair| match pair {
            (Some(a), Some(b)) => Some(join(a, b)),
            (a, b) => a.or(b),
        });
        ModelGradients { all: joined.collect(), specs: self.specs }
    }

    /// Global norm: the square root of the sum of squares over all parameters, of which buffers are none.
    pub fn norm(&self) -> f64 {
        let pairs = self.all.iter().zip(self.specs.iter());
        let of_parameters = pairs.filter(|(_, spec)| spec.is_parameter());
        let squares = of_parameters.filter_map(|(grad, _)| Some(squares(grad.clone()?)));
        squares.sum::<f64>().sqrt()
    }
}

/// Mean loss of a batch in nats per token, and its gradients, computed with `micro` tokens (whole
/// windows) per pass.
///
/// # Shapes
/// - inputs, targets: whole windows of the context
pub fn gradients(
    model: &Transformer,
    inputs: &[i32],
    targets: &[i32],
    micro: usize,
) -> (f64, ModelGradients) {
    let (losses, grads) = unread_gradients(model, &Batch::new(inputs, targets), micro);
    let losses = losses.into_iter().map(|loss| f64::from(loss.into_scalar::<f32>()));
    (losses.sum(), grads)
}

/// Computes [`gradients`] of a batch without reading its loss: returns the loss of each pass,
/// `[1]`, weighted so that their sum is the mean.
pub(crate) fn unread_gradients(
    model: &Transformer,
    batch: &Batch<'_>,
    micro: usize,
) -> (Vec<Tensor<1>>, ModelGradients) {
    let count = batch.inputs.len();
    let mut losses = Vec::new();
    let mut sum: Option<ModelGradients> = None;
    for part in batch.parts(micro) {
        let Loss { mean: mut loss, beside } = model.loss_of(&part);
        if part.inputs.len() < count {
            loss = loss * (part.inputs.len() as f64 / count as f64);
        }
        let grads = match beside {
            Some(beside) => (loss.clone() + beside).backward(),
            None => loss.backward(),
        };
        let grads = ModelGradients::of(model, grads);
        losses.push(loss.inner());
        sum = Some(match sum {
            Some(sum) => sum.plus(grads),
            None => grads,
        });
    }
    (losses, sum.expect("a batch has a window"))
}

/// Sum of squares of all numbers.
fn squares(x: Tensor<1>) -> f64 {
    if !fused::is_available(&x.device()) {
        return f64::from((x.clone() * x).sum().into_scalar::<f32>());
    }
    let mut total = 0.0;
    let x = numbers(x).to_contiguous();
    let values = x.as_slice().expect("contiguous f32");
    part("gradient norm", || kernels::adamw::squares(values, &mut total));
    total
}

struct Collector<'a> {
    grads: &'a mut Gradients,
    collected: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        // A parameter that no loss depends on has a gradient too: the matrix of a state in windows of one
        // token, where no state comes from a token before.
        let grad = value.grad_remove(self.grads).unwrap_or_else(|| value.inner().zeros_like());
        self.collected.push(Some(grad.flatten(0, D - 1)));
    }
}
