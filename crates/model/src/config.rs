//! The skeleton: embedding, blocks of two halves, final norm, head; and what it is made of.

use crate::feed_forward::FeedForward;
use crate::half::Half;
use crate::mixer::Mixer;
use crate::product::Product;
use crate::shape::{Shape, ShapeError};
use crate::tensor::{Group, TensorSpec};
use isoflop_core::OptimizerKind;
use isoflop_core::optimizer::muon;
use serde::{Deserialize, Serialize};

/// Normalisation before each sub-block and before the head; a gain, no bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// `x / rms(x) * gain` (Zhang & Sennrich 2019).
    #[default]
    Rms,
    /// `(x - mean(x)) / std(x) * gain` (Ba et al. 2016).
    Layer,
}

/// How a token knows its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// Rotary embedding, base 10,000 (Su et al. 2021); no parameters.
    #[default]
    Rope,
    /// A learned table of `context` rows added to the embedding.
    Learned,
    /// Nothing: for mixers that meet the tokens in their order, and for attention that is to find it out
    /// by the causal mask alone.
    None,
}

/// How initial weights, learning rates and attention scores depend on the width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parametrization {
    /// One rate for all parameters; scores over the root of the head's width.
    #[default]
    Standard,
    /// Maximal update: what is learnt in a step stays of one size at every width, and so does the best
    /// rate (Yang et al. 2022, table 3, for Adam). Equal to the standard one at [`Self::BASE_WIDTH`] with
    /// heads of [`Self::BASE_HEAD`].
    Mup,
}

impl Parametrization {
    /// Width at which both are the same.
    pub const BASE_WIDTH: usize = 64;
    /// Width of a head at which both are the same.
    pub const BASE_HEAD: usize = 16;

    /// Base width over width, for what shrinks as `1 / d`; 1 in the standard one.
    pub fn shrink(self, d_model: usize) -> f64 {
        match self {
            Parametrization::Standard => 1.0,
            Parametrization::Mup => Self::BASE_WIDTH as f64 / d_model as f64,
        }
    }

    /// Factor on attention scores.
    pub fn score_scale(self, d_head: usize) -> f32 {
        match self {
            Parametrization::Standard => (d_head as f32).sqrt().recip(),
            Parametrization::Mup => (Self::BASE_HEAD as f32).sqrt() / d_head as f32,
        }
    }

    fn is_standard(&self) -> bool {
        *self == Parametrization::Standard
    }
}

/// Initial values of the maps that write to the residual stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputInit {
    /// Normal, scaled down by the root of how many there are (Radford et al. 2019, section 2.3).
    #[default]
    Scaled,
    /// Zero: every block begins as the identity, as residual branches that end in zeros do (Zhang et al. 2019;
    /// Yang et al. 2022, appendix D.2, for the last layer).
    Zero,
}

impl OutputInit {
    /// Its name in a sweep file and in a row.
    pub fn name(self) -> &'static str {
        match self {
            OutputInit::Scaled => "scaled",
            OutputInit::Zero => "zero",
        }
    }

    fn is_scaled(&self) -> bool {
        *self == OutputInit::Scaled
    }
}

/// A decoder-only model: pre-norm blocks of a mixer and a feed-forward half, no biases.
/// It is part of a run's identity, whose bytes must stay: a field that came later is not written
/// where it has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Depth, width, heads.
    pub shape: Shape,
    /// Normalisation.
    pub norm: Norm,
    /// Position.
    pub position: Position,
    /// Distinct tokens, `V`.
    pub vocab_size: usize,
    /// Tokens a window, `T`.
    pub context: usize,
    /// How initial weights and rates depend on the width. Not written where standard, which the
    /// ids of runs were made without.
    #[serde(default, skip_serializing_if = "Parametrization::is_standard")]
    pub parametrization: Parametrization,
    /// The separator, where attention does not reach beyond it: each document by itself. Not written where
    /// absent, which the ids of runs were made without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_mask: Option<u32>,
    /// What moves information between tokens.
    #[serde(default, skip_serializing_if = "Mixer::is_default")]
    pub mixer: Mixer,
    /// What works on one token.
    #[serde(default, skip_serializing_if = "FeedForward::is_default")]
    pub feed_forward: FeedForward,
    /// Whether the head is the token table, transposed. Not written where it is a matrix of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tied: bool,
    /// Initial values of the maps that write to the stream. Not written where they are scaled, which the ids
    /// of runs were made without.
    #[serde(default, skip_serializing_if = "OutputInit::is_scaled")]
    pub output_init: OutputInit,
}

