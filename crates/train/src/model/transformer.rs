//! Weights, forward pass and loss.

use super::init::{Init, TABLE_STD};
use crate::ops::{self, AttentionShape, RotaryTable, Starts, composed};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use isoflop_core::{ModelConfig, Position};

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
    /// `[d, v]`
    pub head: Param<Tensor<2>>,
}

/// One pre-norm block: attention, then MLP, each added to the stream.
#[derive(Module, Debug)]
pub struct Block {
    /// `[d]`, gain before attention.
    pub attention_norm: Param<Tensor<1>>,
    /// `[d, 3 d]`: queries, keys, values side by side.
    pub qkv: Param<Tensor<2>>,
    /// `[d, d]`
    pub out: Param<Tensor<2>>,
    /// `[d]`, gain before the MLP.
    pub mlp_norm: Param<Tensor<1>>,
    /// `[d, 4 d]`
    pub up: Param<Tensor<2>>,
    /// `[4 d, d]`
    pub down: Param<Tensor<2>>,
}

/// Weights with what the forward pass needs besides.
#[derive(Clone, Debug)]
pub struct Transformer {
    /// Trainable parameters.
    pub weights: Weights,
    config: ModelConfig,
    rotary: Option<RotaryTable>,
    operations: Operations,
}

/// Which operations a model is made of. They agree but for rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operations {
    /// Fused where the device has them.
    #[default]
    Fused,
    /// Stock operations of Burn everywhere: a reference.
    Composed,
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
}

impl<'a> Batch<'a> {
    /// On their way when they are needed.
    pub fn new(inputs: &'a [i32], targets: &'a [i32]) -> Self {
        Batch {
            inputs,
            targets,
            there: None,
        }
    }

    /// In parts of at most `count` tokens.
    pub(crate) fn parts(&self, count: usize) -> impl Iterator<Item = Batch<'a>> {
        let pairs = self.inputs.chunks(count).zip(self.targets.chunks(count));
        let there = self.there.clone();
        pairs.enumerate().map(move |(at, (inputs, targets))| {
            let part = |all: &Tensor<1, Int>| all.clone().narrow(0, at * count, inputs.len());
            let there = there.as_ref().map(|(i, t)| (part(i), part(t)));
            Batch {
                inputs,
                targets,
                there,
            }
        })
    }
}

impl Weights {
    /// Initial weights: matrices normal with variance `1 / inputs`; those that write to the
    /// stream scaled down by `sqrt(2 L)`, so that its variance does not grow with depth (Radford
    /// et al. 2019, section 2.3); tables 0.02, of the head shrinking with the width under the
    /// maximal-update parametrisation; gains 1.
    fn init(config: &ModelConfig, seed: Option<u64>, device: &Device) -> Self {
        let (d, v) = (config.shape.d_model, config.vocab_size);
        let init = Init { seed, device };
        let fan_in = |inputs: usize| (inputs as f64).powf(-0.5);
        let depth = (2.0 * config.shape.n_layers as f64).powf(-0.5);
        let block = |layer: usize| {
            let named = |part: &str| format!("blocks.{layer}.{part}");
            Block {
                attention_norm: init.ones(d),
                qkv: init.normal(&named("qkv"), [d, 3 * d], fan_in(d)),
                out: init.normal(&named("out"), [d, d], fan_in(d) * depth),
                mlp_norm: init.ones(d),
                up: init.normal(&named("up"), [d, 4 * d], fan_in(d)),
                down: init.normal(&named("down"), [4 * d, d], fan_in(4 * d) * depth),
            }
        };
        let position = (config.position == Position::Learned)
            .then(|| init.normal("position", [config.context, d], TABLE_STD));
        Weights {
            token: init.normal("token", [v, d], TABLE_STD),
            position,
            blocks: (0..config.shape.n_layers).map(block).collect(),
            norm: init.ones(d),
            head: init.normal("head", [d, v], TABLE_STD * config.parametrization.shrink(d)),
        }
    }
}

