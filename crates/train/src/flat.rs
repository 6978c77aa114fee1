//! AdamW over all parameters as one vector, for devices on which every operation is a launch and
//! reading any number means waiting. Norm, clipping and update stay on the device, and the number
//! of launches does not grow with the number of layers.

use crate::model::{Transformer, Weights};
use crate::ops::{Moments, Update};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// Numbers by which the starts of parameters are aligned. This is 256 bytes, the widest alignment
/// that a graphics API requires for a part of a buffer, so that parameters can be views of the
/// vector.
const ALIGNMENT: usize = 64;

/// Number of columns in which the sum of squares is computed, first along the rows.
const COLUMNS: usize = 4096;

/// All parameters and their moments as vectors; the gaps between parameters are zero.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    layout: Layout,
    weights: Tensor<1>,
    moments: Moments<1>,
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

    fn split(&self, all: &Tensor<1>) -> impl Iterator<Item = Tensor<1>> {
        let part = |&(start, length): &(usize, usize)| all.clone().narrow(0, start, length);
        self.spans.iter().map(part)
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
    /// The vectors of a model, with the moments of its parameters if it was trained before.
    pub(crate) fn new(
        model: &Transformer,
        moments: Vec<Option<Moments<1>>>,
        weight_decay: f64,
    ) -> Self {
        let layout = Layout::of(&model.weights);
        let device = model.weights.norm.device().without_autodiff();
        let mut values = Values(Vec::new());
        model.weights.visit(&mut values);
        let moments: Option<Vec<Moments<1>>> = moments.into_iter().collect();
        let moments = match moments.filter(|moments| !moments.is_empty()) {
            Some(moments) => {
                let (first, second): (Vec<_>, Vec<_>) =
                    moments.into_iter().map(|m| (m.first, m.second)).unzip();
                Moments { first: layout.join(first, &device), second: layout.join(second, &device) }
            }
            None => Moments {
                first: Tensor::zeros([layout.total], &device),
                second: Tensor::zeros([layout.total], &device),
            },
        };
        let factors: Vec<f64> = model.pulls().iter().map(|pull| pull.rate_factor).collect();
        let pulls = model.pulls().iter().map(|pull| match pull.decays {
            true => weight_decay * pull.rate_factor,
            false => 0.0,
        });
        let steps = model.pulls().iter().map(|pull| pull.against_sign);
        let buffers = steps.clone().any(|step| step.is_some()).then(|| Buffers {
            steps: layout.spread(steps.clone().map(Option::unwrap_or_default), &device),
            parameters: layout.spread(steps.map(|step| f64::from(step.is_none())), &device),
        });
        Flat {
            buffers,
            weights: layout.join(values.0, &device),
            moments,
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
    pub(crate) fn step(
        &mut self,
        model: &mut Transformer,
        grads: impl IntoIterator<Item = Tensor<1>>,
        update: &Update,
    ) -> Tensor<1> {
        let constants = update.constants;
        let (beta1, beta2, clip) = (constants.beta1, constants.beta2, constants.clip_norm);
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
        let scale_square = scale.clone() * scale.clone();
        let Moments { first, second } = &mut self.moments;
        *first = first.clone() * beta1 + grads * (scale * (1.0 - beta1));
        *second = second.clone() * beta2 + squares * (scale_square * (1.0 - beta2));
        let root = (second.clone() * update.unbias(beta2)).sqrt() + constants.epsilon;
        let mut direction = first.clone() * update.unbias(beta1) / root;
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

    /// Moments of each parameter.
    pub(crate) fn moments(&self) -> Vec<Option<Moments<1>>> {
        let first = self.layout.split(&self.moments.first);
        let second = self.layout.split(&self.moments.second);
        let pairs = first.zip(second);
        pairs.map(|(first, second)| Some(Moments { first, second })).collect()
    }
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
