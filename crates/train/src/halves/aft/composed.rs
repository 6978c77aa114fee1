//! The simple form composed of stock operations: a loop of a few operations a token.

use super::{Form, Tensors};
use crate::ops::composed::{norm, upload};
use burn::tensor::{Int, Tensor, activation};

/// A key below all others. Infinities are kept out of shaders.
pub(super) const LOWEST: f32 = -1e30;

/// `x + (sigmoid(q) mean(v)) out`, the mean over the tokens up to this one, each weighted by `exp(k)`.
///
/// # Shapes
/// - output: `[n, d]`, `n = batch time`
pub(super) fn residual(tensors: Tensors, form: &Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, qkv_dw, out_dd, .. } = tensors;
    let ([count, width], device) = (x_nd.dims(), x_nd.device());
    let (batch, time) = (form.batch, form.time);
    let qkv_btw =
        norm(form.norm, x_nd.clone(), gain_d).matmul(qkv_dw).reshape([batch, time, 3 * width]);
    let begins_bt = form.starts.as_ref().map(|starts| {
        let starts: Vec<i32> = starts.iter().map(|&start| start as i32).collect();
        let starts_bt = upload(&starts, &device).reshape([batch, time]);
        let places_t = Tensor::<1, Int>::arange(0..time as i64, &device);
        starts_bt.equal(places_t.unsqueeze()).float()
    });
    // The largest key so far, and the sums of weighted values and of weights, both over the weight of that
    // key, which cancels in their quotient: so it is constant for the gradient.
    let mut state: Option<[Tensor<2>; 3]> = None;
    let mut all = Vec::with_capacity(time);
    for t in 0..time {
        let now_bw = qkv_btw.clone().narrow(1, t, 1).reshape([batch, 3 * width]);
        let [q_bd, k_bd, v_bd] =
            [0, 1, 2].map(|part| now_bw.clone().narrow(1, part * width, width));
        let [top, sum, total] = match state {
            None => {
                let top = k_bd.clone().detach();
                let weight = (k_bd - top.clone()).exp();
                [top, weight.clone() * v_bd, weight]
            }
            Some([top, sum, total]) => {
                let top = match &begins_bt {
                    None => top,
                    Some(begins_bt) => {
                        let begins_b1 = begins_bt.clone().narrow(1, t, 1);
                        top * (begins_b1.clone().neg() + 1.0) + begins_b1 * LOWEST
                    }
                };
                let next = top.clone().max_pair(k_bd.clone().detach());
                let falls = (top - next.clone()).exp();
                let weight = (k_bd - next.clone()).exp();
                let sum = sum * falls.clone() + weight.clone() * v_bd;
                [next, sum, total * falls + weight]
            }
        };
        let mixed_bd = activation::sigmoid(q_bd) * (sum.clone() / total.clone());
        all.push(mixed_bd.reshape([batch, 1, width]));
        state = Some([top, sum, total]);
    }
    x_nd + Tensor::cat(all, 1).reshape([count, width]).matmul(out_dd)
}
