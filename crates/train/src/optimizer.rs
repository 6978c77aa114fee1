//! AdamW over a whole model, with the gradient clipped by its global norm.

use crate::model::Weights;
use crate::ops::{Moments, adamw};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use isoflop_sweep::run::Optimizer as Constants;

/// Moments of every parameter, in the order in which Burn visits them.
#[derive(Clone, Debug)]
pub struct AdamW {
    constants: Constants,
    step: u64,
    matrices: Vec<Option<Moments<2>>>,
    gains: Vec<Option<Moments<1>>>,
}

impl AdamW {
    /// Without history.
    pub fn new(constants: Constants) -> Self {
        AdamW {
            constants,
            step: 0,
            matrices: Vec::new(),
            gains: Vec::new(),
        }
    }

    /// Updates the weights in place of the old ones and returns the global gradient norm before
    /// clipping. With a norm that is not finite nothing is updated.
    pub fn step(&mut self, weights: Weights, mut grads: Gradients, rate: f64) -> (Weights, f64) {
        let mut collected = Collected::default();
        weights.visit(&mut Collector {
            grads: &mut grads,
            collected: &mut collected,
        });
        let norm = collected.norm();
        if !norm.is_finite() {
            return (weights, norm);
        }
        self.step += 1;
        self.matrices.resize(collected.matrices.len(), None);
        self.gains.resize(collected.gains.len(), None);
        let scale = (self.constants.clip_norm / norm).min(1.0);
        let mut update = Update {
            optimizer: self,
            collected,
            scale,
            rate,
            matrix: 0,
            gain: 0,
        };
        (weights.map(&mut update), norm)
    }
}

/// Gradients by kind of parameter, without autodiff.
#[derive(Default)]
struct Collected {
    matrices: Vec<Option<Tensor<2>>>,
    gains: Vec<Option<Tensor<1>>>,
}

impl Collected {
    /// Square root of the sum of squares over all parameters; partial sums in f64.
    fn norm(&self) -> f64 {
        let matrices = self
            .matrices
            .iter()
            .flatten()
            .map(|grad| squares(grad.clone()));
        let gains = self
            .gains
            .iter()
            .flatten()
            .map(|grad| squares(grad.clone()));
        matrices.chain(gains).sum::<f64>().sqrt()
    }
}

fn squares<const D: usize>(grad: Tensor<D>) -> f64 {
    f64::from((grad.clone() * grad).sum().into_scalar::<f32>())
}

struct Collector<'a> {
    grads: &'a mut Gradients,
    collected: &'a mut Collected,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let grad = param.val().grad_remove(self.grads);
        match D {
            2 => {
                let dims = param.val().dims();
                self.collected
                    .matrices
                    .push(grad.map(|grad| grad.reshape([dims[0], dims[1]])));
            }
            _ => self
                .collected
                .gains
                .push(grad.map(|grad| grad.flatten(0, D - 1))),
        }
    }
}

struct Update<'a> {
    optimizer: &'a mut AdamW,
    collected: Collected,
    scale: f64,
    rate: f64,
    matrix: usize,
    gain: usize,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let constants = self.optimizer.constants;
        let step = self.optimizer.step;
        let (scale, rate) = (self.scale, self.rate);
        let dims = param.val().dims();
        match D {
            2 => {
                let at = self.matrix;
                self.matrix += 1;
                let Some(grad) = self.collected.matrices[at].take() else {
                    return param;
                };
                let moments = self.optimizer.matrices[at].take();
                param.map(|value| {
                    let value = value.inner().reshape([dims[0], dims[1]]);
                    let decay = constants.weight_decay;
                    let (value, moments) =
                        adamw(value, grad * scale, moments, &constants, rate, decay, step);
                    self.optimizer.matrices[at] = Some(moments);
                    Tensor::from_inner(value.reshape(dims)).require_grad()
                })
            }
            _ => {
                let at = self.gain;
                self.gain += 1;
                let Some(grad) = self.collected.gains[at].take() else {
                    return param;
                };
                let moments = self.optimizer.gains[at].take();
                param.map(|value| {
                    let value = value.inner().flatten(0, D - 1);
                    let (value, moments) =
                        adamw(value, grad * scale, moments, &constants, rate, 0.0, step);
                    self.optimizer.gains[at] = Some(moments);
                    Tensor::from_inner(value.reshape(dims)).require_grad()
                })
            }
        }
    }
}
