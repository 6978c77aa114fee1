//! Attention-free mixing.

mod composed;
mod fused;
mod kernel;
mod pairs;
#[cfg(test)]
mod tests;

use super::Place;
use crate::init::Init;
use crate::operations::Operations;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use isoflop_model::{Mixer, Norm};
use std::sync::Arc;

/// Its weights.
#[derive(Module, Debug)]
pub struct Aft {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, 3 d]`: queries, keys, values side by side.
    pub qkv: Param<Tensor<2>>,
    /// `[d, d]`
    pub out: Param<Tensor<2>>,
    /// `[t, t]`, or `[t, s]` where only near places have them: biases of pairs, a row a query; `None` in the
    /// simple form.
    pub pair_bias: Option<Param<Tensor<2>>>,
}

/// The tensors of one call.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, qkv: `[d, 3 d]`, out: `[d, d]`, biases: `[t, t]` or `[t, s]`
#[derive(Clone)]
struct Tensors {
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    qkv_dw: Tensor<2>,
    out_dd: Tensor<2>,
    biases_ts: Option<Tensor<2>>,
}

/// What a call is besides its tensors.
#[derive(Clone, Debug)]
struct Form {
    norm: Norm,
    /// Windows.
    batch: usize,
    /// Tokens a window.
    time: usize,
    /// Tokens up to a query that have a bias, itself among them; all of them where absent.
    window: Option<usize>,
    /// Where the document of each token starts in its window, with a mask of documents.
    starts: Option<Arc<[u32]>>,
}

impl Aft {
    pub(super) fn init(form: isoflop_model::Aft, init: &mut Init<'_>) -> Self {
        Aft {
            norm: init.vector(),
            qkv: init.matrix(),
            out: init.matrix(),
            pair_bias: (form != isoflop_model::Aft::Simple).then(|| init.matrix()),
        }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let (gain_d, qkv_dw, out_dd) = (self.norm.val(), self.qkv.val(), self.out.val());
        let biases_ts = self.pair_bias.as_ref().map(Param::val);
        let tensors = Tensors { x_nd, gain_d, qkv_dw, out_dd, biases_ts };
        let form = Form {
            norm: place.model.norm,
            batch: place.batch,
            time: place.model.context,
            window: match place.model.mixer {
                Mixer::Aft(isoflop_model::Aft::Local { window }) => Some(window),
                _ => None,
            },
            starts: place.starts.cloned(),
        };
        match place.operations {
            Operations::Fused => fused::residual(tensors, form),
            Operations::Composed => match tensors.biases_ts {
                None => composed::residual(tensors, &form),
                Some(_) => pairs::residual(tensors, &form),
            },
        }
    }
}
