//! Weights, forward pass and loss.

use crate::halves::attention::{self, RotaryTable};
use crate::halves::{FeedForwardWeights, MixerWeights, Place};
use crate::init::Init;
use crate::operations::Operations;
use crate::ops::{self, composed};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use isoflop_model::{ModelConfig, Position, TensorSpec};
use std::sync::Arc;

/// Every trainable parameter.
#[derive(Module, Debug)]
pub struct Weights {
    /// `[v, d]`
    pub token: Param<Tensor<2>>,
    /// `[t, d]`, with learned positions.
    pub position: Option<Param<Tensor<2>>>,
    /// The blocks, first to last.
    pub blocks: Vec<Block>,
    /// `[d]`, gain of the final norm.
    pub norm: Param<Tensor<1>>,
    /// `[d, v]`, where it is not the token table.
    pub head: Option<Param<Tensor<2>>>,
}

/// One pre-norm block: two halves, each added to the stream.
#[derive(Module, Debug)]
pub struct Block {
    /// What moves information between tokens.
    pub mixer: MixerWeights,
    /// What works on one token, where there is such a half.
    pub feed_forward: Option<FeedForwardWeights>,
}

/// Weights with what the forward pass needs besides.
#[derive(Clone, Debug)]
pub struct Transformer {
    /// Trainable parameters.
    pub weights: Weights,
    config: ModelConfig,
    rotary: Option<RotaryTable>,
    operations: Operations,
    pulls: Arc<[Pull]>,
}

/// What the optimizer does to a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pull {
    /// Factor on the learning rate.
    pub(crate) rate_factor: f64,
    /// Whether weight decay pulls at it.
    pub(crate) decays: bool,
}

/// Token ids of whole windows, and those that come next.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// `n` of them.
    pub inputs: &'a [i32],
    /// As many.
    pub targets: &'a [i32],
    /// Both on the device, where they have been sent ahead: `[n]`, `[n]`.
    pub(crate) there: Option<(Tensor<1, Int>, Tensor<1, Int>)>,
    /// Share of the step's tokens that it holds.
    share: f64,
}

impl<'a> Batch<'a> {
    /// On their way when they are needed.
    pub fn new(inputs: &'a [i32], targets: &'a [i32]) -> Self {
        Batch { inputs, targets, there: None, share: 1.0 }
    }

    /// In parts of at most `count` tokens.
    pub(crate) fn parts(&self, count: usize) -> impl Iterator<Item = Batch<'a>> {
        let pairs = self.inputs.chunks(count).zip(self.targets.chunks(count));
        let (there, whole) = (self.there.clone(), self.inputs.len());
        pairs.enumerate().map(move |(at, (inputs, targets))| {
            let part = |all: &Tensor<1, Int>| all.clone().narrow(0, at * count, inputs.len());
            let there = there.as_ref().map(|(i, t)| (part(i), part(t)));
            let share = inputs.len() as f64 / whole as f64;
            Batch { inputs, targets, there, share }
        })
    }
}

impl Weights {
    /// Initial weights, as the model's list of tensors says.
    fn init(config: &ModelConfig, seed: Option<u64>, device: &Device) -> Self {
        let mut init = Init::new(config, seed, device);
        let token = init.matrix();
        let position = (config.position == Position::Learned).then(|| init.matrix());
        let block = |_| Block {
            mixer: MixerWeights::init(config.mixer, &mut init),
            feed_forward: FeedForwardWeights::init(config.feed_forward, &mut init),
        };
        let blocks = (0..config.shape.n_layers).map(block).collect();
        let norm = init.vector();
        let head = (!config.tied).then(|| init.matrix());
        init.end();
        Weights { token, position, blocks, norm, head }
    }
}

impl Weights {
    /// The same parameters with other values, in the order of the model's list.
    ///
    /// # Panics
    /// The values are not as many, or not as long, as the parameters.
    pub(crate) fn with_values(self, values: Vec<Vec<f32>>) -> Self {
        self.map(&mut Setter(values.into_iter()))
    }

    /// Weights without a number, in the place of some that are being changed.
    fn hollow(device: &Device) -> Self {
        let matrix = || Param::from_tensor(Tensor::empty([0, 0], device));
        Weights {
            token: matrix(),
            position: None,
            blocks: Vec::new(),
            norm: Param::from_tensor(Tensor::empty([0], device)),
            head: None,
        }
    }
}

struct Setter(std::vec::IntoIter<Vec<f32>>);

impl ModuleMapper for Setter {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let values = self.0.next().expect("values for every parameter");
        param.map(|old| {
            let data = TensorData::new(values, old.dims());
            let new = Tensor::from_data(data, &old.device());
            match old.is_require_grad() {
                true => new.require_grad(),
                false => new,
            }
        })
    }
}

impl Pull {
    fn of(tensor: &TensorSpec) -> Self {
        Pull { rate_factor: tensor.rate_factor, decays: tensor.decays }
    }
}

