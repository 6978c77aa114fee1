//! Forward: a block of queries at a time.

use super::{Layout, Room, future, mask, rotate};
use crate::halves::attention::AttentionShape;
use crate::halves::attention::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, vectorised};
use crate::ops::kernels::tile::{Left, Shape, product};
use pulp::Simd;

/// One block of queries and the keys that they see.
#[derive(Clone, Copy)]
struct Block {
    /// First query.
    first: usize,
    /// Keys that the first vector of queries sees.
    near: usize,
    /// Keys that the second sees.
    all: usize,
}

impl Block {
    fn new(first: usize, time: usize, room: &Room) -> Self {
        Block { first, near: time.min(first + room.block / 2), all: time.min(first + room.block) }
    }
}

/// `[j][block]`: dot products of keys (or values) `[k][t]` with the queries (or output
/// gradients) of a block, for every key that the block sees. Where only the second vector of
/// queries sees the keys, the first is left as it is.
#[inline(always)]
fn cross<S: Simd>(
    simd: S,
    room: &Room,
    block: Block,
    d_head: usize,
    keys: &[f32],
    queries: &[f32],
    out: &mut [f32],
) {
    let shape = |rows| Shape { rows, depth: d_head, b_stride: room.stride, c_stride: room.block };
    product(
        simd,
        shape(block.near),
        2,
        Left::Columns(keys, room.stride),
        &queries[block.first..],
        out,
        false,
    );
    if block.all > block.near {
        let lanes = S::F32_LANES;
        product(
            simd,
            shape(block.all - block.near),
            1,
            Left::Columns(&keys[block.near..], room.stride),
            &queries[block.first + lanes..],
            &mut out[block.near * room.block + lanes..],
            false,
        );
    }
}

vectorised! {
    /// `softmax(q k^T / sqrt(k)) v`, token t over the tokens up to t, from where its
    /// document starts where `starts` say so. Leaves queries and keys
    /// rotated, queries also scaled, which is how [`backward`] wants them.
    ///
    /// `kept`, written: for each head of each window the largest score of every query, then the
    /// reciprocal of its softmax's denominator.
    ///
    /// # Shapes
    /// - qkv: `[3 d, n]`, out: `[d, n]`, both with rows a stride apart; kept: `[b h, 2, t]`
    pub(in crate::halves::attention::kernel) fn forward<'a, S>(
        simd;
        layout: &'a Layout,
        rotary: Option<&'a RotaryTable>,
        starts: Option<&'a [u32]>,
        qkv: &'a mut [f32],
        out: &'a mut [f32],
        kept: &'a mut [f32],
    ) {
        let AttentionShape { batch, time, heads, parametrization, .. } = layout.shape;
        let d_head = layout.d_head;
        let sizes = (time, d_head);
        let room = Room::new::<S>(layout);
        let scale = parametrization.score_scale(d_head);
        let mut scores = Buffer::stale(room.time * room.block);
        let mut mixed = Buffer::stale(d_head * room.block);
        // Rows are keys here, lanes queries.
        let future = future(room.block, |key, query| key > query);
        for index in 0..batch * heads {
            let (window, head) = (index / heads, index % heads);
            let q = &mut qkv[layout.at(0, head, window)..];
            rotate(simd, q, room.stride, sizes, rotary, 1.0, scale);
            if rotary.is_some() {
                let k = &mut qkv[layout.at(1, head, window)..];
                rotate(simd, k, room.stride, sizes, rotary, 1.0, 1.0);
            }
            let [q, k, v] = [0, 1, 2].map(|part| &qkv[layout.at(part, head, window)..]);
            let out = &mut out[layout.at(0, head, window)..];
            let (tops, inverses) = kept[index * 2 * time..][..2 * time].split_at_mut(time);
            let mut at = 0;
            while at < time {
                let block = Block::new(at, time, &room);
                let valid = room.block.min(time - at);
                cross(simd, &room, block, d_head, k, q, &mut scores);
                let diagonal = &mut scores[at * room.block..block.all * room.block];
                mask(simd, &future, diagonal, f32::NEG_INFINITY);
                if let Some(starts) = starts {
                    let starts = &starts[window * time + at..][..valid];
                    hide_earlier(starts, room.block, &mut scores);
                }
                let (top, inverse) = softmax(simd, &mut scores[..block.all * room.block]);
                let shape = Shape {
                    rows: d_head,
                    depth: block.all,
                    b_stride: room.block,
                    c_stride: room.block,
                };
                product(simd, shape, 2, Left::Rows(v, room.stride), &scores, &mut mixed, false);
                for c in 0..d_head {
                    let row = S::as_mut_simd_f32s(&mut mixed[c * room.block..(c + 1) * room.block]).0;
                    row[0] = simd.mul_f32s(row[0], inverse[0]);
                    row[1] = simd.mul_f32s(row[1], inverse[1]);
                    let to = c * room.stride + at;
                    out[to..to + valid].copy_from_slice(&mixed[c * room.block..][..valid]);
                }
                let lanes = S::F32_LANES;
                for half in 0..2 {
                    let from = at + half * lanes;
                    let to = time.min(from + lanes);
                    if from < to {
                        simd.partial_store_f32s(&mut tops[from..to], top[half]);
                        simd.partial_store_f32s(&mut inverses[from..to], inverse[half]);
                    }
                }
                at += room.block;
            }
        }
    }
}

/// Hides from each query of a block the keys before its document. Rows are keys, of which later queries
/// see no earlier ones.
fn hide_earlier(starts: &[u32], block: usize, scores: &mut [f32]) {
    let last = starts.last().map_or(0, |&start| start as usize);
    let mut from = 0;
    for (key, row) in scores.chunks_mut(block).take(last).enumerate() {
        while starts[from] as usize <= key {
            from += 1;
        }
        row[from..starts.len()].fill(f32::NEG_INFINITY);
    }
}

/// Makes `[j][2 vectors]` of scores `exp(score - top)`, with the top of each column; returns the
/// tops and the reciprocals of the columns' sums.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &mut [f32]) -> ([S::f32s; 2], [S::f32s; 2]) {
    let scores = S::as_mut_simd_f32s(scores).0;
    let lowest = simd.splat_f32s(f32::NEG_INFINITY);
    let mut top = [lowest; 4];
    let mut rows = scores.chunks_exact(4);
    for pair in &mut rows {
        for i in 0..4 {
            top[i] = simd.max_f32s(top[i], pair[i]);
        }
    }
    if let [a, b] = rows.remainder() {
        top[0] = simd.max_f32s(top[0], *a);
        top[1] = simd.max_f32s(top[1], *b);
    }
    let top = [simd.max_f32s(top[0], top[2]), simd.max_f32s(top[1], top[3])];
    let mut total = [simd.splat_f32s(0.0); 2];
    for row in scores.chunks_exact_mut(2) {
        for half in 0..2 {
            row[half] = exp(simd, simd.sub_f32s(row[half], top[half]));
            total[half] = simd.add_f32s(total[half], row[half]);
        }
    }
    let one = simd.splat_f32s(1.0);
    let inverse = [simd.div_f32s(one, total[0]), simd.div_f32s(one, total[1])];
    (top, inverse)
}
