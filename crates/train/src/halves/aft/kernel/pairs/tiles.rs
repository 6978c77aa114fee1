//! What stands before and after the products of a tile: weights of keys, sums that join those of other tiles,
//! and gradients.
//!
//! Sums of a tile stand over `e^m`, with m the largest key of the tile and channel plus the largest bias of the
//! tile and query; those of a token stand over the largest m of its tiles. So no exponent is above 0.

use super::super::span::Span;
use crate::ops::kernels::activation::sigmoid;
use crate::ops::kernels::lanes::{exp, vectorised};
use pulp::Simd;
use std::ops::Range;

/// Adds sums over the weight `e^top` to those of a token.
#[inline(always)]
pub(super) fn join<S: Simd>(
    simd: S,
    top: S::f32s,
    [sum, total]: [S::f32s; 2],
    [tops, sums, totals]: [&mut S::f32s; 3],
) {
    let one = simd.splat_f32s(1.0);
    let apart = simd.sub_f32s(top, *tops);
    let smaller = exp(simd, simd.neg_f32s(simd.abs_f32s(apart)));
    let rises = simd.less_than_f32s(*tops, top);
    let old = simd.select_f32s(rises, smaller, one);
    let new = simd.select_f32s(rises, one, smaller);
    *tops = simd.select_f32s(rises, top, *tops);
    *sums = simd.mul_add_e_f32s(old, *sums, simd.mul_f32s(new, sum));
    *totals = simd.mul_add_e_f32s(old, *totals, simd.mul_f32s(new, total));
}

vectorised! {
    /// Weights of keys over the largest of each channel, times values, and themselves.
    ///
    /// # Shapes
    /// - qkv: `[n, 3, row]`; tops, written: `[windows, row]`; weighted, written: `[keys, windows, 2, row]`
    pub(super) fn weigh<'a, S>(
        simd;
        span: Span<'a>,
        keys: Range<usize>,
        qkv: &'a [f32],
        tops: &'a mut [f32],
        weighted: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let (qkv, tops) = (S::as_simd_f32s(qkv).0, S::as_mut_simd_f32s(tops).0);
        let weighted = S::as_mut_simd_f32s(weighted).0;
        for (window, tops) in tops.chunks_exact_mut(lanes).enumerate() {
            tops.fill(simd.splat_f32s(f32::NEG_INFINITY));
            for key in keys.clone() {
                let k = &qkv[(3 * span.row_of(window, key) + 1) * lanes..][..lanes];
                for (top, k) in tops.iter_mut().zip(k) {
                    *top = simd.max_f32s(*top, *k);
                }
            }
            for (at, key) in keys.clone().enumerate() {
                let kv = &qkv[(3 * span.row_of(window, key) + 1) * lanes..][..2 * lanes];
                let (k, v) = kv.split_at(lanes);
                let to = &mut weighted[2 * (at * span.windows + window) * lanes..][..2 * lanes];
                let (values, weights) = to.split_at_mut(lanes);
                for c in 0..lanes {
                    let weight = exp(simd, simd.sub_f32s(k[c], tops[c]));
                    values[c] = simd.mul_f32s(weight, v[c]);
                    weights[c] = weight;
                }
            }
        }
    }
}

