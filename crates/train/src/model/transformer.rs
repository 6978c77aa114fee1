//! Weights, forward pass and loss of a model.

use crate::dropout::Dropout;
use crate::halves::attention::{self, RotaryTable};
use crate::halves::{FeedForwardWeights, Half, MixerWeights, Pass, Place};
use crate::init::Init;
use crate::operations::Operations;
use crate::ops::{self, composed};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use isoflop_model::{ModelConfig, Position, TensorSpec};
use std::cell::RefCell;
use std::sync::Arc;

/// All trainable parameters.
#[derive(Module, Debug)]
pub struct Weights {
    /// Token table, `[v, d]`.
    pub token: Param<Tensor<2>>,
    /// Table of learned positions, `[t, d]`; `None` with other kinds of position.
    pub position: Option<Param<Tensor<2>>>,
    /// Blocks, from the first to the last.
    pub blocks: Vec<Block>,
    /// Gain of the final norm, `[d]`.
    pub norm: Param<Tensor<1>>,
    /// Head, `[d, v]`; `None` where the token table is the head.
    pub head: Option<Param<Tensor<2>>>,
}

/// One pre-norm block: two halves, whose outputs are added to the residual stream.
#[derive(Module, Debug)]
pub struct Block {
    /// The half that moves information between tokens.
    pub mixer: MixerWeights,
    /// The half that works on each token alone; `None` where a block has no such half.
    pub feed_forward: Option<FeedForwardWeights>,
}

/// Weights, with everything else that the forward pass needs.
#[derive(Clone, Debug)]
pub struct Transformer {
    /// Trainable parameters of the model.
    pub weights: Weights,
    config: ModelConfig,
    rotary: Option<RotaryTable>,
    operations: Operations,
    specs: Arc<[TensorSpec]>,
}

/// Loss of a batch.
pub(crate) struct Loss {
    /// Mean in nats per token, `[1]`.
    pub(crate) mean: Tensor<1>,
    /// What has to be differentiated with it and is no part of it, `[1]`; it is not scaled where the mean
    /// of a part of a batch is.
    pub(crate) beside: Option<Tensor<1>>,
}

/// Token ids of whole windows, with the ids that follow each of them.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// Ids of the `n` input tokens.
    pub inputs: &'a [i32],
    /// Ids of the `n` target tokens.
    pub targets: &'a [i32],
    /// Inputs and targets on the device, `[n]` each, if they were sent ahead.
    pub(crate) there: Option<(Tensor<1, Int>, Tensor<1, Int>)>,
    /// Share of the step's tokens that the batch holds.
    pub(crate) share: f64,
    /// What is dropped of the outputs of halves; `None` outside training.
    pub(crate) dropout: Option<Dropout>,
}

impl<'a> Batch<'a> {
    /// A batch that is not sent ahead, but only when it is needed.
    pub fn new(inputs: &'a [i32], targets: &'a [i32]) -> Self {
        Batch { inputs, targets, there: None, share: 1.0, dropout: None }
    }

    /// Splits the batch into parts of at most `count` tokens.
    pub(crate) fn parts(&self, count: usize) -> impl Iterator<Item = Batch<'a>> {
        let pairs = self.inputs.chunks(count).zip(self.targets.chunks(count));
        let (there, whole, dropout) = (self.there.clone(), self.inputs.len(), self.dropout);
        pairs.enumerate().map(move |(at, (inputs, targets))| {
            let part = |all: &Tensor<1, Int>| all.clone().narrow(0, at * count, inputs.len());
            let there = there.as_ref().map(|(i, t)| (part(i), part(t)));
            let share = inputs.len() as f64 / whole as f64;
            let dropout = dropout.map(|dropout| dropout.later(at * count));
            Batch { inputs, targets, there, share, dropout }
        })
    }
}

impl Weights {
    /// Initial weights, as the model's list of tensors describes them.
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
    /// Replaces the values of all parameters, in the order of the model's list.
    ///
    /// # Panics
    /// The number of values, or the length of one, differs from that of the parameters.
    pub(crate) fn with_values(self, values: Vec<Vec<f32>>) -> Self {
        self.map(&mut Setter(values.into_iter()))
    }

    /// Empty weights, which stand in for weights that are being changed.
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

impl Transformer {
    /// A model with its initial weights on a device. Gradients are kept if the device has autodiff
    /// on.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Self {
        Self::made_of(config, Weights::init(&config, Some(seed), device))
    }

