//! A plain recurrent network, composed of stock operations on every device.

#[cfg(test)]
mod tests;

use super::Place;
use crate::init::Init;
use crate::ops::composed::{self, upload};
use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};
use isoflop_model::Norm;

/// Its weights.
#[derive(Module, Debug)]
pub struct Rnn {
    /// `[d]`, gain before it.
    pub norm: Param<Tensor<1>>,
    /// `[d, d]`, from the input to the state.
    pub input: Param<Tensor<2>>,
    /// `[d, d]`, from the last state to the next.
    pub recurrent: Param<Tensor<2>>,
    /// `[d]`
    pub bias: Param<Tensor<1>>,
}

impl Rnn {
    pub(super) fn init(init: &mut Init<'_>) -> Self {
        Rnn {
            norm: init.vector(),
            input: init.matrix(),
            recurrent: init.matrix(),
            bias: init.vector(),
        }
    }

    pub(super) fn forward(&self, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
        let (batch, time) = (place.batch, place.model.context);
        let starts = place.starts.map(|starts| starts.iter().map(|&start| start as i32).collect());
        let (norm, input) = (self.norm.val(), self.input.val());
        let (recurrent, bias) = (self.recurrent.val(), self.bias.val());
        residual(place.model.norm, x_nd, norm, input, recurrent, bias, [batch, time], starts)
    }
}

/// `x + h`, where `h_t = tanh(norm(x)_t input + h_(t-1) recurrent + bias)`, and the state before the first
/// token of a window, or of a document where `starts` says where they start, is 0.
///
/// # Shapes
/// - x, output: `[n, d]`, `n = batch time`; gain, bias: `[d]`; input, recurrent: `[d, d]`
#[allow(clippy::too_many_arguments, reason = "the tensors and the form of one operation")]
fn residual(
    norm: Norm,
    x_nd: Tensor<2>,
    gain_d: Tensor<1>,
    input_dd: Tensor<2>,
    recurrent_dd: Tensor<2>,
    bias_d: Tensor<1>,
    [batch, time]: [usize; 2],
    starts: Option<Vec<i32>>,
) -> Tensor<2> {
    let [count, width] = x_nd.dims();
    let driven_nd =
        composed::norm(norm, x_nd.clone(), gain_d).matmul(input_dd) + bias_d.unsqueeze();
    let driven_btd = driven_nd.reshape([batch, time, width]);
    let goes_on_bt = starts.map(|starts| {
        let starts_bt = upload(&starts, &x_nd.device()).reshape([batch, time]);
        let places_t = Tensor::<1, Int>::arange(0..time as i64, &x_nd.device());
        // The state goes on but to the first token of a document.
        starts_bt.lower(places_t.unsqueeze()).float()
    });
    let mut state_bd: Option<Tensor<2>> = None;
    let mut states = Vec::with_capacity(time);
    for t in 0..time {
        let driven_bd = driven_btd.clone().narrow(1, t, 1).reshape([batch, width]);
        let next = match state_bd {
            None => driven_bd,
            Some(state) => {
                let before = match &goes_on_bt {
                    Some(goes_on) => state * goes_on.clone().narrow(1, t, 1),
                    None => state,
                };
                driven_bd + before.matmul(recurrent_dd.clone())
            }
        };
        let next = next.tanh();
        states.push(next.clone().reshape([batch, 1, width]));
        state_bd = Some(next);
    }
    x_nd + Tensor::cat(states, 1).reshape([count, width])
}
