//! The halves of a block on tensors: an arm in an enum and a folder each, with weights, the fused operation
//! and its kernel, the composed form and the tests of both. What the tensors are is stated in
//! `isoflop_model`.

pub mod aft;
pub mod attention;
pub mod dense;
pub mod experts;
pub mod linear;
pub mod recurrent;

pub use aft::Aft;
pub use attention::Attention;
pub use dense::Dense;
pub use experts::Experts;
pub use linear::Linear;
pub use recurrent::Recurrent;

use crate::dropout::Dropout;
use crate::init::Init;
use crate::operations::Operations;
use crate::ops;
use attention::{RotaryTable, Starts};
use burn::module::Module;
use burn::tensor::Tensor;
use isoflop_model::{FeedForward, Mixer, ModelConfig};
use std::cell::RefCell;

/// Weights of the half that moves information between tokens.
#[derive(Module, Debug)]
pub enum MixerWeights {
    /// Causal multi-head attention.
    Attention(Attention),
    /// Attention-free mixing.
    Aft(Aft),
    /// Linear attention.
    Linear(Linear),
    /// A recurrent network.
    Recurrent(Recurrent),
}

/// Weights of the half that works on one token.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one is made for each layer")]
pub enum FeedForwardWeights {
    /// Matrices with an activation between them.
    Dense(Dense),
    /// A mixture of experts.
    Experts(Experts),
}

/// What a half needs to know of a batch, of the model and of its own place in it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) model: &'a ModelConfig,
    pub(crate) operations: Operations,
    /// Layer, counted from 0.
    pub(crate) layer: usize,
    /// Windows of the batch.
    pub(crate) batch: usize,
    pub(crate) rotary: Option<&'a RotaryTable>,
    /// Where the document of each token starts, with a mask of documents.
    pub(crate) starts: Option<&'a Starts>,
    pub(crate) pass: Pass<'a>,
}

/// What a pass is for, besides the stream; by default nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pass<'a> {
    /// Share of the step's tokens that the batch holds: 1 unless a step is split, 0 outside training.
    pub(crate) share: f64,
    /// Terms, `[1]`, whose gradients are to join that of the loss, of which they are no part. A half whose
    /// operation is fused adds none, since its backward pass adds their gradients.
    pub(crate) terms: Option<&'a RefCell<Vec<Tensor<1>>>>,
    /// The experts of each token, `[n, e]` of 0 and 1, from every layer that has experts.
    pub(crate) routes: Option<&'a RefCell<Vec<Tensor<2>>>>,
    /// What is dropped of the outputs of halves.
    pub(crate) dropout: Option<Dropout>,
}

/// One of the two halves of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Half {
    Mixer,
    FeedForward,
}

impl Place<'_> {
    /// The stream after a half, which `forward` adds to it, of whose output numbers may be dropped.
    ///
    /// # Shapes
    /// - input, output: `[n, d]`
    pub(crate) fn after(
        &self,
        half: Half,
        x_nd: Tensor<2>,
        forward: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let Some(dropout) = self.pass.dropout else {
            return forward(x_nd);
        };
        let half = 2 * self.layer as u64 + half as u64;
        let factors = dropout.factors(half, x_nd.dims(), self.model.context);
        let h_nd = forward(x_nd.clone());
        match self.operations {
            Operations::Fused => ops::dropout(x_nd, h_nd, factors),
            Operations::Composed => ops::composed::dropout(x_nd, h_nd, &factors),
        }
    }
}

impl MixerWeights {
    pub(crate) fn init(mixer: Mixer, init: &mut Init<'_>) -> Self {
        match mixer {
            Mixer::Attention(options) => MixerWeights::Attention(Attention::init(options, init)),
            Mixer::Aft(form) => MixerWeights::Aft(Aft::init(form, init)),
            Mixer::Linear(_) => MixerWeights::Linear(Linear::init(init)),
            Mixer::Recurrent(kind) => MixerWeights::Recurrent(Recurrent::init(kind, init)),
        }
    }

    /// `x + mixer(norm x)`.
    ///
    /// # Shapes
    /// - input, output: `[n, d]`
    pub(crate) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        match self {
            MixerWeights::Attention(attention) => attention.forward(x_nd, place),
            MixerWeights::Aft(aft) => aft.forward(x_nd, place),
            MixerWeights::Linear(linear) => linear.forward(x_nd, place),
            MixerWeights::Recurrent(recurrent) => recurrent.forward(x_nd, place),
        }
    }
}

impl FeedForwardWeights {
    /// None where a block has no such half.
    pub(crate) fn init(feed_forward: FeedForward, init: &mut Init<'_>) -> Option<Self> {
        match feed_forward {
            FeedForward::Dense(_) => Some(FeedForwardWeights::Dense(Dense::init(init))),
            FeedForward::Experts(options) => {
                Some(FeedForwardWeights::Experts(Experts::init(options, init)))
            }
            FeedForward::None => None,
        }
    }

    /// `x + feed_forward(norm x)`.
    ///
    /// # Shapes
    /// - input, output: `[n, d]`
    pub(crate) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        match self {
            FeedForwardWeights::Dense(dense) => dense.forward(x_nd, place),
            FeedForwardWeights::Experts(experts) => experts.forward(x_nd, place),
        }
    }
}
