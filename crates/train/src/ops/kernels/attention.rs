//! Causal attention over the lower triangle, one head of one window at a time. Forward goes by
//! blocks of queries, backward by blocks of keys, and the block lies along the vectors: so neither
//! the softmax nor the sums over the other side ever run across a vector.

use super::buffer::Buffer;
use super::lanes::{exp, for_lanes, vectorised};
use super::tile::{Left, Shape, product};
use super::transpose;
use crate::ops::attention::AttentionShape;
use crate::ops::rotary::RotaryTable;
use pulp::Simd;

/// Where queries, keys and values lie: row `part * d + head * k + c`, column `window * t + token`,
/// rows `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) shape: AttentionShape,
    pub(super) d_head: usize,
    stride: usize,
}

/// Columns after the last token: a block that starts at a token may be read and written whole.
const SLACK: usize = 32;

impl Layout {
    pub(super) fn new(shape: AttentionShape, d_head: usize) -> Self {
        Layout {
            shape,
            d_head,
            // The slack also keeps rows from falling on the same lines of the cache where their
            // length is a power of two.
            stride: shape.batch * shape.time + SLACK,
        }
    }

    /// From one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    fn width(&self) -> usize {
        self.shape.heads * self.d_head
    }

    /// Start of a head's rows of one window, of part 0, 1 or 2.
    fn at(&self, part: usize, head: usize, window: usize) -> usize {
        (part * self.width() + head * self.d_head) * self.stride + window * self.shape.time
    }
}

/// Sizes of the scratch of one head.
#[derive(Clone, Copy)]
struct Room {
    /// Queries or keys of a block: two vectors.
    block: usize,
    /// Rows of scores: a whole number of blocks.
    time: usize,
    /// Width of rows over a head: a whole number of vectors.
    row: usize,
    /// Of the layout.
    stride: usize,
}

impl Room {
    fn new<S: Simd>(layout: &Layout) -> Self {
        let block = 2 * S::F32_LANES;
        assert!(block <= SLACK, "a block is read whole");
        Room {
            block,
            time: layout.shape.time.next_multiple_of(block),
            row: layout.d_head.next_multiple_of(S::F32_LANES),
            stride: layout.stride,
        }
    }
}

/// Turns dimension i of `[k][t]` with dimension `i + k/2` and scales; back with `direction` -1.
#[inline(always)]
fn rotate<S: Simd>(
    simd: S,
    x: &mut [f32],
    stride: usize,
    (time, d_head): (usize, usize),
    table: Option<&RotaryTable>,
    direction: f32,
    scale: f32,
) {
    let factor = simd.splat_f32s(scale);
    let Some(table) = table else {
        for c in 0..d_head {
            let row = &mut x[c * stride..c * stride + time];
            for_lanes!(S, simd, [], [x of row], (simd.mul_f32s(x, factor),));
        }
        return;
    };
    let half = d_head / 2;
    let context = table.context;
    let sign = simd.splat_f32s(direction);
    let (first, second) = x.split_at_mut(half * stride);
    for i in 0..half {
        let a = &mut first[i * stride..i * stride + time];
        let b = &mut second[i * stride..i * stride + time];
        let cos = &table.cos_kt[i * context..i * context + time];
        let sin = &table.sin_kt[i * context..i * context + time];
        for_lanes!(S, simd, [cos in cos, sin in sin], [a of a, b of b], {
            let cos = simd.mul_f32s(cos, factor);
            let sin = simd.mul_f32s(simd.mul_f32s(sin, sign), factor);
            let minus = simd.neg_f32s(sin);
            (
                simd.mul_add_e_f32s(b, minus, simd.mul_f32s(a, cos)),
                simd.mul_add_e_f32s(a, sin, simd.mul_f32s(b, cos)),
            )
        });
    }
}

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
        Block {
            first,
            near: time.min(first + room.block / 2),
            all: time.min(first + room.block),
        }
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
    let shape = |rows| Shape {
        rows,
        depth: d_head,
        b_stride: room.stride,
        c_stride: room.block,
    };
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

/// Sets to `value` where a key is after its query.
#[inline(always)]
fn mask(room: &Room, block: Block, scores: &mut [f32], value: f32) {
    for j in block.first..block.all {
        let row = &mut scores[j * room.block..(j + 1) * room.block];
        row[..j - block.first].fill(value);
    }
}

vectorised! {
    /// `softmax(q k^T / sqrt(k)) v`, token t over the tokens up to t. Leaves queries and keys
    /// rotated, queries also scaled, which is how [`backward`] wants them.
    ///
    /// `kept`, written: for each head of each window the largest score of every query, then the
    /// reciprocal of its softmax's denominator.
    ///
    /// # Shapes
    /// - qkv: `[3 d, n]`, out: `[d, n]`, both with rows a stride apart; kept: `[b h, 2, t]`
    pub(super) fn forward<'a, S>(
        simd;
        layout: &'a Layout,
        rotary: Option<&'a RotaryTable>,
        qkv: &'a mut [f32],
        out: &'a mut [f32],
        kept: &'a mut [f32],
    ) {
        let AttentionShape { batch, time, heads } = layout.shape;
        let d_head = layout.d_head;
        let sizes = (time, d_head);
        let room = Room::new::<S>(layout);
        let scale = (d_head as f32).sqrt().recip();
        let mut scores = Buffer::stale(room.time * room.block);
        let mut mixed = Buffer::stale(d_head * room.block);
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
                mask(&room, block, &mut scores, f32::NEG_INFINITY);
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

vectorised! {
    /// The gradient of qkv: a block of keys at a time, with the keys of the block side by side in
    /// vectors.
    ///
    /// # Shapes
    /// - qkv, dqkv (written): `[3 d, n]`, out, dout: `[d, n]`, all with rows a stride apart; qkv
    ///   and kept as [`forward`] left them
    #[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
    pub(super) fn backward<'a, S>(
        simd;
        layout: &'a Layout,
        rotary: Option<&'a RotaryTable>,
        qkv: &'a [f32],
        out: &'a [f32],
        kept: &'a [f32],
        dout: &'a [f32],
        dqkv: &'a mut [f32],
    ) {
        let AttentionShape { batch, time, heads } = layout.shape;
        let d_head = layout.d_head;
        let sizes = (time, d_head);
        let room = Room::new::<S>(layout);
        let scale = (d_head as f32).sqrt().recip();
        // Past the last token and the last dimension they stay zero.
        let token_room = || Buffer::zeros(room.time * room.row);
        let (mut k_rows, mut dq_rows) = (token_room(), token_room());
        let mut shares = Buffer::stale(room.time * room.block);
        let mut slopes = Buffer::stale(room.time * room.block);
        let mut along = Buffer::stale(time);
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
                // Keys after the query.
                for row in 0..rows.min(room.block) {
                    let future = row * room.block + row + 1..(row + 1) * room.block;
                    shares[future.clone()].fill(0.0);
                    slopes[future].fill(0.0);
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
    let shape = |rows| Shape {
        rows,
        depth: d_head,
        b_stride: room.stride,
        c_stride: room.block,
    };
    let left = |from: usize| Left::Columns(&queries[from..], room.stride);
    product(simd, shape(near), 1, left(at), &keys[at..], out, false);
    if time > at + near {
        let rest = &mut out[near * room.block..];
        product(
            simd,
            shape(time - at - near),
            2,
            left(at + near),
            &keys[at..],
            rest,
            false,
        );
    }
}
