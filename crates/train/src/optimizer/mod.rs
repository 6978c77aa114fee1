//! The optimizers: AdamW, Muon for linear maps with AdamW for the rest, and gradient descent with momentum, over
//! a whole model, with the gradient clipped by its global norm. A file each; what they share is here.
//! docs/optimizers.md has their formulas.

mod adamw;
mod flat;
mod gradients;
mod muon;
mod sgd;
#[cfg(test)]
mod tests;

pub use adamw::Moments;
pub use gradients::{ModelGradients, gradients};

pub(crate) use gradients::unread_gradients;

use crate::model::{Operations, Transformer};
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use flat::Flat;
use isoflop_core::{Optimizer as Constants, OptimizerKind};
use isoflop_model::TensorSpec;

/// What an optimizer keeps of one parameter from step to step, flat.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a parameter, of handles and not of numbers")]
pub enum Kept {
    /// Running means of the gradient and of its square, which AdamW keeps.
    Moments(Moments),
    /// Sum of gradients that fades, of Muon and of gradient descent.
    Momentum(Tensor<1>),
}

/// Everything that one update depends on besides the gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update {
    /// Constants of the optimizer, of which betas and epsilon are used.
    pub(crate) constants: Constants,
    /// Learning rate.
    pub(crate) rate: f64,
    /// Weight decay of this parameter.
    pub(crate) decay: f64,
    /// Factor by which the gradient is multiplied, for clipping.
    pub(crate) scale: f64,
    /// Number of the step, counted from 1.
    pub(crate) step: u64,
}

/// State of an optimizer: what it keeps of all parameters, in the order of the model's list.
#[derive(Clone, Debug)]
pub struct OptimizerState {
    constants: Constants,
    step: u64,
    kept: Vec<Option<Kept>>,
    /// Vectors that take the place of `kept` once a step has been queued.
    flat: Option<Flat>,
}

impl Kept {
    /// What is kept before the first step, which is zero.
    fn zeros(kind: OptimizerKind, grad: &Tensor<1>) -> Self {
        match kind {
            OptimizerKind::AdamW => Kept::Moments(Moments::zeros(grad)),
            OptimizerKind::Muon | OptimizerKind::Sgd => Kept::Momentum(grad.zeros_like()),
        }
    }

    /// The tensors that are kept, in the order of a checkpoint.
    pub(crate) fn tensors(self) -> Vec<Tensor<1>> {
        match self {
            Kept::Moments(Moments { first, second }) => vec![first, second],
            Kept::Momentum(momentum) => vec![momentum],
        }
    }

    /// The reverse of [`Kept::tensors`].
    ///
    /// # Panics
    /// There is neither one tensor nor two.
    pub(crate) fn of(tensors: Vec<Tensor<1>>) -> Self {
        match <[Tensor<1>; 2]>::try_from(tensors) {
            Ok([first, second]) => Kept::Moments(Moments { first, second }),
            Err(one) => {
                let [momentum] = <[_; 1]>::try_from(one).expect("an optimizer keeps one or two");
                Kept::Momentum(momentum)
            }
        }
    }

    fn moments(self) -> Option<Moments> {
        match self {
            Kept::Moments(moments) => Some(moments),
            Kept::Momentum(_) => None,
        }
    }

    fn momentum(self) -> Option<Tensor<1>> {
        match self {
            Kept::Momentum(momentum) => Some(momentum),
            Kept::Moments(_) => None,
        }
    }
}

impl Update {
    /// Factor of the parameter under weight decay.
    fn keep(&self) -> f64 {
        1.0 - self.rate * self.decay
    }