impl Transformer {
    /// A model with its initial weights on a device; gradients are kept if the device has
    /// autodiff on.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Self {
        Self::made_of(config, Weights::init(&config, Some(seed), device))
    }

    /// A model whose weights are yet to be set.
    pub(crate) fn unset(config: ModelConfig, device: &Device) -> Self {
        Self::made_of(config, Weights::init(&config, None, device))
    }

    fn made_of(config: ModelConfig, weights: Weights) -> Self {
        let rotary = (config.position == Position::Rope)
            .then(|| RotaryTable::new(config.context, config.shape.d_head()));
        Transformer {
            operations: Operations::of(&weights.norm.device()),
            weights,
            config,
            rotary,
            pulls: config.tensors().iter().map(Pull::of).collect(),
        }
    }

    /// The same model of other operations, which its device must have.
    pub fn with(self, operations: Operations) -> Self {
        Transformer { operations, ..self }
    }

    /// What the optimizer does to each parameter, in the order of the model's list.
    pub(crate) fn pulls(&self) -> &[Pull] {
        &self.pulls
    }

    /// Which operations it is made of.
    pub fn operations(&self) -> Operations {
        self.operations
    }

    /// Changes the weights in place: `change` holds the only reference to them.
    pub fn update(&mut self, change: impl FnOnce(Weights) -> Weights) {
        let hollow = Weights::hollow(&self.weights.norm.device());
        let weights = std::mem::replace(&mut self.weights, hollow);
        self.weights = change(weights);
    }

    /// The same model without autodiff, for evaluation.
    pub fn without_autodiff(&self) -> Self {
        Transformer { weights: self.weights.clone().valid(), ..self.clone() }
    }

    /// What the model is.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What the blocks make of the inputs, before the final norm.
    ///
    /// # Shapes
    /// - inputs: whole windows of the context, output: `[n, d]`
    pub fn stream(&self, inputs: &[i32]) -> Tensor<2> {
        self.stream_of(inputs, None, 1.0)
    }

    fn stream_of(
        &self,
        inputs: &[i32],
        there: Option<Tensor<1, Int>>,
        share: f64,
    ) -> Tensor<2> {
        let weights = &self.weights;
        let (token, position) = (weights.token.val(), weights.position.as_ref().map(Param::val));
        let mut x_nd = match (there, self.operations) {
            (Some(ids_n), _) => composed::embedding_at(ids_n, token, position),
            (None, Operations::Fused) => ops::embedding(inputs, token, position),
            (None, Operations::Composed) => composed::embedding(inputs, token, position),
        };
        let starts = self.config.document_mask;
        let starts =
            starts.map(|separator| attention::starts(inputs, self.config.context, separator));
        let whole = Place {
            model: &self.config,
            operations: self.operations,
            layer: 0,
            batch: inputs.len() / self.config.context,
            rotary: self.rotary.as_ref(),
            starts: starts.as_ref(),
            share,
        };
        for (layer, block) in weights.blocks.iter().enumerate() {
            let place = Place { layer, ..whole };
            x_nd = block.mixer.forward(x_nd, &place);
            if let Some(feed_forward) = &block.feed_forward {
                x_nd = feed_forward.forward(x_nd, &place);
            }
        }
        x_nd
    }

    /// The matrix from the stream to logits, `[d, v]`.
    fn head(&self) -> Tensor<2> {
        match &self.weights.head {
            Some(head) => head.val(),
            None => self.weights.token.val().transpose() * self.config.logit_scale(),
        }
    }

    /// Logits, whole: for looking at a small model.
    ///
    /// # Shapes
    /// - inputs: whole windows of the context, output: `[n, v]`
    pub fn logits(&self, inputs: &[i32]) -> Tensor<2> {
        let gain = self.weights.norm.val();
        composed::norm(self.config.norm, self.stream(inputs), gain).matmul(self.head())
    }

    /// Mean loss in nats per token of a batch.
    ///
    /// # Shapes
    /// - inputs, targets: whole windows of the context; output: `[1]`
    pub fn loss(&self, inputs: &[i32], targets: &[i32]) -> Tensor<1> {
        self.loss_of(&Batch::new(inputs, targets))
    }

    /// As [`Transformer::loss`].
    pub(crate) fn loss_of(&self, batch: &Batch<'_>) -> Tensor<1> {
        let norm = self.config.norm;
        let (gain, head) = (self.weights.norm.val(), self.head());
        let (inputs_n, targets_n) = batch.there.clone().unzip();
        let x_nd = self.stream_of(batch.inputs, inputs_n, batch.share);
        match (targets_n, self.operations) {
            (Some(targets_n), _) => {
                composed::mean(composed::nats_at(norm, x_nd, gain, head, targets_n))
            }
            (None, Operations::Fused) => ops::cross_entropy(norm, x_nd, gain, head, batch.targets),
            (None, Operations::Composed) => {
                composed::mean(composed::nats(norm, x_nd, gain, head, batch.targets))
            }
        }
    }

    /// Loss of each token in nats.
    ///
    /// # Shapes
    /// - inputs, targets: whole windows of the context; output: as many
    pub fn nats(&self, inputs: &[i32], targets: &[i32]) -> Tensor<1> {
        let nats = match self.operations {
            Operations::Fused => ops::nats,
            Operations::Composed => composed::nats,
        };
        let (gain, head) = (self.weights.norm.val(), self.head());
        nats(self.config.norm, self.stream(inputs), gain, head, targets)
    }
}
