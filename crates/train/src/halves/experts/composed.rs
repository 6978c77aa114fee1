//! The half composed of stock operations: every expert works on every token, and factors of 0 leave out
//! those that were not chosen.

use super::routes::LEAST_SUM;
use super::{Experts, options};
use crate::halves::Place;
use crate::halves::dense::composed::activate;
use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::{Experts as Options, Gate};

/// Score of an expert that was not chosen. Infinities are kept out of shaders.
const HIDDEN: f32 = -1e30;

/// `x + shared(u) + sum over the chosen of gate expert(u)`, `u = norm(x)`.
///
/// # Shapes
/// - x, output: `[n, d]`
pub(super) fn experts_residual(weights: &Experts, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
    let options = options(place.model);
    let (rows, width) = (x_nd.dims()[0], x_nd.dims()[1]);
    let u_nd = norm(place.model.norm, x_nd.clone(), weights.norm.val());
    let scores_ne = u_nd.clone().matmul(weights.router.val());
    let chosen_ne = choose(weights, scores_ne.clone(), options.active);
    if let Some(terms) = place.pass.terms {
        let term = match &weights.balance {
            Some(balance) => imbalance(balance.val(), chosen_ne.clone()),
            None => balance_loss(&options, scores_ne.clone(), chosen_ne.clone(), place),
        };
        terms.borrow_mut().push(term);
    }
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

/// The experts of each token, `[n, e]` of 0 and 1.
///
/// # Shapes
/// - x: `[n, d]`
pub(super) fn chosen(weights: &Experts, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
    let u_nd = norm(place.model.norm, x_nd, weights.norm.val());
    choose(weights, u_nd.matmul(weights.router.val()), options(place.model).active)
}

/// 1 for the `active` experts of largest score of each token, the first of equal ones, and 0 for others.
fn choose(weights: &Experts, scores_ne: Tensor<2>, active: usize) -> Tensor<2> {
    let ranked_ne = match &weights.balance {
        Some(balance) => scores_ne + balance.val().unsqueeze(),
        None => scores_ne,
    };
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
            open_ne.clone() / (open_ne.sum_dim(1) + LEAST_SUM)
        }
    }
}

/// A term whose gradient is that of the loss that balances (Fedus et al. 2022, equations 4 to 6), taken over
/// each window by itself, so that neither the split of a step nor another window matters. An expert's share
/// of the pairs is constant.
fn balance_loss(
    options: &Options,
    scores_ne: Tensor<2>,
    chosen_ne: Tensor<2>,
    place: &Place<'_>,
) -> Tensor<1> {
    let ([rows, experts], batch) = (scores_ne.dims(), place.batch);
    let by_window = |x_ne: Tensor<2>| x_ne.reshape([batch, rows / batch, experts]).mean_dim(1);
    let shares_ne = match options.gate {
        Gate::Renorm | Gate::Plain => activation::softmax(scores_ne, 1),
        Gate::Sigmoid => {
            let open_ne = activation::sigmoid(scores_ne);
            open_ne.clone() / (open_ne.sum_dim(1) + LEAST_SUM)
        }
    };
    let products_b1e = by_window(chosen_ne) * by_window(shares_ne);
    let scale = Options::BALANCE_LOSS * experts as f64 / (options.active * batch) as f64;
    whole(products_b1e.reshape([1, batch * experts])) * (scale * place.pass.share)
}

/// A term whose gradient stands in the place of that of the bias: load less mean, times the number of
/// experts, in whole numbers.
fn imbalance(balance_e: Tensor<1>, chosen_ne: Tensor<2>) -> Tensor<1> {
    let [rows, experts] = chosen_ne.dims();
    let pairs_1 = whole(chosen_ne.clone().reshape([1, rows * experts]));
    let over_e = chosen_ne.sum_dim(0).reshape([experts]) * experts as f64 - pairs_1;
    whole((balance_e * over_e).reshape([1, experts]))
}

/// Sum along the only row.
fn whole(x_1m: Tensor<2>) -> Tensor<1> {
    x_1m.sum_dim(1).reshape([1])
}