/// Standard deviation of the token and position tables and of the head.
///
/// Radford et al. 2019 use 0.02; a pre-norm model is indifferent to the scale of its table, and
/// small logits at the start mean a first loss of `ln V`.
const TABLE_STD: f64 = 0.02;

impl ModelConfig {
    /// A transformer with everything else at its default.
    pub fn transformer(shape: Shape, vocab_size: usize, context: usize) -> Self {
        ModelConfig {
            shape,
            norm: Norm::default(),
            position: Position::default(),
            vocab_size,
            context,
            parametrization: Parametrization::default(),
            document_mask: None,
            mixer: Mixer::default(),
            feed_forward: FeedForward::default(),
            tied: false,
            output_init: OutputInit::default(),
        }
    }

    /// Both halves of a block, in the order in which they work.
    pub fn halves(&self) -> [&dyn Half; 2] {
        [self.mixer.half(), self.feed_forward.half()]
    }

    /// Tensors before the blocks.
    fn tables(&self) -> Vec<TensorSpec> {
        let d = self.shape.d_model;
        let table = |name, rows| TensorSpec::matrix(name, Group::Embedding, [rows, d], TABLE_STD);
        let mut all = vec![table("token", self.vocab_size)];
        if self.position == Position::Learned {
            all.push(table("position", self.context));
        }
        all
    }

    /// Tensors of one block, with their names within it.
    fn block(&self) -> Vec<TensorSpec> {
        self.halves().into_iter().flat_map(|half| half.tensors(self)).collect()
    }

    /// The model by its simplest name: options that change nothing are as if they were not given, so that
    /// equal models are one run.
    #[must_use]
    pub fn simplest(self) -> Self {
        let mixer = match self.mixer {
            Mixer::Attention(attention) => {
                Mixer::Attention(attention.simplest(self.shape, self.context))
            }
            Mixer::Aft(aft) => Mixer::Aft(aft.simplest(self.context)),
            Mixer::Linear(linear) => Mixer::Linear(linear.simplest(self.context)),
            other => other,
        };
        ModelConfig { mixer, feed_forward: self.feed_forward.simplest(), ..self }
    }

    /// Factor on the logits. That of the maximal-update parametrisation, where the head is the token table
    /// and cannot shrink by itself.
    pub fn logit_scale(&self) -> f64 {
        match self.tied {
            true => self.parametrization.shrink(self.shape.d_model),
            false => 1.0,
        }
    }

    /// Tensors after the blocks. The head of the maximal-update parametrisation shrinks with the width,
    /// its initial values and its steps alike.
    fn end(&self) -> Vec<TensorSpec> {
        let (d, v) = (self.shape.d_model, self.vocab_size);
        if self.tied {
            return vec![TensorSpec::gain("norm", d)];
        }
        let shrink = self.parametrization.shrink(d);
        let head = TensorSpec::matrix("head", Group::Head, [d, v], TABLE_STD * shrink);
        vec![TensorSpec::gain("norm", d), head.at_rate(shrink)]
    }

