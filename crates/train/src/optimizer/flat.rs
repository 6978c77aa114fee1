//! Optimizers over all parameters as one vector, for devices on which every operation is a launch and
//! reading any number means waiting. Norm, clipping and update stay on the device, and the number
//! of launches does not grow with the number of layers; only Muon works tensor by tensor.

use super::adamw::Moments;
use super::{Kept, Update, muon};
use crate::model::{Transformer, Weights};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::optimizer::SGD_MOMENTUM;
use isoflop_core::{Optimizer, OptimizerKind};
use isoflop_model::TensorSpec;

/// Numbers by which the starts of parameters are aligned. This is 256 bytes, the widest alignment
/// that a graphics API requires for a part of a buffer, so that parameters can be views of the
/// vector.
const ALIGNMENT: usize = 64;

/// Number of columns in which the sum of squares is computed, first along the rows.
const COLUMNS: usize = 4096;

/// All parameters and what is kept of them as vectors; the gaps between parameters are zero.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    layout: Layout,
    weights: Tensor<1>,
    /// What AdamW or gradient descent keeps; its numbers at the places of Muon's tensors are not used.
    kept: Kept,
    /// Tensors that Muon changes.
    matrices: Vec<Matrices>,
    /// Weight decay times the factor on the rate, for each number; 0 for parameters that do not
    /// decay.
    pull: Tensor<1>,
    /// Factor on the rate for each number; `None` if all factors are 1.
    factors: Option<Tensor<1>>,
    /// Numbers that are no parameters; `None` if there are none.
    buffers: Option<Buffers>,
}

/// Numbers that a step moves against the sign of what stands in the place of their gradients.
#[derive(Clone, Debug)]
struct Buffers {
    /// How far a step moves each number; 0 for parameters.
    steps: Tensor<1>,
    /// 1 for parameters and 0 for buffers.
    parameters: Tensor<1>,
}

/// A tensor of linear maps, which Muon changes.
#[derive(Clone, Debug)]
struct Matrices {
    /// Its place in the model's list.
    at: usize,
    spec: TensorSpec,
    momentum: Tensor<1>,
}

/// Place of each parameter in the vector, in the order of the model's list.
#[derive(Clone, Debug, Default)]
struct Layout {
    /// Start and length of each parameter.
    spans: Vec<(usize, usize)>,
    /// Length of the vector, a multiple of [`COLUMNS`].
    total: usize,
}

impl Layout {
    fn of(weights: &Weights) -> Self {
        let mut layout = Layout::default();
        weights.visit(&mut layout);
        layout.total = layout.total.next_multiple_of(COLUMNS);
        layout
    }

    /// A vector that holds these parts at their places.
    fn join(&self, parts: impl IntoIterator<Item = Tensor<1>>, device: &Device) -> Tensor<1> {
        let all = Tensor::zeros([self.total], device);
        let placed = self.spans.iter().zip(parts);
        placed.fold(all, |all, (&(start, length), part)| {
            let span = start..start + length;
            all.slice_assign(span, part)
        })
    }

    fn part(&self, all: &Tensor<1>, at: usize) -> Tensor<1> {
        let (start, length) = self.spans[at];
        all.clone().narrow(0, start, length)
    }

    fn split(&self, all: &Tensor<1>) -> impl Iterator<Item = Tensor<1>> {
        (0..self.spans.len()).map(|at| self.part(all, at))
    }

    /// A vector that holds one value for each parameter.
    fn spread(&self, values: impl Iterator<Item = f64>, device: &Device) -> Tensor<1> {
        let mut all = vec![0.0f32; self.total];
        for (&(start, length), value) in self.spans.iter().zip(values) {
            all[start..start + length].fill(value as f32);
        }
        Tensor::from_data(TensorData::new(all, [self.total]), device)
    }
}

impl ModuleVisitor for Layout {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let length = param.val().dims().iter().product();
        self.spans.push((self.total, length));
        self.total = (self.total + length).next_multiple_of(ALIGNMENT);
    }
}

impl Flat {
    /// The vectors of a model, with what was kept of its parameters if it was trained before.
    pub(super) fn new(model: &Transformer, kept: Vec<Option<Kept>>, constants: &Optimizer) -> Self {
        let layout = Layout::of(&model.weights);
        let device = model.weights.norm.device().without_autodiff();
        let mut values = Values(Vec::new());
        model.weights.visit(&mut values);
        let (kind, specs) = (constants.kind, model.specs());
        let kept: Option<Vec<Kept>> = kept.into_iter().collect();
        let kept = kept.filter(|kept| !kept.is_empty());
        let matrices = specs.iter().enumerate().filter(|(_, spec)| is_muons(spec, kind));
        let matrices = matrices.map(|(at, spec)| {
            let before = kept.as_ref().and_then(|kept| kept[at].clone().momentum());
            let zeros = || Tensor::zeros([layout.spans[at].1], &device);
            Matrices { at, spec: spec.clone(), momentum: before.unwrap_or_else(zeros) }
        });
        let factors: Vec<f64> = specs.iter().map(|spec| spec.factor_by(kind)).collect();
        let pulls = specs.iter().zip(&factors).map(|(spec, factor)| match spec.decays {
            true => constants.weight_decay * factor,
            false => 0.0,
        });
        let steps = specs.iter().map(TensorSpec::against_sign);
        let buffers = steps.clone().any(|step| step.is_some()).then(|| Buffers {
            steps: layout.spread(steps.clone().map(Option::unwrap_or_default), &device),
            parameters: layout.spread(steps.map(|step| f64::from(step.is_none())), &device),
        });
        Flat {
            buffers,
            weights: layout.join(values.0, &device),
            matrices: matrices.collect(),
            kept: layout.whole(kept.as_deref(), specs, kind, &device),
            pull: layout.spread(pulls, &device),
            factors: factors
                .iter()
                .any(|factor| *factor != 1.0)
                .then(|| layout.spread(factors.into_iter(), &device)),
            layout,
        }
    }

