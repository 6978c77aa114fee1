//! Matrices with an activation between them.

pub mod composed;
mod fused;
mod kernel;
#[cfg(test)]
pub(in crate::halves) mod tests;

pub use fused::mlp_residual;

use super::Place;
use crate::init::Init;
use crate::operations::Operations;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use isoflop_model::FeedForward;

/// Its weights, f the width of the middle.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, f]`, or `[d, 2 f]` where the activation takes two numbers for one.
    pub up: Param<Tensor<2>>,
    /// `[f, d]`
    pub down: Param<Tensor<2>>,
}

impl Dense {
    pub(super) fn init(init: &mut Init<'_>) -> Self {
        Dense { norm: init.vector(), up: init.matrix(), down: init.matrix() }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let mlp = match place.operations {
            Operations::Fused => fused::mlp_residual,
            Operations::Composed => composed::mlp_residual,
        };
        let (gain, up, down) = (self.norm.val(), self.up.val(), self.down.val());
        let FeedForward::Dense(options) = place.model.feed_forward else {
            unreachable!("weights of a dense half are made for a model that has one");
        };
        mlp(place.model.norm, options.activation, x_nd, gain, up, down)
    }
}
