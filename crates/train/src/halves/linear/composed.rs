//! The half composed of stock operations: all pairs of tokens at once, without chunks; with the delta rule a loop of
//! a few operations a token.

use super::{Form, Tensors};
use crate::halves::attention::tables;
use crate::ops::NORM_EPSILON;
use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::{Norm, Reach};

/// `x + norm(mixed) out`, with `mixed_i = sum_(j <= i) (q_i . k_j) exp(g_(j+1) + ... + g_i) v_j` in every
/// head, the tokens those of the document where starts say where documents start. With the delta rule the sum is
/// over what was written in the place of values, by keys of length 1.
///
/// # Shapes
/// - output: `[n, d]`, `n = batch time`
pub(super) fn residual(tensors: Tensors, form: &Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, qkv_dw, rate_h, bias_h, mixed_gain_d, out_dd } = tensors;
    let [count, width] = x_nd.dims();
    let Form { batch, time, heads, .. } = *form;
    let d_head = width / heads;
    let all_nw = norm(form.norm, x_nd.clone(), gain_d).matmul(qkv_dw);
    let of_heads_nh = |first: usize| all_nw.clone().narrow(1, first, heads);
    let [q_bhtk, k_bhtk, v_bhtk] = [0, 1, 2].map(|part: usize| {
        let part_nd = all_nw.clone().narrow(1, part * width, width);
        part_nd.reshape([batch, time, heads, d_head]).swap_dims(1, 2)
    });
    let z_nh = of_heads_nh(3 * width) + bias_h.unsqueeze();
    let softplus_nh = activation::relu(z_nh.clone()) + z_nh.abs().neg().exp().log1p();
    let g_nh = softplus_nh * rate_h.exp().neg().unsqueeze();
    let g_bht = g_nh.reshape([batch, time, heads]).swap_dims(1, 2);
    let parts = [q_bhtk, k_bhtk, v_bhtk];
    let mixed_bhtk = match form.delta {
        false => by_pairs(parts, g_bht, form),
        true => {
            let share_nh = activation::sigmoid(of_heads_nh(3 * width + heads));
            by_tokens(parts, g_bht, share_nh.reshape([batch, time, heads]).swap_dims(1, 2), form)
        }
    };
    let mixed_nd = mixed_bhtk.swap_dims(1, 2).reshape([count, width]);
    x_nd + norm(Norm::Rms, mixed_nd, mixed_gain_d).matmul(out_dd)
}

/// What heads give, by all pairs of tokens.
///
/// # Shapes
/// - output: `[b, h, t, k]`
fn by_pairs(parts: [Tensor<4>; 3], g_bht: Tensor<3>, form: &Form) -> Tensor<4> {
    let [q_bhtk, k_bhtk, v_bhtk] = parts;
    let ([batch, heads, time], device) = (g_bht.dims(), g_bht.device());
    let hidden_tt = tables::hidden_by(Reach::All, time, &device);
    let up_to_tt = hidden_tt.clone().exp().transpose();
    let sums = g_bht.reshape([batch * heads, time]).matmul(up_to_tt);
    let apart_bhtt =
        sums.clone().reshape([batch, heads, time, 1]) - sums.reshape([batch, heads, 1, time]);
    let mut apart_bhtt = apart_bhtt + hidden_tt.unsqueeze();
    if let Some(starts) = &form.starts {
        apart_bhtt = apart_bhtt + tables::hidden(starts, time, &device);
    }
    let pairs_bhtt = q_bhtk.matmul(k_bhtk.swap_dims(2, 3)) * apart_bhtt.exp();
    pairs_bhtt.matmul(v_bhtk)
}

/// What heads give under the delta rule, token by token.
///
/// # Shapes
/// - output: `[b, h, t, k]`
fn by_tokens(
    parts: [Tensor<4>; 3],
    g_bht: Tensor<3>,
    share_bht: Tensor<3>,
    form: &Form,
) -> Tensor<4> {
    let [q_bhtk, k_bhtk, v_bhtk] = parts;
    let ([batch, heads, time, d_head], device) = (q_bhtk.dims(), q_bhtk.device());
    let squares = k_bhtk.clone().powi_scalar(2).mean_dim(3) + NORM_EPSILON;
    let k_bhtk = k_bhtk / (squares.sqrt() * (d_head as f64).sqrt());
    let mut factors_bht = g_bht.exp();
    if let Some(starts) = &form.starts {
        let goes_on_bt = tables::goes_on(starts, [batch, time], &device);
        factors_bht = factors_bht * goes_on_bt.unsqueeze_dim::<3>(1);
    }
    let (factors_bht1, shares_bht1) = (factors_bht.unsqueeze_dim(3), share_bht.unsqueeze_dim(3));
    let mut state_bhkk = Tensor::zeros([batch, heads, d_head, d_head], &device);
    let mut mixed = Vec::with_capacity(time);
    for t in 0..time {
        let at = |x: &Tensor<4>| x.clone().narrow(2, t, 1);
        let decayed_bhkk = state_bhkk * at(&factors_bht1);
        let difference_bh1k = at(&v_bhtk) - at(&k_bhtk).matmul(decayed_bhkk.clone());
        let written_bh1k = difference_bh1k * at(&shares_bht1);
        state_bhkk = decayed_bhkk + at(&k_bhtk).swap_dims(2, 3).matmul(written_bh1k);
        mixed.push(at(&q_bhtk).matmul(state_bhkk.clone()));
    }
    Tensor::cat(mixed, 2)
}
