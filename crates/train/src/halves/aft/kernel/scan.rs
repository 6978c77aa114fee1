//! Means over the tokens up to each one, weighted by the exponentials of keys, in one pass. The sums stand
//! over the weight of the largest key so far, so that no exponent is above 0 whatever the keys are, and no
//! token is touched by a later one.

use super::span::Span;
use crate::ops::kernels::activation::sigmoid;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, vectorised};

vectorised! {
    /// `sigmoid(q) mean(v)` of every token; the sigmoid is left in the place of the query.
    ///
    /// # Shapes
    /// - qkv: `[n, 3, row]`; means, written: `[3, n, row]`; mixed, written: `[n, row]`
    pub(super) fn forward<'a, S>(
        simd;
        span: Span<'a>,
        qkv: &'a mut [f32],
        means: &'a mut [f32],
        mixed: &'a mut [f32],
    ) {
        let row = span.row;
        let lanes = row / S::F32_LANES;
        let mut state = [Buffer::stale(row), Buffer::stale(row), Buffer::stale(row)];
        let [tops, sums, totals] = &mut state;
        let (tops, sums) = (S::as_mut_simd_f32s(tops).0, S::as_mut_simd_f32s(sums).0);
        let totals = S::as_mut_simd_f32s(totals).0;
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let (all_smaller, rest) = means.split_at_mut(mixed.len());
        let (all_inverses, all_means) = rest.split_at_mut(mixed.len());
        let all_smaller = S::as_mut_simd_f32s(all_smaller).0.chunks_exact_mut(lanes);
        let all_inverses = S::as_mut_simd_f32s(all_inverses).0.chunks_exact_mut(lanes);
        let all_means = S::as_mut_simd_f32s(all_means).0.chunks_exact_mut(lanes);
        let given = S::as_mut_simd_f32s(qkv).0.chunks_exact_mut(3 * lanes);
        let written = all_smaller.zip(all_inverses).zip(all_means);
        let rows = given.zip(S::as_mut_simd_f32s(mixed).0.chunks_exact_mut(lanes)).zip(written);
        for (at, ((qkv, mixed), ((to_smaller, to_inverse), to_mean))) in rows.enumerate() {
            if span.begins(at) {
                tops.fill(simd.splat_f32s(f32::NEG_INFINITY));
                sums.fill(zero);
                totals.fill(zero);
            }
            let (q, kv) = qkv.split_at_mut(lanes);
            let (k, v) = kv.split_at(lanes);
            for c in 0..lanes {
                let apart = simd.sub_f32s(k[c], tops[c]);
                let smaller = exp(simd, simd.neg_f32s(simd.abs_f32s(apart)));
                let rises = simd.less_than_f32s(tops[c], k[c]);
                let old = simd.select_f32s(rises, smaller, one);
                let new = simd.select_f32s(rises, one, smaller);
                tops[c] = simd.select_f32s(rises, k[c], tops[c]);
                sums[c] = simd.mul_add_e_f32s(old, sums[c], simd.mul_f32s(new, v[c]));
                totals[c] = simd.mul_add_e_f32s(old, totals[c], new);
                let inverse = simd.div_f32s(one, totals[c]);
                let mean = simd.mul_f32s(sums[c], inverse);
                to_smaller[c] = simd.select_f32s(rises, simd.neg_f32s(smaller), smaller);
                to_inverse[c] = inverse;
                to_mean[c] = mean;
                q[c] = sigmoid(simd, q[c]);
                mixed[c] = simd.mul_f32s(q[c], mean);
            }
        }
    }
}

vectorised! {
    /// Gradients of queries, keys and values, from the last token to the first.
    ///
    /// # Shapes
    /// - qkv with the sigmoids of queries, dqkv (written): `[n, 3, row]`; means: `[3, n, row]`; dmixed:
    ///   `[n, row]`
    pub(super) fn backward<'a, S>(
        simd;
        span: Span<'a>,
        qkv: &'a [f32],
        means: &'a [f32],
        dmixed: &'a [f32],
        dqkv: &'a mut [f32],
    ) {
        let row = span.row;
        let lanes = row / S::F32_LANES;
        // Gradients of the sums of weighted values and (negated) of weights, over the weight of the largest
        // key, and what the weights of this token and those before fall by at the token after.
        let mut state = [Buffer::zeros(row), Buffer::zeros(row), Buffer::zeros(row)];
        let [of_sums, of_totals, falls] = &mut state;
        let (of_sums, of_totals) = (S::as_mut_simd_f32s(of_sums).0, S::as_mut_simd_f32s(of_totals).0);
        let falls = S::as_mut_simd_f32s(falls).0;
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let (smaller, rest) = means.split_at(dmixed.len());
        let (inverses, means) = rest.split_at(dmixed.len());
        let (smaller, inverses) = (S::as_simd_f32s(smaller).0, S::as_simd_f32s(inverses).0);
        let (means, dmixed) = (S::as_simd_f32s(means).0, S::as_simd_f32s(dmixed).0);
        let (qkv, dqkv) = (S::as_simd_f32s(qkv).0, S::as_mut_simd_f32s(dqkv).0);
        // The sign of what is kept tells whether a key rises above all before, even where it is -0.
        let signs = simd.splat_u32s(i32::MAX as u32);
        let count = dmixed.len() / lanes;
        for at in (0..count).rev() {
            if at + 1 == count || span.begins(at + 1) {
                of_sums.fill(zero);
                of_totals.fill(zero);
            }
            let qkv = &qkv[3 * at * lanes..][..3 * lanes];
            let dqkv = &mut dqkv[3 * at * lanes..][..3 * lanes];
            for c in 0..lanes {
                let x = at * lanes + c;
                let (gate, v, mean) = (qkv[c], qkv[2 * lanes + c], means[x]);
                let open = simd.mul_f32s(dmixed[x], gate);
                let slope = simd.mul_f32s(open, simd.sub_f32s(one, gate));
                dqkv[c] = simd.mul_f32s(slope, mean);
                let of_sum = simd.mul_f32s(open, inverses[x]);
                of_sums[c] = simd.mul_add_e_f32s(falls[c], of_sums[c], of_sum);
                let of_total = simd.mul_f32s(of_sum, mean);
                of_totals[c] = simd.mul_add_e_f32s(falls[c], of_totals[c], of_total);
                let rises = simd.greater_than_u32s(simd.transmute_u32s_f32s(smaller[x]), signs);
                let size = simd.abs_f32s(smaller[x]);
                let weight = simd.select_f32s(rises, one, size);
                falls[c] = simd.select_f32s(rises, size, one);
                let along = simd.sub_f32s(simd.mul_f32s(v, of_sums[c]), of_totals[c]);
                dqkv[lanes + c] = simd.mul_f32s(weight, along);
                dqkv[2 * lanes + c] = simd.mul_f32s(weight, of_sums[c]);
            }
        }
    }
}
