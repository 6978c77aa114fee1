//! Keys that are far from all queries of a block: they have no biases, so that their sums are the same for the
//! whole block, and go on from block to block.

use super::super::span::Span;
use super::plan::Block;
use super::tiles::join;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, vectorised};

/// Far keys of a block that those before it do not have, cut to the document of its first query; and how many
/// of its queries see far keys.
fn of_block(span: &Span, window: usize, before: usize, block: &Block) -> ([usize; 2], usize) {
    let document = span.start(window, block.queries.start);
    let sees = |query: &usize| span.start(window, *query) < block.far;
    (
        [before.max(document).min(block.far), block.far],
        block.queries.clone().take_while(sees).count(),
    )
}

vectorised! {
    /// Adds the sums over far keys to those of the tokens of their blocks. The largest far keys of each block
    /// are kept.
    ///
    /// # Shapes
    /// - qkv: `[n, 3, row]`; means, tops and sums and totals: `[3, n, row]`
    pub(super) fn add<'a, S>(
        simd;
        span: Span<'a>,
        blocks: &'a [Block],
        qkv: &'a [f32],
        means: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let qkv = S::as_simd_f32s(qkv).0;
        let count = means.len() / 3;
        let (all_tops, rest) = means.split_at_mut(count);
        let (all_sums, all_totals) = rest.split_at_mut(count);
        let all_tops = S::as_mut_simd_f32s(all_tops).0;
        let all_sums = S::as_mut_simd_f32s(all_sums).0;
        let all_totals = S::as_mut_simd_f32s(all_totals).0;
        let mut state = [Buffer::stale(span.row), Buffer::stale(span.row), Buffer::stale(span.row)];
        let [tops, sums, totals] = &mut state;
        let (tops, sums) = (S::as_mut_simd_f32s(tops).0, S::as_mut_simd_f32s(sums).0);
        let totals = S::as_mut_simd_f32s(totals).0;
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        for window in 0..span.windows {
            let mut before = 0;
            for block in blocks {
                let ([first, end], seeing) = of_block(&span, window, before, block);
                if before == 0 || span.start(window, block.queries.start) >= before {
                    tops.fill(simd.splat_f32s(f32::NEG_INFINITY));
                    sums.fill(zero);
                    totals.fill(zero);
                }
                for key in first..end {
                    let row = (3 * span.row_of(window, key) + 1) * lanes;
                    let (k, v) = qkv[row..][..2 * lanes].split_at(lanes);
                    for c in 0..lanes {
                        let of_state = [&mut tops[c], &mut sums[c], &mut totals[c]];
                        join(simd, k[c], [v[c], one], of_state);
                    }
                }
                for query in block.queries.clone().take(seeing) {
                    let row = span.row_of(window, query) * lanes;
                    for c in 0..lanes {
                        let x = row + c;
                        let of_token = [&mut all_tops[x], &mut all_sums[x], &mut all_totals[x]];
                        join(simd, tops[c], [sums[c], totals[c]], of_token);
                    }
                }
                before = block.far;
            }
        }
    }
}

vectorised! {
    /// Adds the gradients of far keys and their values, from the last block to the first.
    ///
    /// # Shapes
    /// - qkv, dqkv: `[n, 3, row]`; means: `[3, n, row]`; open: `[n, row]`
    pub(super) fn backward<'a, S>(
        simd;
        span: Span<'a>,
        blocks: &'a [Block],
        qkv: &'a [f32],
        means: &'a [f32],
        open: &'a [f32],
        dqkv: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let (qkv, dqkv) = (S::as_simd_f32s(qkv).0, S::as_mut_simd_f32s(dqkv).0);
        let (token_tops, rest) = means.split_at(open.len());
        let means = S::as_simd_f32s(&rest[..open.len()]).0;
        let (token_tops, open) = (S::as_simd_f32s(token_tops).0, S::as_simd_f32s(open).0);
        let zero = simd.splat_f32s(0.0);
        let lowest = simd.splat_f32s(f32::NEG_INFINITY);
        // The largest far key of each block, from the start of the document of its first query.
        let mut all_tops = Buffer::stale(blocks.len() * span.row);
        let all_tops = S::as_mut_simd_f32s(&mut all_tops).0;
        let mut state = [Buffer::stale(span.row), Buffer::stale(span.row)];
        let [of_sums, of_totals] = &mut state;
        let (of_sums, of_totals) = (S::as_mut_simd_f32s(of_sums).0, S::as_mut_simd_f32s(of_totals).0);
        for window in 0..span.windows {
            for (at, block) in blocks.iter().enumerate() {
                let before = at.checked_sub(1).map_or(0, |at| blocks[at].far);
                let ([first, end], _) = of_block(&span, window, before, block);
                let goes_on = at > 0 && span.start(window, block.queries.start) < before;
                for c in 0..lanes {
                    let mut top = if goes_on { all_tops[(at - 1) * lanes + c] } else { lowest };
                    for key in first..end {
                        let k = qkv[(3 * span.row_of(window, key) + 1) * lanes + c];
                        top = simd.max_f32s(top, k);
                    }
                    all_tops[at * lanes + c] = top;
                }
            }
            of_sums.fill(zero);
            of_totals.fill(zero);
            for (at, block) in blocks.iter().enumerate().rev() {
                let before = at.checked_sub(1).map_or(0, |at| blocks[at].far);
                let ([first, end], seeing) = of_block(&span, window, before, block);
                let tops = &all_tops[at * lanes..][..lanes];
                for query in block.queries.clone().take(seeing) {
                    let row = span.row_of(window, query) * lanes;
                    for c in 0..lanes {
                        let share = exp(simd, simd.sub_f32s(tops[c], token_tops[row + c]));
                        let slope = simd.mul_f32s(open[row + c], share);
                        of_sums[c] = simd.add_f32s(of_sums[c], slope);
                        let slope = simd.mul_f32s(slope, means[row + c]);
                        of_totals[c] = simd.sub_f32s(of_totals[c], slope);
                    }
                }
                for key in first..end {
                    let row = (3 * span.row_of(window, key) + 1) * lanes;
                    let (k, v) = qkv[row..][..2 * lanes].split_at(lanes);
                    let (dk, dv) = dqkv[row..][..2 * lanes].split_at_mut(lanes);
                    for c in 0..lanes {
                        let weight = exp(simd, simd.sub_f32s(k[c], tops[c]));
                        let along = simd.mul_add_e_f32s(v[c], of_sums[c], of_totals[c]);
                        dk[c] = simd.mul_add_e_f32s(weight, along, dk[c]);
                        dv[c] = simd.mul_add_e_f32s(weight, of_sums[c], dv[c]);
                    }
                }
                let goes_on = at > 0 && span.start(window, block.queries.start) < before;
                for c in 0..lanes {
                    let fall = match goes_on {
                        true => exp(simd, simd.sub_f32s(all_tops[(at - 1) * lanes + c], tops[c])),
                        false => zero,
                    };
                    of_sums[c] = simd.mul_f32s(of_sums[c], fall);
                    of_totals[c] = simd.mul_f32s(of_totals[c], fall);
                }
            }
        }
    }
}
