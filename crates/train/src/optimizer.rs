//! AdamW over a whole model, with the gradient clipped by its global norm.

use crate::flat::Flat;
use crate::model::{Batch, Loss, Operations, Pull, Transformer};
use crate::ops::{Moments, Update, adamw, composed, squares};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use isoflop_core::Optimizer as Constants;
use std::sync::Arc;

/// Gradients of every parameter without autodiff, flat, in the order of the model's list.
#[derive(Debug)]
pub struct ModelGradients {
    all: Vec<Option<Tensor<1>>>,
    pulls: Arc<[Pull]>,
}

impl ModelGradients {
    /// The gradients of one backward pass.
    pub fn of(model: &Transformer, mut grads: Gradients) -> Self {
        let mut collector = Collector { grads: &mut grads, collected: Vec::new() };
        model.weights.visit(&mut collector);
        ModelGradients { all: collector.collected, pulls: model.pulls().clone() }
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
        ModelGradients { all: joined.collect(), pulls: self.pulls }
    }

    /// Global norm: the square root of the sum of squares over all parameters, of which buffers are none.
    pub fn norm(&self) -> f64 {
        let pairs = self.all.iter().zip(self.pulls.iter());
        let of_parameters = pairs.filter(|(_, pull)| pull.against_sign.is_none());
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

/// State of the optimizer: the moments of all parameters, flattened, in the order of the model's
/// list.
#[derive(Clone, Debug)]
pub struct AdamW {
    constants: Constants,
    step: u64,
    moments: Vec<Option<Moments<1>>>,
    /// Vectors that take the place of `moments` once a step has been queued.
    flat: Option<Flat>,
}

impl AdamW {
    /// An optimizer before its first step.
    pub fn new(constants: Constants) -> Self {
        AdamW { constants, step: 0, moments: Vec::new(), flat: None }
    }

    /// An optimizer after `step` steps, with the two running means of each parameter.
    pub(crate) fn resume(
        constants: Constants,
        step: u64,
        moments: impl Iterator<Item = (Tensor<1>, Tensor<1>)>,
    ) -> Self {
        let moments = moments.map(|(first, second)| Some(Moments { first, second }));
        AdamW { constants, step, moments: moments.collect(), flat: None }
    }

    /// The two running means of each parameter, in the order of the model's list; nothing before the
    /// first step.
    pub(crate) fn moments(&self) -> Option<Vec<(Tensor<1>, Tensor<1>)>> {
        let moments = match &self.flat {
            Some(flat) => flat.moments(),
            None => self.moments.clone(),
        };
        let pairs = moments.into_iter().map(|moments| moments.map(|m| (m.first, m.second)));
        pairs.collect::<Option<Vec<_>>>().filter(|pairs| !pairs.is_empty())
    }

    /// Updates the weights and returns the global norm of the gradient before clipping. If the norm
    /// is not finite, nothing is updated.
    pub fn step(&mut self, model: &mut Transformer, grads: ModelGradients, rate: f64) -> f64 {
        let norm = grads.norm();
        if !norm.is_finite() {
            return norm;
        }
        self.step += 1;
        self.moments.resize(grads.all.len(), None);
        let operations = model.operations();
        let pulls = model.pulls().clone();
        model.update(|weights| {
            weights.map(&mut Mapper {
                update: Update {
                    constants: self.constants,
                    rate,
                    decay: 0.0,
                    scale: (self.constants.clip_norm / norm).min(1.0),
                    step: self.step,
                },
                operations,
                parameters: grads.all.into_iter().zip(&mut self.moments).zip(pulls.iter()),
            })
        });
        norm
    }
}

impl AdamW {
    /// Updates the weights like [`AdamW::step`] on a device that queues its work. The norm, `[1]`,
    /// is returned without being read. If it is not finite, training must not go on from the
    /// weights.
    ///
    /// # Panics
    /// A parameter has no gradient.
    pub fn step_queued(
        &mut self,
        model: &mut Transformer,
        grads: ModelGradients,
        rate: f64,
    ) -> Tensor<1> {
        self.step += 1;
        let update = Update {
            constants: self.constants,
            rate,
            decay: self.constants.weight_decay,
            scale: 1.0,
            step: self.step,
        };
        let moments = std::mem::take(&mut self.moments);
        let decay = self.constants.weight_decay;
        let flat = self.flat.get_or_insert_with(|| Flat::new(model, moments, decay));
        let grads = grads.all.into_iter().map(|grad| grad.expect("of every parameter"));
        flat.step(model, grads, &update)
    }
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

struct Mapper<I> {
    update: Update,
    operations: Operations,
    /// Gradient, moments and pull of each remaining parameter.
    parameters: I,
}

impl<'a, I> ModuleMapper for Mapper<I>
where
    I: Iterator<Item = ((Option<Tensor<1>>, &'a mut Option<Moments<1>>), &'a Pull)>,
{
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(((Some(grad), moments), pull)) = self.parameters.next() else {
            return param;
        };
        if let Some(step) = pull.against_sign {
            // Its moments are a part of every state, and stay 0.
            moments.get_or_insert_with(|| Moments::zeros(&grad));
            return param.map(|value| {
                let against = grad.sign().reshape(value.dims()) * step;
                let moved = value.inner() - against;
                Tensor::from_inner(moved).require_grad()
            });
        }
        let decay = match pull.decays {
            true => self.update.constants.weight_decay,
            false => 0.0,
        };
        let update = Update { decay, rate: self.update.rate * pull.rate_factor, ..self.update };
        param.map(|value| {
            let dims = value.dims();
            let value = value.inner().flatten(0, D - 1);
            let (value, new) = match self.operations {
                Operations::Fused => adamw(value, grad, moments.take(), &update),
                Operations::Composed => composed::adamw(value, grad, moments.take(), &update),
            };
            *moments = Some(new);
            Tensor::from_inner(value.reshape(dims)).require_grad()
        })
    }
}
