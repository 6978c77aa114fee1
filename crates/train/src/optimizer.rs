//! AdamW over a whole model, with the gradient clipped by its global norm.

use crate::model::{Operations, Transformer, Weights};
use crate::ops::{Moments, Update, adamw, composed, squares};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use isoflop_sweep::run::Optimizer as Constants;

/// Gradients of every parameter without autodiff, flat, in the order in which Burn visits them.
#[derive(Debug)]
pub struct ModelGradients(Vec<Option<Tensor<1>>>);

impl ModelGradients {
    /// Those of one backward pass.
    pub fn of(weights: &Weights, mut grads: Gradients) -> Self {
        let mut collector = Collector {
            grads: &mut grads,
            collected: Vec::new(),
        };
        weights.visit(&mut collector);
        ModelGradients(collector.collected)
    }

    /// The sum with those of another part of the batch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let pairs = self.0.into_iter().zip(other.0);
        ModelGradients(
            pairs
                .map(|pair| match pair {
                    (Some(a), Some(b)) => Some(a + b),
                    (a, b) => a.or(b),
                })
                .collect(),
        )
    }

    /// Square root of the sum of squares over all parameters.
    pub fn norm(&self) -> f64 {
        let squares = self.0.iter().flatten().map(|grad| squares(grad.clone()));
        squares.sum::<f64>().sqrt()
    }
}

/// The optimizer's state: moments of every parameter, flat, in the order in which Burn visits
/// them.
#[derive(Clone, Debug)]
pub struct AdamW {
    constants: Constants,
    step: u64,
    moments: Vec<Option<Moments<1>>>,
}

impl AdamW {
    /// Without history.
    pub fn new(constants: Constants) -> Self {
        AdamW {
            constants,
            step: 0,
            moments: Vec::new(),
        }
    }

    /// Updates the weights and returns the global gradient norm before clipping. With a norm that
    /// is not finite nothing is updated.
    pub fn step(&mut self, model: &mut Transformer, grads: ModelGradients, rate: f64) -> f64 {
        let norm = grads.norm();
        if !norm.is_finite() {
            return norm;
        }
        self.step += 1;
        self.moments.resize(grads.0.len(), None);
        let operations = model.operations();
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
                parameters: grads.0.into_iter().zip(&mut self.moments),
            })
        });
        norm
    }
}

struct Collector<'a> {
    grads: &'a mut Gradients,
    collected: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let grad = param.val().grad_remove(self.grads);
        self.collected.push(grad.map(|grad| grad.flatten(0, D - 1)));
    }
}

struct Mapper<I> {
    update: Update,
    operations: Operations,
    /// Gradient and moments of the parameters to come.
    parameters: I,
}

impl<'a, I> ModuleMapper for Mapper<I>
where
    I: Iterator<Item = (Option<Tensor<1>>, &'a mut Option<Moments<1>>)>,
{
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((Some(grad), moments)) = self.parameters.next() else {
            return param;
        };
        // Gains are not decayed.
        let decay = match D {
            1 => 0.0,
            _ => self.update.constants.weight_decay,
        };
        let update = Update {
            decay,
            ..self.update
        };
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
