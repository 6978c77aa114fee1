//! A recurrent network of any kind.

mod composed;
mod fused;
mod kernel;
#[cfg(test)]
mod tests;

use super::Place;
use crate::init::Init;
use crate::operations::Operations;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use isoflop_model::{Mixer, ModelConfig, Norm};
use std::sync::Arc;

/// Its weights; w is d for every gate and candidate of its kind.
#[derive(Module, Debug)]
pub struct Recurrent {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, w]`, from the input.
    pub input: Param<Tensor<2>>,
    /// `[d, w]`, from the last state; `None` where the state meets no product.
    pub recurrent: Option<Param<Tensor<2>>>,
    /// `[w]`, added to the product with the input.
    pub bias: Option<Param<Tensor<1>>>,
    /// `[w]`, added to the product with the state.
    pub recurrent_bias: Option<Param<Tensor<1>>>,
}

/// The tensors of one call.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, input, recurrent: `[d, w]`, bias, recurrent_bias: `[w]`
#[derive(Clone)]
struct Tensors {
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    input_dw: Tensor<2>,
    recurrent_dw: Option<Tensor<2>>,
    bias_w: Option<Tensor<1>>,
    recurrent_bias_w: Option<Tensor<1>>,
}

/// What a call is besides its tensors.
#[derive(Clone, Debug)]
struct Form {
    kind: isoflop_model::Recurrent,
    norm: Norm,
    /// Windows.
    batch: usize,
    /// Tokens a window.
    time: usize,
    /// Where the document of each token starts in its window, with a mask of documents.
    starts: Option<Arc<[u32]>>,
}

impl Recurrent {
    pub(super) fn init(kind: isoflop_model::Recurrent, init: &mut Init<'_>) -> Self {
        use isoflop_model::Recurrent::{Gru, Lstm, Rnn};
        Recurrent {
            norm: init.vector(),
            input: init.matrix(),
            recurrent: kind.turns_its_state().then(|| init.matrix()),
            bias: matches!(kind, Rnn | Lstm | Gru).then(|| init.vector()),
            recurrent_bias: (kind == Gru).then(|| init.vector()),
        }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let vector = |bias: &Option<Param<Tensor<1>>>| bias.as_ref().map(Param::val);
        let tensors = Tensors {
            x_nd,
            gain_d: self.norm.val(),
            input_dw: self.input.val(),
            recurrent_dw: self.recurrent.as_ref().map(Param::val),
            bias_w: vector(&self.bias),
            recurrent_bias_w: vector(&self.recurrent_bias),
        };
        let form = Form {
            kind: kind(place.model),
            norm: place.model.norm,
            batch: place.batch,
            time: place.model.context,
            starts: place.starts.cloned(),
        };
        match place.operations {
            Operations::Fused => fused::residual(tensors, form),
            Operations::Composed => composed::residual(tensors, &form),
        }
    }
}

/// The kind of a model that is known to be recurrent.
fn kind(model: &ModelConfig) -> isoflop_model::Recurrent {
    match model.mixer {
        Mixer::Recurrent(kind) => kind,
        _ => unreachable!("recurrent weights are made for a recurrent model"),
    }
}