vectorised! {
    /// Adds the sums of a tile's first queries to those of their tokens.
    ///
    /// # Shapes
    /// - of_keys: `[windows, row]`; of_queries: the tops of biases; sums: `[queries, windows, 2, row]`; means,
    ///   tops and sums and totals: `[3, n, row]`
    pub(super) fn add<'a, S>(
        simd;
        span: Span<'a>,
        queries: Range<usize>,
        of_keys: &'a [f32],
        of_queries: &'a [f32],
        sums: &'a [f32],
        means: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let (of_keys, sums) = (S::as_simd_f32s(of_keys).0, S::as_simd_f32s(sums).0);
        let count = means.len() / 3;
        let (tops, rest) = means.split_at_mut(count);
        let (all_sums, totals) = rest.split_at_mut(count);
        let (tops, all_sums) = (S::as_mut_simd_f32s(tops).0, S::as_mut_simd_f32s(all_sums).0);
        let totals = S::as_mut_simd_f32s(totals).0;
        for (window, of_keys) in of_keys.chunks_exact(lanes).enumerate() {
            for ((at, query), bias) in queries.clone().enumerate().zip(of_queries) {
                let bias = simd.splat_f32s(*bias);
                let from = &sums[2 * (at * span.windows + window) * lanes..][..2 * lanes];
                let (sum, total) = from.split_at(lanes);
                let row = span.row_of(window, query) * lanes;
                let tops = &mut tops[row..][..lanes];
                let (sums, totals) = (&mut all_sums[row..][..lanes], &mut totals[row..][..lanes]);
                for c in 0..lanes {
                    let top = simd.add_f32s(of_keys[c], bias);
                    let of_token = [&mut tops[c], &mut sums[c], &mut totals[c]];
                    join(simd, top, [sum[c], total[c]], of_token);
                }
            }
        }
    }
}

vectorised! {
    /// Gated means from sums. Sums become means, totals their inverses, and queries their sigmoids.
    ///
    /// # Shapes
    /// - qkv: `[n, 3, row]`; means: `[3, n, row]`; mixed, written: `[n, row]`
    pub(super) fn finish<'a, S>(
        simd;
        row: usize,
        qkv: &'a mut [f32],
        means: &'a mut [f32],
        mixed: &'a mut [f32],
    ) {
        let lanes = row / S::F32_LANES;
        let (_, rest) = means.split_at_mut(mixed.len());
        let (sums, totals) = rest.split_at_mut(mixed.len());
        let sums = S::as_mut_simd_f32s(sums).0.chunks_exact_mut(lanes);
        let totals = S::as_mut_simd_f32s(totals).0.chunks_exact_mut(lanes);
        let mixed = S::as_mut_simd_f32s(mixed).0.chunks_exact_mut(lanes);
        let one = simd.splat_f32s(1.0);
        let rows = S::as_mut_simd_f32s(qkv).0.chunks_exact_mut(3 * lanes).zip(mixed);
        for ((qkv, mixed), (sums, totals)) in rows.zip(sums.zip(totals)) {
            for c in 0..lanes {
                totals[c] = simd.div_f32s(one, totals[c]);
                sums[c] = simd.mul_f32s(sums[c], totals[c]);
                qkv[c] = sigmoid(simd, qkv[c]);
                mixed[c] = simd.mul_f32s(qkv[c], sums[c]);
            }
        }
    }
}

vectorised! {
    /// Gradients of queries, and those of means over the sums of weights. Gradients of keys and values begin
    /// at 0.
    ///
    /// # Shapes
    /// - qkv with the sigmoids of queries, dqkv (written): `[n, 3, row]`; means: `[3, n, row]`; dmixed, open
    ///   (written): `[n, row]`
    pub(super) fn begin<'a, S>(
        simd;
        row: usize,
        qkv: &'a [f32],
        means: &'a [f32],
        dmixed: &'a [f32],
        dqkv: &'a mut [f32],
        open: &'a mut [f32],
    ) {
        let lanes = row / S::F32_LANES;
        let (_, rest) = means.split_at(dmixed.len());
        let (means, inverses) = rest.split_at(dmixed.len());
        let means = S::as_simd_f32s(means).0.chunks_exact(lanes);
        let inverses = S::as_simd_f32s(inverses).0.chunks_exact(lanes);
        let open = S::as_mut_simd_f32s(open).0.chunks_exact_mut(lanes);
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let dqkv = S::as_mut_simd_f32s(dqkv).0.chunks_exact_mut(3 * lanes);
        let rows = S::as_simd_f32s(qkv).0.chunks_exact(3 * lanes).zip(dqkv);
        let rows = rows.zip(S::as_simd_f32s(dmixed).0.chunks_exact(lanes));
        for (((gates, dqkv), dmixed), ((means, inverses), open)) in
            rows.zip(means.zip(inverses).zip(open))
        {
            for c in 0..lanes {
                let slope = simd.mul_f32s(dmixed[c], gates[c]);
                open[c] = simd.mul_f32s(slope, inverses[c]);
                let slope = simd.mul_f32s(slope, simd.sub_f32s(one, gates[c]));
                dqkv[c] = simd.mul_f32s(slope, means[c]);
            }
            dqkv[lanes..].fill(zero);
        }
    }
}

