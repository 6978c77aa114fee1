//! Weights, forward pass and loss.

use super::init::{Init, TABLE_STD};
use crate::ops::{
    AttentionShape, RotaryTable, causal_attention, cross_entropy, embedding, gelu, linear, nats,
    norm,
};
use burn::module::{Module, Param};
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
}

impl Weights {
    /// Initial weights: matrices normal with variance `1 / inputs`; those that write to the
    /// stream scaled down by `sqrt(2 L)`, so that its variance does not grow with depth (Radford
    /// et al. 2019, section 2.3); tables 0.02; gains 1.
    fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
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
            head: init.normal("head", [d, v], TABLE_STD),
        }
    }
}

impl Transformer {
    /// A model with its initial weights on a device; gradients are kept if the device has
    /// autodiff on.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Self {
        let rotary = (config.position == Position::Rope)
            .then(|| RotaryTable::new(config.context, config.shape.d_head()));
        Transformer {
            weights: Weights::init(&config, seed, device),
            config,
            rotary,
        }
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

    /// Scores of the next token.
    ///
    /// # Shapes
    /// - ids: `[b, t]` with the context as t, output: `[n, v]`, `n = b t`
    pub fn logits(&self, ids_bt: Tensor<2, Int>) -> Tensor<2> {
        let [batch, time] = ids_bt.dims();
        let shape = AttentionShape {
            batch,
            time,
            heads: self.config.shape.n_heads,
        };
        let mut x_nd = embedding(self.weights.token.val(), ids_bt.reshape([batch * time]));
        if let Some(table) = &self.weights.position {
            let width = self.config.shape.d_model;
            let x_btd = x_nd.reshape([batch, time, width]) + table.val().unsqueeze();
            x_nd = x_btd.reshape([batch * time, width]);
        }
        for block in &self.weights.blocks {
            x_nd = self.block(block, x_nd, shape);
        }
        linear(
            norm(self.config.norm, x_nd, self.weights.norm.val()),
            self.weights.head.val(),
        )
    }

    fn block(&self, block: &Block, x_nd: Tensor<2>, shape: AttentionShape) -> Tensor<2> {
        let kind = self.config.norm;
        let normed_nd = norm(kind, x_nd.clone(), block.attention_norm.val());
        let qkv_n3d = linear(normed_nd, block.qkv.val());
        let att_nd = causal_attention(qkv_n3d, shape, self.rotary.as_ref());
        let x_nd = x_nd + linear(att_nd, block.out.val());
        let normed_nd = norm(kind, x_nd.clone(), block.mlp_norm.val());
        x_nd + linear(gelu(linear(normed_nd, block.up.val())), block.down.val())
    }

    /// Mean loss in nats per token of a batch.
    ///
    /// # Shapes
    /// - inputs, targets: `windows` rows of the context each; output: `[1]`
    pub fn loss(&self, inputs: &[i32], targets: &[i32]) -> Tensor<1> {
        cross_entropy(self.logits(self.ids(inputs)), targets)
    }

    /// Loss of each token in nats.
    ///
    /// # Shapes
    /// - inputs, targets: `windows` rows of the context each; output: as many
    pub fn nats(&self, inputs: &[i32], targets: &[i32]) -> Tensor<1> {
        nats(self.logits(self.ids(inputs)), targets)
    }

    fn ids(&self, inputs: &[i32]) -> Tensor<2, Int> {
        let time = self.config.context;
        let data = TensorData::new(inputs.to_vec(), [inputs.len() / time, time]);
        Tensor::from_data(data, &self.weights.token.val().device())
    }
}
