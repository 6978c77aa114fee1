//! Backward: a block of keys at a time.

use super::{Layout, Room, future, mask, rotate};
use crate::halves::attention::AttentionShape;
use crate::halves::attention::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, for_lanes, vectorised};
use crate::ops::kernels::tile::{Left, Shape, product};
use crate::ops::kernels::transpose;
use pulp::Simd;

vectorised! {
    /// The gradient of qkv: a block of keys at a time, with the keys of the block side by side in
    /// vectors.
    ///
    /// # Shapes
    /// - qkv, dqkv (written): `[3 d, n]`, out, dout: `[d, n]`, all with rows a stride apart; qkv
    ///   and kept as [`forward`] left them
    #[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
    pub(in crate::halves::attention::kernel) fn backward<'a, S>(
        simd;
        layout: &'a Layout,
        rotary: Option<&'a RotaryTable>,
        starts: Option<&'a [u32]>,
        qkv: &'a [f32],
        out: &'a [f32],
        kept: &'a [f32],
        dout: &'a [f32],
        dqkv: &'a mut [f32],
    ) {
        let AttentionShape { batch, time, heads, parametrization, .. } = layout.shape;
        let d_head = layout.d_head;
        let sizes = (time, d_head);
        let room = Room::new::<S>(layout);
        let scale = parametrization.score_scale(d_head);
        // Past the last token and the last dimension they stay zero.
        let token_room = || Buffer::zeros(room.time * room.row);
        let (mut k_rows, mut dq_rows) = (token_room(), token_room());
        let mut shares = Buffer::stale(room.time * room.block);
        let mut slopes = Buffer::stale(room.time * room.block);
        let mut along = Buffer::stale(time);
        let future = future(room.block, |query, key| key > query);
        // Window by window: what a block writes past the end of one the next one writes anew.
        for index in 0..batch * heads {
            let (window, head) = (index / heads, index % heads);
            let [q, k, v] = [0, 1, 2].map(|part| &qkv[layout.at(part, head, window)..]);
            let [out, g] = [out, dout].map(|data| &data[layout.at(0, head, window)..]);
            along.fill(0.0);
            for c in 0..d_head {
                let row = c * room.stride..c * room.stride + time;
                for_lanes!(S, simd, [o in &out[row.clone()], g in &g[row]], [sum of &mut along], {
                    (simd.mul_add_e_f32s(o, g, sum),)
                });
            }
            transpose(k, room.stride, (d_head, time), &mut k_rows, room.row);
            dq_rows.fill(0.0);
            let (tops, inverses) = kept[index * 2 * time..][..2 * time].split_at(time);
            let mut at = 0;
            while at < time {
                let rows = time - at;
                cross_keys(simd, &room, at, sizes, q, k, &mut shares);
                cross_keys(simd, &room, at, sizes, g, v, &mut slopes);
                let cells = rows * room.block;
                let pairs = S::as_mut_simd_f32s(&mut shares[..cells]).0.chunks_exact_mut(2);
                let pairs = pairs.zip(S::as_mut_simd_f32s(&mut slopes[..cells]).0.chunks_exact_mut(2));
                let queries = tops[at..].iter().zip(&inverses[at..]).zip(&along[at..]);
                for ((share, slope), ((top, inverse), along)) in pairs.zip(queries) {
                    let (top, inverse) = (simd.splat_f32s(*top), simd.splat_f32s(*inverse));
                    let along = simd.splat_f32s(*along);
                    for half in 0..2 {
                        let weight = exp(simd, simd.sub_f32s(share[half], top));
                        share[half] = simd.mul_f32s(weight, inverse);
                        slope[half] =
                            simd.mul_f32s(share[half], simd.sub_f32s(slope[half], along));
                    }
                }
                let diagonal = rows.min(room.block) * room.block;
                mask(simd, &future, &mut shares[..diagonal], 0.0);
                mask(simd, &future, &mut slopes[..diagonal], 0.0);
                if let Some(starts) = starts {
                    let starts = &starts[window * time + at..][..rows];
                    hide_earlier(starts, at, room.block, &mut shares);
                    hide_earlier(starts, at, room.block, &mut slopes);
                }
                let over_queries = Shape {
                    rows: d_head,
                    depth: rows,
                    b_stride: room.block,
                    c_stride: room.stride,
                };
                let left = |x| Left::Rows(x, room.stride);
                let dk = &mut dqkv[layout.at(1, head, window) + at..];
                product(simd, over_queries, 2, left(&q[at..]), &slopes, dk, false);
                let dv = &mut dqkv[layout.at(2, head, window) + at..];
                product(simd, over_queries, 2, left(&g[at..]), &shares, dv, false);
                let over_keys = Shape {
                    rows,
                    depth: room.block,
                    b_stride: room.row,
                    c_stride: room.row,
                };
                product(
                    simd,
                    over_keys,
                    room.row / S::F32_LANES,
                    Left::Rows(&slopes, room.block),
                    &k_rows[at * room.row..],
                    &mut dq_rows[at * room.row..],
                    true,
                );
                at += room.block;
            }
            let dq = &mut dqkv[layout.at(0, head, window)..];
            transpose(&dq_rows, room.row, sizes, dq, room.stride);
            rotate(simd, dq, room.stride, sizes, rotary, -1.0, scale);
            if rotary.is_some() {
                let dk = &mut dqkv[layout.at(1, head, window)..];
                rotate(simd, dk, room.stride, sizes, rotary, -1.0, 1.0);
            }
        }
    }
}

/// Zeroes what each query has of the keys of the block from `at` on that stand before its document. Rows are
/// queries.
fn hide_earlier(starts: &[u32], at: usize, block: usize, cells: &mut [f32]) {
    for (start, row) in starts.iter().zip(cells.chunks_mut(block)) {
        let hidden = (*start as usize).saturating_sub(at).min(block);
        row[..hidden].fill(0.0);
    }
}

/// `[i][block]`: dot products of the queries (or output gradients) `[k][t]` from `at` on with the
/// block of keys (or values) from there. The queries of the first vector's length do not see the
/// second, which is left as it is.
#[inline(always)]
fn cross_keys<S: Simd>(
    simd: S,
    room: &Room,
    at: usize,
    (time, d_head): (usize, usize),
    queries: &[f32],
    keys: &[f32],
    out: &mut [f32],
) {
    let near = S::F32_LANES.min(time - at);
    let shape = |rows| Shape { rows, depth: d_head, b_stride: room.stride, c_stride: room.block };
    let left = |from: usize| Left::Columns(&queries[from..], room.stride);
    product(simd, shape(near), 1, left(at), &keys[at..], out, false);
    if time > at + near {
        let rest = &mut out[near * room.block..];
        product(simd, shape(time - at - near), 2, left(at + near), &keys[at..], rest, false);
    }
}
