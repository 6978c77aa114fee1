//! The half composed of stock operations: a loop of a few operations a token.

use super::{Form, Tensors};
use crate::halves::attention::tables;
use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::Recurrent;

/// `x + h`, with the state `h` that docs/models.md says; it is 0 before the first token of a window, or of a
/// document where starts say where documents start.
///
/// # Shapes
/// - output: `[n, d]`, `n = batch time`
pub(super) fn residual(tensors: Tensors, form: &Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, input_dw, recurrent_dw, bias_w, recurrent_bias_w } = tensors;
    let ([count, width], device) = (x_nd.dims(), x_nd.device());
    let (batch, time) = (form.batch, form.time);
    let gates = input_dw.dims()[1];
    let mut driven_nw = norm(form.norm, x_nd.clone(), gain_d).matmul(input_dw);
    if let Some(bias_w) = bias_w {
        driven_nw = driven_nw + bias_w.unsqueeze();
    }
    let driven_btw = driven_nw.reshape([batch, time, gates]);
    let goes_on_bt =
        form.starts.as_ref().map(|starts| tables::goes_on(starts, [batch, time], &device));
    let mut state: Option<State> = None;
    let mut states = Vec::with_capacity(time);
    for t in 0..time {
        let driven_bw = driven_btw.clone().narrow(1, t, 1).reshape([batch, gates]);
        let before = match (state, &goes_on_bt) {
            (Some(state), Some(goes_on)) => Some(state.times(goes_on.clone().narrow(1, t, 1))),
            (state, _) => state,
        };
        let turned_bw = recurrent_dw.as_ref().and_then(|recurrent_dw| {
            let product =
                before.as_ref().map(|state| state.h_bd.clone().matmul(recurrent_dw.clone()));
            match &recurrent_bias_w {
                None => product,
                Some(bias_w) => {
                    let bias_bw = bias_w.clone().unsqueeze::<2>().repeat_dim(0, batch);
                    Some(product.map_or(bias_bw.clone(), |product| product + bias_bw))
                }
            }
        });
        let next = step(form.kind, driven_bw, turned_bw, before);
        states.push(next.h_bd.clone().reshape([batch, 1, width]));
        state = Some(next);
    }
    x_nd + Tensor::cat(states, 1).reshape([count, width])
}

/// What goes on from token to token.
struct State {
    h_bd: Tensor<2>,
    /// Cell of an LSTM.
    cell_bd: Option<Tensor<2>>,
}

impl State {
    fn times(self, factor_b1: Tensor<2>) -> Self {
        State {
            h_bd: self.h_bd * factor_b1.clone(),
            cell_bd: self.cell_bd.map(|cell| cell * factor_b1),
        }
    }
}

/// The next state, from what the input gives, what the last state gives by its matrix, and that state;
/// absent ones are 0.
fn step(
    kind: Recurrent,
    driven_bw: Tensor<2>,
    turned_bw: Option<Tensor<2>>,
    before: Option<State>,
) -> State {
    let width = driven_bw.dims()[1] / kind.gates();
    let part = |of: &Tensor<2>, at: usize| of.clone().narrow(1, at * width, width);
    let plain = |h_bd| State { h_bd, cell_bd: None };
    let sum = |a: Tensor<2>, b: Option<Tensor<2>>| match b {
        Some(b) => a + b,
        None => a,
    };
    let (h_bd, cell_bd) = before.map_or((None, None), |state| (Some(state.h_bd), state.cell_bd));
    match kind {
        Recurrent::Rnn => plain(sum(driven_bw, turned_bw).tanh()),
        Recurrent::Lstm => {
            let all_bw = sum(driven_bw, turned_bw);
            let gate = |at| activation::sigmoid(part(&all_bw, at));
            let written_bd = gate(0) * part(&all_bw, 2).tanh();
            let cell_bd = sum(written_bd, cell_bd.map(|cell| gate(1) * cell));
            State { h_bd: gate(3) * cell_bd.clone().tanh(), cell_bd: Some(cell_bd) }
        }
        Recurrent::Gru => {
            let gate = |at| {
                let turned = turned_bw.as_ref().map(|turned| part(turned, at));
                activation::sigmoid(sum(part(&driven_bw, at), turned))
            };
            let turned = turned_bw.as_ref().map(|turned| gate(0) * part(turned, 2));
            let candidate_bd = sum(part(&driven_bw, 2), turned).tanh();
            let z_bd = gate(1);
            let fresh_bd = (z_bd.clone().neg() + 1.0) * candidate_bd;
            plain(sum(fresh_bd, h_bd.map(|h| z_bd * h)))
        }
        Recurrent::Mingru => {
            let z_bd = activation::sigmoid(part(&driven_bw, 0));
            let fresh_bd = z_bd.clone() * positive(part(&driven_bw, 1));
            plain(sum(fresh_bd, h_bd.map(|h| (z_bd.neg() + 1.0) * h)))
        }
        Recurrent::Minlstm => {
            let log = |at| activation::log_sigmoid(part(&driven_bw, at));
            // f / (f + i), whatever the two are.
            let forget_bd = activation::sigmoid(log(0) - log(1));
            let fresh_bd = (forget_bd.clone().neg() + 1.0) * positive(part(&driven_bw, 2));
            plain(sum(fresh_bd, h_bd.map(|h| forget_bd * h)))
        }
    }
}

/// `x + 0.5` from 0 on, and `1 / (1 + exp(-x))` below: positive, with a slope that goes on to 1.
fn positive(x_bd: Tensor<2>) -> Tensor<2> {
    activation::relu(x_bd.clone()) + activation::sigmoid(x_bd.clone().clamp_max(0.0))
}