    /// Every trainable tensor in the order of the checkpoint, in which every visitor of the weights
    /// meets them.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let block = self.block();
        let of_layer = |layer: usize| {
            block.iter().map(move |tensor| TensorSpec {
                name: format!("blocks.{layer}.{}", tensor.name),
                ..tensor.clone()
            })
        };
        let blocks = (0..self.shape.n_layers).flat_map(of_layer);
        let mut all = self.tables();
        all.extend(blocks);
        all.extend(self.end());
        all
    }

    /// The tensors, those of a block once, each with how many of it there are.
    pub(crate) fn distinct_tensors(&self) -> Vec<(TensorSpec, usize)> {
        let once = |tensors: Vec<TensorSpec>| tensors.into_iter().map(|tensor| (tensor, 1));
        let layers = self.shape.n_layers;
        let block = self.block().into_iter().map(|tensor| (tensor, layers));
        let mut all: Vec<_> = once(self.tables()).collect();
        all.extend(block);
        all.extend(once(self.end()));
        all
    }

    /// A layer of every kind that a half has, each with how many there are.
    fn kinds_of_layers(&self, half: &dyn Half) -> Vec<(usize, usize)> {
        let mut kinds: Vec<(usize, usize)> = Vec::new();
        for layer in 0..self.shape.n_layers {
            let kind = half.kind_of(layer);
            match kinds.iter_mut().find(|(first, _)| half.kind_of(*first) == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((layer, 1)),
            }
        }
        kinds
    }

    /// Every product of the forward pass of one window.
    pub fn products(&self) -> Vec<Product> {
        let (d, v) = (self.shape.d_model, self.vocab_size);
        let mut all = Vec::new();
        for half in self.halves() {
            for (layer, count) in self.kinds_of_layers(half) {
                let products = half.products(self, layer).into_iter();
                all.extend(products.map(|product| product.times(count)));
            }
        }
        all.push(Product::of_matrix(Group::Head, self.context, [d, v]));
        all
    }

    /// Numbers a token that a backward pass keeps or makes: of every half the stream before it, the
    /// stream's gradient and what the half says.
    pub fn kept_per_token(&self) -> f64 {
        let streams = 2.0 * self.shape.d_model as f64;
        let of_half = |half: &dyn Half| match half.is_present() {
            true => streams + half.kept_per_token(self),
            false => 0.0,
        };
        let block: f64 = self.halves().into_iter().map(of_half).sum();
        self.shape.n_layers as f64 * block
    }

    /// Element-wise work of recurrences a token, forward.
    pub fn flops_scan(&self) -> f64 {
        let block: f64 = self.halves().into_iter().map(|half| half.flops_scan(self)).sum();
        self.shape.n_layers as f64 * block
    }

    /// FLOPs of the products that a step of the optimizer takes, whatever the batch: those by which Muon
    /// orthogonalises every linear map, and none of the others.
    pub fn flops_optimizer(&self, kind: OptimizerKind) -> f64 {
        let of_tensor = |(tensor, times): (TensorSpec, usize)| match tensor.optimizer(kind) {
            OptimizerKind::Muon => {
                let maps = tensor.linear_maps().into_iter();
                maps.map(|map| muon::flops(map.rows, map.columns)).sum::<f64>() * times as f64
            }
            OptimizerKind::AdamW | OptimizerKind::Sgd => 0.0,
        };
        self.distinct_tensors().into_iter().map(of_tensor).sum()
    }

    /// Standard deviation of a matrix with so many inputs: outputs then vary as inputs do.
    pub(crate) fn std_of(&self, inputs: usize) -> f64 {
        (inputs as f64).powf(-0.5)
    }

    /// The same for a matrix that writes to the stream, scaled down by the root of how many do, so that
    /// the stream's variance does not grow with depth (Radford et al. 2019, section 2.3); 0 where such
    /// matrices begin with zeros.
    pub(crate) fn std_into_stream(&self, inputs: usize) -> f64 {
        if self.output_init == OutputInit::Zero {
            return 0.0;
        }
        let halves = self.halves().iter().filter(|half| half.is_present()).count() as f64;
        self.std_of(inputs) * (halves * self.shape.n_layers as f64).powf(-0.5)
    }

    /// Checks what the shape alone cannot know.
    ///
    /// # Errors
    /// A shape that cannot be, a context or a vocabulary that cannot be, what a half refuses.
    pub fn check(&self) -> Result<(), ShapeError> {
        self.shape.check()?;
        if !(1..=1 << 31).contains(&self.context) {
            return Err(ShapeError::Context(self.context));
        }
        if !(1..=1 << 32).contains(&self.vocab_size) {
            return Err(ShapeError::Vocabulary(self.vocab_size));
        }
        if self.position == Position::Rope && !self.mixer.half().is_rotary() {
            return Err(ShapeError::NotRotary);
        }
        self.halves().iter().try_for_each(|half| half.check(self))
    }
}

#[cfg(test)]
pub(crate) fn tiny(norm: Norm, position: Position) -> ModelConfig {
    let shape = Shape { d_model: 24, n_layers: 3, n_heads: 2 };
    ModelConfig { norm, position, ..ModelConfig::transformer(shape, 256, 128) }
}

#[cfg(test)]
mod tests;
