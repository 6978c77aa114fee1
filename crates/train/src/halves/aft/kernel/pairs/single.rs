//! Pairs that are weighed one by one: those of tokens next to each other, and those whose biases are too far
//! apart for a product.

use super::super::span::Span;
use super::plan::Tile;
use super::tiles::join;
use crate::ops::kernels::lanes::{exp, vectorised};
use std::ops::Range;

/// Keys of a tile that a query sees, and where its biases for them begin.
fn seen(span: &Span, window: usize, tile: &Tile, query: usize) -> (Range<usize>, usize) {
    let first = tile.keys.start.max(span.start(window, query));
    let end = tile.keys.end.min(query + 1);
    let row = tile.at + (query - tile.queries.start) * tile.keys.len();
    (first..end, row + first.min(end) - tile.keys.start)
}

vectorised! {
    /// Adds sums over the pairs of some tiles to those of their tokens.
    ///
    /// # Shapes
    /// - qkv: `[n, 3, row]`; means, tops and sums and totals: `[3, n, row]`
    pub(super) fn add<'a, S>(
        simd;
        span: Span<'a>,
        tiles: &'a [Tile],
        biases: &'a [f32],
        qkv: &'a [f32],
        means: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let qkv = S::as_simd_f32s(qkv).0;
        let count = means.len() / 3;
        let (tops, rest) = means.split_at_mut(count);
        let (sums, totals) = rest.split_at_mut(count);
        let (tops, sums) = (S::as_mut_simd_f32s(tops).0, S::as_mut_simd_f32s(sums).0);
        let totals = S::as_mut_simd_f32s(totals).0;
        let zero = simd.splat_f32s(0.0);
        for window in 0..span.windows {
            for tile in tiles {
                for query in tile.queries.clone() {
                    let (keys, at) = seen(&span, window, tile, query);
                    let biases = &biases[at..][..keys.len()];
                    let row = span.row_of(window, query) * lanes;
                    let from = (3 * span.row_of(window, keys.start) + 1) * lanes;
                    let kv = &qkv[if keys.is_empty() { 0 } else { from }..];
                    for c in 0..lanes {
                        if keys.is_empty() {
                            continue;
                        }
                        let mut top = simd.splat_f32s(f32::NEG_INFINITY);
                        for (kv, bias) in kv.chunks(3 * lanes).zip(biases) {
                            let sum = simd.add_f32s(kv[c], simd.splat_f32s(*bias));
                            top = simd.max_f32s(top, sum);
                        }
                        let (mut sum, mut total) = (zero, zero);
                        for (kv, bias) in kv.chunks(3 * lanes).zip(biases) {
                            let key = simd.add_f32s(kv[c], simd.splat_f32s(*bias));
                            let weight = exp(simd, simd.sub_f32s(key, top));
                            sum = simd.mul_add_e_f32s(weight, kv[lanes + c], sum);
                            total = simd.add_f32s(total, weight);
                        }
                        let of_token = [&mut tops[row + c], &mut sums[row + c], &mut totals[row + c]];
                        join(simd, top, [sum, total], of_token);
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds gradients of keys and values, and writes those of biases to the place of each pair.
    ///
    /// # Shapes
    /// - qkv, dqkv: `[n, 3, row]`; means: `[3, n, row]`; open: `[n, row]`; dbiases: as biases
    #[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
    pub(super) fn backward<'a, S>(
        simd;
        span: Span<'a>,
        tiles: &'a [Tile],
        biases: &'a [f32],
        qkv: &'a [f32],
        means: &'a [f32],
        open: &'a [f32],
        dqkv: &'a mut [f32],
        dbiases: &'a mut [f32],
    ) {
        let lanes = span.row / S::F32_LANES;
        let (qkv, dqkv) = (S::as_simd_f32s(qkv).0, S::as_mut_simd_f32s(dqkv).0);
        let (tops, rest) = means.split_at(open.len());
        let (tops, means) = (S::as_simd_f32s(tops).0, S::as_simd_f32s(&rest[..open.len()]).0);
        let open = S::as_simd_f32s(open).0;
        for window in 0..span.windows {
            for tile in tiles {
                for query in tile.queries.clone() {
                    let (keys, at) = seen(&span, window, tile, query);
                    let row = span.row_of(window, query) * lanes;
                    let (tops, means) = (&tops[row..][..lanes], &means[row..][..lanes]);
                    let open = &open[row..][..lanes];
                    let biases = biases[at..][..keys.len()].iter().zip(&mut dbiases[at..]);
                    for (key, (bias, dbias)) in keys.zip(biases) {
                        let bias = simd.splat_f32s(*bias);
                        let row = (3 * span.row_of(window, key) + 1) * lanes;
                        let (k, v) = qkv[row..][..2 * lanes].split_at(lanes);
                        let (dk, dv) = dqkv[row..][..2 * lanes].split_at_mut(lanes);
                        let mut slope = simd.splat_f32s(0.0);
                        for c in 0..lanes {
                            let above = simd.sub_f32s(simd.add_f32s(k[c], bias), tops[c]);
                            let up = simd.mul_f32s(exp(simd, above), open[c]);
                            let along = simd.mul_f32s(up, simd.sub_f32s(v[c], means[c]));
                            dv[c] = simd.add_f32s(dv[c], up);
                            dk[c] = simd.add_f32s(dk[c], along);
                            slope = simd.add_f32s(slope, along);
                        }
                        *dbias += simd.reduce_sum_f32s(slope);
                    }
                }
            }
        }
    }
}
