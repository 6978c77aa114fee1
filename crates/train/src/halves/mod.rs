//! The halves of a block on tensors: an arm in an enum and a folder each, with weights, the fused operation
//! and its kernel, the composed form and the tests of both. What the tensors are is stated in
//! `isoflop_model`.

pub mod attention;
pub mod dense;
pub mod rnn;

pub use attention::Attention;
pub use dense::Dense;
pub use rnn::Rnn;

use crate::init::Init;
use crate::operations::Operations;
use attention::{AttentionShape, RotaryTable, Starts};
use burn::module::Module;
use burn::tensor::Tensor;
use isoflop_model::{FeedForward, Mixer, Norm};

/// Weights of the half that moves information between tokens.
#[derive(Module, Debug)]
pub enum MixerWeights {
    /// Causal multi-head attention.
    Attention(Attention),
    /// A plain recurrent network.
    Rnn(Rnn),
}

/// Weights of the half that works on one token.
#[derive(Module, Debug)]
pub enum FeedForwardWeights {
    /// Two matrices with GELU between them.
    Dense(Dense),
}

/// What the halves of all blocks need to know of a batch and of the model.
pub(crate) struct Place<'a> {
    pub(crate) norm: Norm,
    pub(crate) operations: Operations,
    pub(crate) shape: AttentionShape,
    pub(crate) rotary: Option<&'a RotaryTable>,
    pub(crate) starts: Option<&'a Starts>,
}

impl MixerWeights {
    pub(crate) fn init(mixer: Mixer, init: &mut Init<'_>) -> Self {
        match mixer {
            Mixer::Attention => MixerWeights::Attention(Attention::init(init)),
            Mixer::Rnn => MixerWeights::Rnn(Rnn::init(init)),
        }
    }

    /// `x + mixer(norm x)`.
    ///
    /// # Shapes
    /// - input, output: `[n, d]`
    pub(crate) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        match self {
            MixerWeights::Attention(attention) => attention.forward(x_nd, place),
            MixerWeights::Rnn(rnn) => rnn.forward(x_nd, place),
        }
    }
}

impl FeedForwardWeights {
    /// None where a block has no such half.
    pub(crate) fn init(feed_forward: FeedForward, init: &mut Init<'_>) -> Option<Self> {
        match feed_forward {
            FeedForward::Dense => Some(FeedForwardWeights::Dense(Dense::init(init))),
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
        }
    }
}