vectorised! {
    /// Gradients of a tile's sums, of weighted values and of weights, over the weights that they stand over; 0
    /// for queries that do not see the tile.
    ///
    /// # Shapes
    /// - of_keys, of_queries, means: as those of [`add`]; open: `[n, row]`; slopes, written: `[queries, windows,
    ///   2, row]`
    #[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
    pub(super) fn slopes<'a, S>(
        simd;
        span: Span<'a>,
        queries: Range<usize>,
        seeing: usize,
        of_keys: &'a [f32],
        of_queries: &'a [f32],
        means: &'a [f32],
        open: &'a [f32],
        slopes: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let (of_keys, slopes) = (S::as_simd_f32s(of_keys).0, S::as_mut_simd_f32s(slopes).0);
        let (tops, rest) = means.split_at(open.len());
        let (tops, means) = (S::as_simd_f32s(tops).0, S::as_simd_f32s(&rest[..open.len()]).0);
        let open = S::as_simd_f32s(open).0;
        slopes[2 * seeing * span.windows * lanes..].fill(simd.splat_f32s(0.0));
        for (window, of_keys) in of_keys.chunks_exact(lanes).enumerate() {
            for ((at, query), bias) in queries.clone().enumerate().take(seeing).zip(of_queries) {
                let bias = simd.splat_f32s(*bias);
                let to = &mut slopes[2 * (at * span.windows + window) * lanes..][..2 * lanes];
                let (of_sums, of_totals) = to.split_at_mut(lanes);
                let row = span.row_of(window, query) * lanes;
                let (tops, means) = (&tops[row..][..lanes], &means[row..][..lanes]);
                let open = &open[row..][..lanes];
                for c in 0..lanes {
                    let top = simd.add_f32s(of_keys[c], bias);
                    let share = exp(simd, simd.sub_f32s(top, tops[c]));
                    of_sums[c] = simd.mul_f32s(open[c], share);
                    of_totals[c] = simd.neg_f32s(simd.mul_f32s(of_sums[c], means[c]));
                }
            }
        }
    }
}

vectorised! {
    /// Adds to the gradients of keys and values those of their weights times values, and of their weights.
    ///
    /// # Shapes
    /// - weighted: as that of [`weigh`]; of_weighted: likewise; qkv, dqkv: `[n, 3, row]`
    pub(super) fn spread<'a, S>(
        simd;
        span: Span<'a>,
        keys: Range<usize>,
        weighted: &'a [f32],
        of_weighted: &'a [f32],
        qkv: &'a [f32],
        dqkv: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let (qkv, dqkv) = (S::as_simd_f32s(qkv).0, S::as_mut_simd_f32s(dqkv).0);
        let (weighted, of_weighted) = (S::as_simd_f32s(weighted).0, S::as_simd_f32s(of_weighted).0);
        for window in 0..span.windows {
            for (at, key) in keys.clone().enumerate() {
                let from = 2 * (at * span.windows + window) * lanes;
                let weights = &weighted[from + lanes..][..lanes];
                let (of_values, of_weights) = of_weighted[from..][..2 * lanes].split_at(lanes);
                let row = (3 * span.row_of(window, key) + 1) * lanes;
                let v = &qkv[row + lanes..][..lanes];
                let (dk, dv) = dqkv[row..][..2 * lanes].split_at_mut(lanes);
                for c in 0..lanes {
                    let along = simd.mul_add_e_f32s(v[c], of_values[c], of_weights[c]);
                    dk[c] = simd.mul_add_e_f32s(weights[c], along, dk[c]);
                    dv[c] = simd.mul_add_e_f32s(weights[c], of_values[c], dv[c]);
                }
            }
        }
    }
}
