//! The forms with biases composed of stock operations: products of masked matrices.
//!
//! As on the kernel, the second half of a stretch of tokens meets the first in a product, and each half is split
//! likewise, so that the scale of a sum depends on no later token. Biases are not looked at here: those of a
//! query are to lie within 80 of each other, beyond which a small key with a large bias may be lost.

use super::composed::LOWEST;
use super::{Form, Tensors};
use crate::ops::composed::{norm, upload};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use std::ops::Range;

/// Most tokens whose pairs are spread out, a number a pair and channel.
const LEAF: usize = 8;

/// Sums of some queries over the weight `e^top`, `[b, n, d]` each. Tops cancel in the quotient of the sums, so
/// that they are constant for the gradient.
struct Sums {
    tops: Tensor<3>,
    sums: Tensor<3>,
    totals: Tensor<3>,
}

impl Sums {
    /// Sums of the same queries over other keys as well.
    fn and(self, other: Sums) -> Sums {
        let tops = self.tops.clone().max_pair(other.tops.clone());
        let falls = [(self.tops - tops.clone()).exp(), (other.tops - tops.clone()).exp()];
        let [own, others] = falls;
        Sums {
            tops,
            sums: self.sums * own.clone() + other.sums * others.clone(),
            totals: self.totals * own + other.totals * others,
        }
    }

    /// Sums of these queries, and of those after them.
    fn then(self, later: Sums) -> Sums {
        let both = |a, b| Tensor::cat(vec![a, b], 1);
        Sums {
            tops: both(self.tops, later.tops),
            sums: both(self.sums, later.sums),
            totals: both(self.totals, later.totals),
        }
    }
}

/// What a batch is summed up from.
struct Given {
    /// `[b, t, d]`
    keys: Tensor<3>,
    /// `[b, t, d]`
    values: Tensor<3>,
    /// `[t, t]`, 0 where there is none.
    biases: Tensor<2>,
    /// `[b, t]`, where the document of each token starts.
    starts: Option<Tensor<2, Int>>,
}

impl Given {
    /// Pairs within a stretch of tokens.
    fn stretch(&self, tokens: Range<usize>) -> Sums {
        if tokens.len() <= LEAF {
            return self.spread_out(tokens);
        }
        let middle = tokens.start + tokens.len().next_power_of_two() / 2;
        let first = self.stretch(tokens.start..middle);
        let across = self.tile(middle..tokens.end, tokens.start..middle);
        first.then(self.stretch(middle..tokens.end).and(across))
    }

    fn biases_of(&self, queries: &Range<usize>, keys: &Range<usize>) -> Tensor<2> {
        let rows = self.biases.clone().narrow(0, queries.start, queries.len());
        rows.narrow(1, keys.start, keys.len())
    }

    fn places(&self, tokens: &Range<usize>) -> Tensor<1, Int> {
        Tensor::arange(tokens.start as i64..tokens.end as i64, &self.keys.device())
    }

    /// Pairs of queries with keys that are all earlier. What a mask hides of these is the same for every query
    /// that sees any of them, since documents follow one another.
    fn tile(&self, queries: Range<usize>, keys: Range<usize>) -> Sums {
        let of = |all: &Tensor<3>| all.clone().narrow(1, keys.start, keys.len());
        let (mut k_bjd, v_bjd) = (of(&self.keys), of(&self.values));
        let batch = k_bjd.dims()[0];
        if let Some(starts_bt) = &self.starts {
            let first_b1 = starts_bt.clone().narrow(1, queries.start, 1);
            let places_1j = self.places(&keys).unsqueeze::<2>();
            let hidden_bj1 = places_1j.lower(first_b1).float().reshape([batch, keys.len(), 1]);
            k_bjd = k_bjd * (hidden_bj1.clone().neg() + 1.0) + hidden_bj1 * LOWEST;
        }
        let top_b1d = k_bjd.clone().detach().max_dim(1);
        let weights_bjd = (k_bjd - top_b1d.clone()).exp();
        let biases_qj = self.biases_of(&queries, &keys);
        let top_q1 = biases_qj.clone().detach().max_dim(1);
        let of_biases_1qj = (biases_qj - top_q1.clone()).exp().unsqueeze::<3>();
        let mut tops = top_b1d + top_q1.unsqueeze::<3>();
        if let Some(starts_bt) = &self.starts {
            let starts_bq = starts_bt.clone().narrow(1, queries.start, queries.len());
            let blind_bq = starts_bq.greater_equal_elem(keys.end as i32).float();
            tops = tops + blind_bq.reshape([batch, queries.len(), 1]) * LOWEST;
        }
        Sums {
            tops,
            sums: of_biases_1qj.clone().matmul(weights_bjd.clone() * v_bjd),
            totals: of_biases_1qj.matmul(weights_bjd),
        }
    }

