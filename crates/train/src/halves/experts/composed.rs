//! The half composed of stock operations: every expert works on every token, and factors of 0 leave out
//! those that were not chosen.

use super::Experts;
use crate::halves::Place;
use crate::halves::dense::composed::activate;
use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::{FeedForward, Gate};

/// Score of an expert that was not chosen. Infinities are kept out of shaders.
const HIDDEN: f32 = -1e30;

/// `x + shared(u) + sum over the chosen of gate expert(u)`, `u = norm(x)`.
///
/// # Shapes
/// - x, output: `[n, d]`
pub(super) fn experts_residual(weights: &Experts, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
    let FeedForward::Experts(options) = place.model.feed_forward else {
        unreachable!("weights of experts are made for a model of experts");
    };
    let (rows, width) = (x_nd.dims()[0], x_nd.dims()[1]);
    let u_nd = norm(place.model.norm, x_nd.clone(), weights.norm.val());
    let scores_ne = u_nd.clone().matmul(weights.router.val());
    let ranked_ne = match &weights.balance {
        Some(balance) => scores_ne.clone() + balance.val().unsqueeze(),
        None => scores_ne.clone(),
    };
    let chosen_ne = chosen(ranked_ne, options.active);
    let gates_ne = gates(options.gate, scores_ne, chosen_ne);
    let experts = options.experts;
    let wide_enw = u_nd.clone().reshape([1, rows, width]).matmul(weights.up.val());
    let wide = wide_enw.dims()[2];
    let active_mf = activate(options.activation(), wide_enw.reshape([experts * rows, wide]));
    let inner = active_mf.dims()[1];
    let each_end = active_mf.reshape([experts, rows, inner]).matmul(weights.down.val());
    let factors_en1 = gates_ne.transpose().reshape([experts, rows, 1]);
    let mut y_nd = x_nd + (each_end * factors_en1).sum_dim(0).reshape([rows, width]);
    if let Some((up, down)) = &weights.shared {
        // Experts lie side by side, each with the columns of its own activation.
        let (up_dw, down_fd) = (up.val(), down.val());
        for expert in 0..options.shared {
            let wide_nw = u_nd.clone().matmul(up_dw.clone().narrow(1, expert * wide, wide));
            let active_nf = activate(options.activation(), wide_nw);
            y_nd = y_nd + active_nf.matmul(down_fd.clone().narrow(0, expert * inner, inner));
        }
    }
    y_nd
}

/// 1 for the `active` experts of largest score of each token, the first of equal ones, and 0 for others.
pub(super) fn chosen(ranked_ne: Tensor<2>, active: usize) -> Tensor<2> {
    let device = ranked_ne.device();
    let [rows, experts] = ranked_ne.dims();
    let ranked_ne = ranked_ne.detach();
    let mine_ne1 = ranked_ne.clone().reshape([rows, experts, 1]);
    let other_n1e = ranked_ne.reshape([rows, 1, experts]);
    let ahead_nee = other_n1e.clone().greater(mine_ne1.clone()).float();
    let equal_nee = other_n1e.equal(mine_ne1).float();
    let earlier_ee = Tensor::<2>::ones([experts, experts], &device).tril(-1);
    let rank_ne =
        (ahead_nee + equal_nee * earlier_ee.unsqueeze()).sum_dim(2).reshape([rows, experts]);
    rank_ne.lower_elem(active as f32 - 0.5).float()
}

/// Factors of the experts, 0 where they were not chosen.
fn gates(gate: Gate, scores_ne: Tensor<2>, chosen_ne: Tensor<2>) -> Tensor<2> {
    match gate {
        Gate::Renorm => {
            let hidden_ne = (chosen_ne - 1.0) * -HIDDEN;
            activation::softmax(scores_ne + hidden_ne, 1)
        }
        Gate::Plain => activation::softmax(scores_ne, 1) * chosen_ne,
        Gate::Sigmoid => {
            let open_ne = activation::sigmoid(scores_ne) * chosen_ne;
            open_ne.clone() / open_ne.sum_dim(1)
        }
    }
}