impl Weights {
    /// The same parameters with other values, in the order in which Burn visits them.
    ///
    /// # Panics
    /// The values are not as many, or not as long, as the parameters.
    pub(crate) fn with_values(self, values: Vec<Vec<f32>>) -> Self {
        self.map(&mut Setter(values.into_iter()))
    }

    /// Nothing.
    fn hollow(device: &Device) -> Self {
        let matrix = || Param::from_tensor(Tensor::empty([0, 0], device));
        Weights {
            token: matrix(),
            position: None,
            blocks: Vec::new(),
            norm: Param::from_tensor(Tensor::empty([0], device)),
            head: matrix(),
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
            weights,
            config,
            rotary,
            operations: Operations::default(),
        }
    }

    /// The same model of other operations.
    pub fn with(self, operations: Operations) -> Self {
        Transformer { operations, ..self }
    }

    /// Factors on the learning rate of each parameter, in the order in which Burn visits them: under
    /// the maximal-update parametrisation matrices with an input of the model's width take steps
    /// that shrink with it (Yang et al. 2022, table 3, Adam).
    pub(crate) fn rate_factors(&self) -> Vec<f64> {
        let shrink = self
            .config
            .parametrization
            .shrink(self.config.shape.d_model);
        let named = crate::checkpoint::names(&self.weights);
        let of = |name: &String| match name.rsplit('.').next() {
            Some("qkv" | "out" | "up" | "down" | "head") => shrink,
            _ => 1.0,
        };
        named.iter().map(of).collect()
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
        Transformer {
            weights: self.weights.clone().valid(),
            ..self.clone()
        }
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
        self.stream_of(inputs, None)
    }

    fn stream_of(&self, inputs: &[i32], there: Option<Tensor<1, Int>>) -> Tensor<2> {
        let weights = &self.weights;
        let (token, position) = (
            weights.token.val(),
            weights.position.as_ref().map(Param::val),
        );
        let mut x_nd = match (there, self.operations) {
            (Some(ids_n), _) => composed::embedding_at(ids_n, token, position),
            (None, Operations::Fused) => ops::embedding(inputs, token, position),
            (None, Operations::Composed) => composed::embedding(inputs, token, position),
        };
        let shape = AttentionShape {
            batch: inputs.len() / self.config.context,
            time: self.config.context,
            heads: self.config.shape.n_heads,
            parametrization: self.config.parametrization,
        };
        let starts = self.config.document_mask;
        let starts = starts.map(|separator| ops::starts(inputs, shape.time, separator));
        for block in &weights.blocks {
            x_nd = self.block(block, x_nd, shape, starts.as_ref());
        }
        x_nd
    }

    fn block(
        &self,
        block: &Block,
        x_nd: Tensor<2>,
        shape: AttentionShape,
        starts: Option<&Starts>,
    ) -> Tensor<2> {
        let attention = match self.operations {
            Operations::Fused => ops::attention_residual,
            Operations::Composed => composed::attention_residual,
        };
        let mlp = match self.operations {
            Operations::Fused => ops::mlp_residual,
            Operations::Composed => composed::mlp_residual,
        };
        let x_nd = attention(
            self.config.norm,
            x_nd,
            block.attention_norm.val(),
            block.qkv.val(),
            block.out.val(),
            shape,
            self.rotary.as_ref(),
            starts,
        );
        mlp(
            self.config.norm,
            x_nd,
            block.mlp_norm.val(),
            block.up.val(),
            block.down.val(),
        )
    }

    /// Logits, whole: for looking at a small model.
    ///
    /// # Shapes
    /// - inputs: whole windows of the context, output: `[n, v]`
    pub fn logits(&self, inputs: &[i32]) -> Tensor<2> {
        let gain = self.weights.norm.val();
        composed::norm(self.config.norm, self.stream(inputs), gain).matmul(self.weights.head.val())
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
        let (gain, head) = (self.weights.norm.val(), self.weights.head.val());
        let (inputs_n, targets_n) = batch.there.clone().unzip();
        let x_nd = self.stream_of(batch.inputs, inputs_n);
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
        let (gain, head) = (self.weights.norm.val(), self.weights.head.val());
        nats(self.config.norm, self.stream(inputs), gain, head, targets)
    }
}