    /// A model whose weights are still to be set.
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
            specs: config.tensors().into(),
        }
    }

    /// The same model with other operations, which its device must support.
    pub fn with(self, operations: Operations) -> Self {
        Transformer { operations, ..self }
    }

    /// The model's list of tensors, in the order of its weights.
    pub(crate) fn specs(&self) -> &Arc<[TensorSpec]> {
        &self.specs
    }

    /// Operations that the model is made of.
    pub fn operations(&self) -> Operations {
        self.operations
    }

    /// Changes the weights in place; `change` holds the only reference to them.
    pub fn update(&mut self, change: impl FnOnce(Weights) -> Weights) {
        let hollow = Weights::hollow(&self.weights.norm.device());
        let weights = std::mem::replace(&mut self.weights, hollow);
        self.weights = change(weights);
    }

    /// The same model without autodiff, for evaluation.
    pub fn without_autodiff(&self) -> Self {
        Transformer { weights: self.weights.clone().valid(), ..self.clone() }
    }

    /// Configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Residual stream after the last block, before the final norm.
    ///
    /// # Shapes
    /// - inputs: whole windows of the context, output: `[n, d]`
    pub fn stream(&self, inputs: &[i32]) -> Tensor<2> {
        self.stream_of(inputs, None, Pass::default())
    }

    fn stream_of(
        &self,
        inputs: &[i32],
        there: Option<Tensor<1, Int>>,
        pass: Pass<'_>,
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
            pass,
        };
        for (layer, block) in weights.blocks.iter().enumerate() {
            let place = Place { layer, ..whole };
            x_nd = place.after(Half::Mixer, x_nd, |x_nd| block.mixer.forward(x_nd, &place));
            if let Some(feed_forward) = &block.feed_forward {
                let forward = |x_nd| feed_forward.forward(x_nd, &place);
                x_nd = place.after(Half::FeedForward, x_nd, forward);
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

    /// Mean loss of a batch, in nats per token.
    ///
    /// # Shapes
    /// - inputs, targets: whole windows of the context; output: `[1]`
    pub fn loss(&self, inputs: &[i32], targets: &[i32]) -> Tensor<1> {
        let Loss { mean, beside } = self.loss_of(&Batch::new(inputs, targets));
        match beside {
            Some(beside) => mean + (beside.clone() - beside.detach()),
            None => mean,
        }
    }

    /// Mean loss of a batch, like [`Transformer::loss`].
    pub(crate) fn loss_of(&self, batch: &Batch<'_>) -> Loss {
        let norm = self.config.norm;
        let (gain, head) = (self.weights.norm.val(), self.head());
        let (inputs_n, targets_n) = batch.there.clone().unzip();
        let terms = RefCell::default();
        let (share, dropout) = (batch.share, batch.dropout);
        let pass = Pass { share, terms: Some(&terms), routes: None, dropout };
        let x_nd = self.stream_of(batch.inputs, inputs_n, pass);
        let mean = match (targets_n, self.operations) {
            (Some(targets_n), _) => {
                composed::mean(composed::nats_at(norm, x_nd, gain, head, targets_n))
            }
            (None, Operations::Fused) => ops::cross_entropy(norm, x_nd, gain, head, batch.targets),
            (None, Operations::Composed) => {
                composed::mean(composed::nats(norm, x_nd, gain, head, batch.targets))
            }
        };
        Loss { mean, beside: terms.into_inner().into_iter().reduce(Tensor::add) }
    }

    /// Loss of each token in nats.
    ///
    /// # Shapes
    /// - inputs, targets: whole windows of the context; output: as many
    pub fn nats(&self, inputs: &[i32], targets: &[i32]) -> Tensor<1> {
        self.nats_of(inputs, targets, Pass::default())
    }

    /// Loss of each token like [`Transformer::nats`], and of every layer of experts those of each token.
    ///
    /// # Shapes
    /// - experts of a layer: `[n, e]`, 1 where an expert was chosen and 0 elsewhere
    pub(crate) fn nats_and_routes(
        &self,
        inputs: &[i32],
        targets: &[i32],
    ) -> (Tensor<1>, Vec<Tensor<2>>) {
        let routes = RefCell::default();
        let pass = Pass { routes: Some(&routes), ..Pass::default() };
        let nats = self.nats_of(inputs, targets, pass);
        (nats, routes.into_inner())
    }

    fn nats_of(&self, inputs: &[i32], targets: &[i32], pass: Pass<'_>) -> Tensor<1> {
        let nats = match self.operations {
            Operations::Fused => ops::nats,
            Operations::Composed => composed::nats,
        };
        let (gain, head) = (self.weights.norm.val(), self.head());
        nats(self.config.norm, self.stream_of(inputs, None, pass), gain, head, targets)
    }
}