    /// New values of a parameter and what is kept of it. The tensors must be without autodiff.
    ///
    /// # Shapes
    /// - all tensors: one common length
    fn apply(
        &self,
        operations: Operations,
        spec: &TensorSpec,
        param: Tensor<1>,
        grad: Tensor<1>,
        kept: Option<Kept>,
    ) -> (Tensor<1>, Kept) {
        match spec.optimizer(self.constants.kind) {
            OptimizerKind::AdamW => {
                let moments = kept.and_then(Kept::moments);
                let (param, moments) = match operations {
                    Operations::Fused => adamw::fused(param, grad, moments, self),
                    Operations::Composed => adamw::composed(param, grad, moments, self),
                };
                (param, Kept::Moments(moments))
            }
            OptimizerKind::Muon => {
                let momentum = kept.and_then(Kept::momentum);
                let (param, momentum) = match operations {
                    Operations::Fused => muon::fused(param, grad, momentum, spec, self),
                    Operations::Composed => muon::composed(param, grad, momentum, spec, self),
                };
                (param, Kept::Momentum(momentum))
            }
            OptimizerKind::Sgd => {
                let momentum = kept.and_then(Kept::momentum);
                let (param, momentum) = match operations {
                    Operations::Fused => sgd::fused(param, grad, momentum, self),
                    Operations::Composed => sgd::composed(param, grad, momentum, self),
                };
                (param, Kept::Momentum(momentum))
            }
        }
    }
}

impl OptimizerState {
    /// An optimizer before its first step.
    pub fn new(constants: Constants) -> Self {
        OptimizerState { constants, step: 0, kept: Vec::new(), flat: None }
    }

    /// An optimizer after `step` steps, with what it kept of each parameter.
    pub(crate) fn resume(
        constants: Constants,
        step: u64,
        kept: impl Iterator<Item = Kept>,
    ) -> Self {
        OptimizerState { constants, step, kept: kept.map(Some).collect(), flat: None }
    }

    /// What is kept of each parameter, in the order of the model's list; nothing before the first
    /// step.
    pub(crate) fn kept(&self) -> Option<Vec<Kept>> {
        let kept = match &self.flat {
            Some(flat) => flat.kept(),
            None => self.kept.iter().cloned().collect::<Option<Vec<_>>>()?,
        };
        Some(kept).filter(|kept| !kept.is_empty())
    }

    /// Updates the weights and returns the global norm of the gradient before clipping. If the norm
    /// is not finite, nothing is updated.
    pub fn step(&mut self, model: &mut Transformer, grads: ModelGradients, rate: f64) -> f64 {
        let norm = grads.norm();
        if !norm.is_finite() {
            return norm;
        }
        self.step += 1;
        self.kept.resize(grads.all.len(), None);
        let operations = model.operations();
        let specs = model.specs().clone();
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
                parameters: grads.all.into_iter().zip(&mut self.kept).zip(specs.iter()),
            })
        });
        norm
    }

    /// Updates the weights like [`OptimizerState::step`] on a device that queues its work. The norm, `[1]`,
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
        let kept = std::mem::take(&mut self.kept);
        let flat = self.flat.get_or_insert_with(|| Flat::new(model, kept, &self.constants));
        let grads = grads.all.into_iter().map(|grad| grad.expect("of every parameter"));
        flat.step(model, grads, &update)
    }
}

struct Mapper<I> {
    update: Update,
    operations: Operations,
    /// Gradient, what is kept, and place in the model's list of each remaining parameter.
    parameters: I,
}

impl<'a, I> ModuleMapper for Mapper<I>
where
    I: Iterator<Item = ((Option<Tensor<1>>, &'a mut Option<Kept>), &'a TensorSpec)>,
{
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(((Some(grad), kept), spec)) = self.parameters.next() else {
            return param;
        };
        let kind = self.update.constants.kind;
        if let Some(step) = spec.against_sign() {
            // What is kept of a buffer is a part of every state, and stays 0.
            kept.get_or_insert_with(|| Kept::zeros(spec.optimizer(kind), &grad));
            return param.map(|value| {
                let against = grad.sign().reshape(value.dims()) * step;
                let moved = value.inner() - against;
                Tensor::from_inner(moved).require_grad()
            });
        }
        let decay = match spec.decays {
            true => self.update.constants.weight_decay,
            false => 0.0,
        };
        let rate = self.update.rate * spec.factor_by(kind);
        let update = Update { decay, rate, ..self.update };
        param.map(|value| {
            let dims = value.dims();
            let value = value.inner().flatten(0, D - 1);
            let (value, new) = update.apply(self.operations, spec, value, grad, kept.take());
            *kept = Some(new);
            Tensor::from_inner(value.reshape(dims)).require_grad()
        })
    }
}

fn numbers(x: Tensor<1>) -> FlexTensor {
    x.try_into_primitive::<Flex>().expect("on flex and without autodiff")
}