    /// Updates the weights and returns the global norm of the gradient before clipping, `[1]`,
    /// without reading it. If the norm is not finite, neither are the weights afterwards.
    pub(super) fn step(
        &mut self,
        model: &mut Transformer,
        grads: impl IntoIterator<Item = Tensor<1>>,
        update: &Update,
    ) -> Tensor<1> {
        let clip = update.constants.clip_norm;
        let mut grads = self.layout.join(grads, &self.weights.device());
        let moved = self.buffers.as_ref().map(|buffers| {
            let moved = grads.clone().sign() * buffers.steps.clone();
            grads = grads.clone() * buffers.parameters.clone();
            moved
        });
        let squares = grads.clone() * grads.clone();
        let rows = self.layout.total / COLUMNS;
        let by_row = squares.clone().reshape([rows, COLUMNS]).sum_dim(1);
        let norm = by_row.sum_dim(0).sqrt().reshape([1]);
        let scale = norm.clone().clamp_min(clip).recip() * clip;
        let mut direction = match &mut self.kept {
            Kept::Moments(moments) => {
                directed(moments, grads.clone(), squares, scale.clone(), update)
            }
            Kept::Momentum(momentum) => {
                *momentum = momentum.clone() * SGD_MOMENTUM + grads.clone() * scale.clone();
                momentum.clone()
            }
        };
        for matrices in &mut self.matrices {
            let grad = self.layout.part(&grads, matrices.at) * scale.clone();
            let (step, momentum) =
                muon::direction(grad, Some(matrices.momentum.clone()), &matrices.spec);
            matrices.momentum = momentum;
            let (start, length) = self.layout.spans[matrices.at];
            direction = direction.slice_assign(start..start + length, step);
        }
        if let Some(factors) = &self.factors {
            direction = direction * factors.clone();
        }
        let change = (self.weights.clone() * self.pull.clone() + direction) * update.rate;
        self.weights = self.weights.clone() - change;
        if let Some(moved) = moved {
            self.weights = self.weights.clone() - moved;
        }
        let mut views = self.layout.split(&self.weights);
        model.update(|weights| weights.map(&mut Place(&mut views)));
        norm
    }

    /// What is kept of each parameter.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let means = self.kept.clone().tensors();
        let of = |at| Kept::of(means.iter().map(|mean| self.layout.part(mean, at)).collect());
        let mut all: Vec<Kept> = (0..self.layout.spans.len()).map(of).collect();
        for matrices in &self.matrices {
            all[matrices.at] = Kept::Momentum(matrices.momentum.clone());
        }
        all
    }
}

impl Layout {
    /// What AdamW or gradient descent has kept, as vectors; 0 at the places of Muon's tensors.
    fn whole(
        &self,
        kept: Option<&[Kept]>,
        specs: &[TensorSpec],
        kind: OptimizerKind,
        device: &Device,
    ) -> Kept {
        let Some(kept) = kept else {
            let kind = if kind == OptimizerKind::Sgd { kind } else { OptimizerKind::AdamW };
            return Kept::zeros(kind, &Tensor::zeros([self.total], device));
        };
        let tensors: Vec<Vec<Tensor<1>>> = kept.iter().cloned().map(Kept::tensors).collect();
        let means = if kind == OptimizerKind::Sgd { 1 } else { 2 };
        let whole = (0..means).map(|mean| {
            let parts = tensors.iter().zip(specs).zip(&self.spans);
            let parts = parts.map(|((tensors, spec), &(_, length))| {
                let zeros = || Tensor::zeros([length], device);
                if is_muons(spec, kind) { zeros() } else { tensors[mean].clone() }
            });
            self.join(parts, device)
        });
        Kept::of(whole.collect())
    }
}

fn is_muons(spec: &TensorSpec, kind: OptimizerKind) -> bool {
    spec.optimizer(kind) == OptimizerKind::Muon
}

/// The step of AdamW at a rate of 1.
fn directed(
    Moments { first, second }: &mut Moments,
    grads: Tensor<1>,
    squares: Tensor<1>,
    scale: Tensor<1>,
    update: &Update,
) -> Tensor<1> {
    let (beta1, beta2) = (update.constants.beta1, update.constants.beta2);
    let scale_square = scale.clone() * scale.clone();
    *first = first.clone() * beta1 + grads * (scale * (1.0 - beta1));
    *second = second.clone() * beta2 + squares * (scale_square * (1.0 - beta2));
    let root = (second.clone() * update.unbias(beta2)).sqrt() + update.constants.epsilon;
    first.clone() * update.unbias(beta1) / root
}

struct Values(Vec<Tensor<1>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().inner().flatten(0, D - 1));
    }
}

struct Place<'a, I>(&'a mut I);

impl<I: Iterator<Item = Tensor<1>>> ModuleMapper for Place<'_, I> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = self.0.next().expect("a part for every parameter");
        param.map(|old| Tensor::from_inner(value.reshape(old.dims())).require_grad())
    }
}
