//! A mixture of experts.

mod composed;
mod fused;
mod kernel;
mod routes;
mod rows;
#[cfg(test)]
mod tests;

use super::Place;
use crate::init::Init;
use crate::operations::Operations;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use isoflop_model::{Balance, FeedForward, ModelConfig};

/// Its weights: e experts of width f (2 f where the activation takes two numbers for one).
#[derive(Module, Debug)]
pub struct Experts {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, e]`
    pub router: Param<Tensor<2>>,
    /// `[e, d, f]`
    pub up: Param<Tensor<3>>,
    /// `[e, f, d]`
    pub down: Param<Tensor<3>>,
    /// `[d, s f]` and `[s f, d]`, of s experts that work on every token.
    pub shared: Option<(Param<Tensor<2>>, Param<Tensor<2>>)>,
    /// `[e]`, added to the scores for choosing alone. What stands in the place of its gradient is the load of
    /// each expert less the mean, times e.
    pub balance: Option<Param<Tensor<1>>>,
}

impl Experts {
    pub(super) fn init(options: isoflop_model::Experts, init: &mut Init<'_>) -> Self {
        Experts {
            norm: init.vector(),
            router: init.matrix(),
            up: init.matrices(),
            down: init.matrices(),
            shared: (options.shared > 0).then(|| (init.matrix(), init.matrix())),
            balance: (options.balance == Balance::Bias).then(|| init.vector()),
        }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        if let Some(routes) = place.pass.routes {
            let chosen = match place.operations {
                Operations::Fused => fused::chosen,
                Operations::Composed => composed::chosen,
            };
            routes.borrow_mut().push(chosen(self, x_nd.clone(), place));
        }
        let experts = match place.operations {
            Operations::Fused => fused::experts_residual,
            Operations::Composed => composed::experts_residual,
        };
        experts(self, x_nd, place)
    }
}

/// The half of a model that is known to have it.
fn options(model: &ModelConfig) -> isoflop_model::Experts {
    match model.feed_forward {
        FeedForward::Experts(options) => options,
        _ => unreachable!("weights of experts are made for a model of experts"),
    }
}
