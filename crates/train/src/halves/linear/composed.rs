//! The half composed of stock operations: all pairs of tokens at once, without chunks.

use super::{Form, Tensors};
use crate::halves::attention::tables;
use crate::ops::composed::norm;
use burn::tensor::{Tensor, activation};
use isoflop_model::{Norm, Reach};

/// `x + norm(mixed) out`, with `mixed_i = sum_(j <= i) (q_i . k_j) exp(g_(j+1) + ... + g_i) v_j` in every
/// head, the tokens those of the document where starts say where documents start.
///
/// # Shapes
/// - output: `[n, d]`, `n = batch time`
pub(super) fn residual(tensors: Tensors, form: &Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, qkv_dw, rate_h, bias_h, mixed_gain_d, out_dd } = tensors;
    let ([count, width], device) = (x_nd.dims(), x_nd.device());
    let Form { batch, time, heads, .. } = *form;
    let d_head = width / heads;
    let all_nw = norm(form.norm, x_nd.clone(), gain_d).matmul(qkv_dw);
    let part_bhtk = |part: usize| {
        let part_nd = all_nw.clone().narrow(1, part * width, width);
        part_nd.reshape([batch, time, heads, d_head]).swap_dims(1, 2)
    };
    let z_nh = all_nw.clone().narrow(1, 3 * width, heads) + bias_h.unsqueeze();
    let softplus_nh = activation::relu(z_nh.clone()) + z_nh.abs().neg().exp().log1p();
    let g_nh = softplus_nh * rate_h.exp().neg().unsqueeze();
    let g_bht = g_nh.reshape([batch, time, heads]).swap_dims(1, 2);
    let hidden_tt = tables::hidden_by(Reach::All, time, &device);
    let up_to_tt = hidden_tt.clone().exp().transpose();
    let sums = g_bht.reshape([batch * heads, time]).matmul(up_to_tt);
    let apart_bhtt =
        sums.clone().reshape([batch, heads, time, 1]) - sums.reshape([batch, heads, 1, time]);
    let mut apart_bhtt = apart_bhtt + hidden_tt.unsqueeze();
    if let Some(starts) = &form.starts {
        apart_bhtt = apart_bhtt + tables::hidden(starts, time, &device);
    }
    let pairs_bhtt = part_bhtk(0).matmul(part_bhtk(1).swap_dims(2, 3)) * apart_bhtt.exp();
    let mixed_bthk = pairs_bhtt.matmul(part_bhtk(2)).swap_dims(1, 2);
    let mixed_nd = norm(Norm::Rms, mixed_bthk.reshape([count, width]), mixed_gain_d);
    x_nd + mixed_nd.matmul(out_dd)
}