    /// Pairs within a few tokens.
    fn spread_out(&self, tokens: Range<usize>) -> Sums {
        let (count, [batch, _, width]) = (tokens.len(), self.keys.dims());
        let of = |all: &Tensor<3>| {
            all.clone().narrow(1, tokens.start, count).reshape([batch, 1, count, width])
        };
        let places = self.places(&tokens);
        let later_qj =
            places.clone().reshape([1, count]).greater(places.clone().reshape([count, 1]));
        let mut hidden_bqj = later_qj.float().reshape([1, count, count]) * LOWEST;
        if let Some(starts_bt) = &self.starts {
            let starts_bq1 =
                starts_bt.clone().narrow(1, tokens.start, count).reshape([batch, count, 1]);
            let before_bqj = places.reshape([1, 1, count]).lower(starts_bq1).float();
            hidden_bqj = hidden_bqj + before_bqj * LOWEST;
        }
        let biases_bqj = self.biases_of(&tokens, &tokens).unsqueeze::<3>() + hidden_bqj;
        let along_bqjd = of(&self.keys) + biases_bqj.unsqueeze_dim::<4>(3);
        let top_bq1d = along_bqjd.clone().detach().max_dim(2);
        let weights_bqjd = (along_bqjd - top_bq1d.clone()).exp();
        let sum = |all: Tensor<4>| all.sum_dim(2).reshape([batch, count, width]);
        Sums {
            tops: top_bq1d.reshape([batch, count, width]),
            sums: sum(weights_bqjd.clone() * of(&self.values)),
            totals: sum(weights_bqjd),
        }
    }
}

/// Biases of all pairs of `time` places, `[t, t]`, from those of so many back from each: 0 elsewhere.
fn of_all_pairs(biases_ts: Tensor<2>, time: usize, window: usize, device: &Device) -> Tensor<2> {
    let width = biases_ts.dims()[1];
    // Pairs without a bias take the column of zeros after all others.
    let place = |query: usize, key: usize| match key <= query && query - key < window {
        true => (query - key) as i32,
        false => width as i32,
    };
    let places: Vec<i32> =
        (0..time).flat_map(|query| (0..time).map(move |key| place(query, key))).collect();
    let places = Tensor::<2, Int>::from_data(TensorData::new(places, [time, time]), device);
    Tensor::cat(vec![biases_ts, Tensor::zeros([time, 1], device)], 1).gather(1, places)
}

/// As the simple form, with the exponential of a bias for each pair of places in the weight of a token.
///
/// # Shapes
/// - output: `[n, d]`
pub(super) fn residual(tensors: Tensors, form: &Form) -> Tensor<2> {
    let Tensors { x_nd, gain_d, qkv_dw, out_dd, biases_ts } = tensors;
    let ([count, width], device) = (x_nd.dims(), x_nd.device());
    let (batch, time) = (form.batch, form.time);
    let qkv_btw =
        norm(form.norm, x_nd.clone(), gain_d).matmul(qkv_dw).reshape([batch, time, 3 * width]);
    let [q_btd, keys, values] =
        [0, 1, 2].map(|part| qkv_btw.clone().narrow(2, part * width, width));
    let biases_ts = biases_ts.expect("a form with biases");
    let biases = match form.window {
        None => biases_ts,
        Some(window) => of_all_pairs(biases_ts, time, window, &device),
    };
    let starts = form.starts.as_ref().map(|starts| {
        let starts: Vec<i32> = starts.iter().map(|&start| start as i32).collect();
        upload(&starts, &device).reshape([batch, time])
    });
    let all = Given { keys, values, biases, starts }.stretch(0..time);
    let mixed_btd = activation::sigmoid(q_btd) * (all.sums / all.totals);
    x_nd + mixed_btd.reshape([count, width]).matmul(out_dd)
}
