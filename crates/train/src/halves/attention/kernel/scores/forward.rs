//! Forward: a block of queries at a time.

use super::turn::Turned;
use super::{Room, Terms, future, gather, mask};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, vectorised};
use crate::ops::kernels::tile::{Left, Shape, product};
use pulp::Simd;
use std::ops::Range;

/// One block of queries of a sequence, and the keys that they see.
#[derive(Clone, Copy)]
struct Block {
    /// First query.
    first: usize,
    /// First key that any of them sees.
    low: usize,
    /// End of the keys that the first vector of queries sees.
    near: usize,
    /// End of those that the second sees.
    all: usize,
}

impl Block {
    fn new(first: usize, low: usize, time: usize, room: &Room) -> Self {
        let (near, all) = (time.min(first + room.block / 2), time.min(first + room.block));
        Block { first, low, near, all }
    }
}

/// `[j][block]`: dot products of keys `[k][t]` with the queries of a block, for every key that the block
/// sees. Where only the second vector of queries sees the keys, the first is left as it is.
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
        shape(block.near - block.low),
        2,
        Left::Columns(&keys[block.low..], room.stride),
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
            &mut out[(block.near - block.low) * room.block + lanes..],
            false,
        );
    }
}

/// Columns that a sequence sees besides its own keys.
#[derive(Clone, Copy)]
struct Beside<'a> {
    /// `[k][columns]` each.
    k: &'a [f32],
    v: &'a [f32],
    /// For each query, the first column that it sees and the first that it no longer sees.
    seen: [&'a [u32]; 2],
}

impl Beside<'_> {
    /// Columns that a block of queries sees.
    fn of(&self, queries: Range<usize>) -> Range<usize> {
        let [from, to] = self.seen;
        from[queries.start] as usize..to[queries.end - 1] as usize
    }
}

/// One head of one sequence.
#[derive(Clone, Copy)]
struct Sequence<'a> {
    time: usize,
    d_head: usize,
    /// `[k][t]` each, turned and scaled.
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    /// First key that each query sees.
    first: Option<&'a [u32]>,
    beside: Option<Beside<'a>>,
}

/// Scratch of a block.
struct Scratch<'a> {
    scores: &'a mut [f32],
    mixed: &'a mut [f32],
    /// Rows are keys here, lanes queries.
    future: &'a [f32],
}

vectorised! {
    /// `softmax(q k^T / sqrt(k)) v` over the keys that the terms let each token see. Without gains it
    /// leaves queries and keys rotated, queries also scaled; with gains it leaves them as they were.
    /// That is how [`backward`] wants them.
    ///
    /// `kept`, written: for each head of each window the largest score of every query, then the
    /// reciprocal of its softmax's denominator. `roots`, written with gains: the factor of each head of
    /// queries, then of keys.
    ///
    /// # Shapes
    /// - qkv: `[d + 2 g, n]`, out: `[d, n]`, both with rows a stride apart; kept: `[b h, 2, t]`; roots:
    ///   `[b, h + g / k, t]`
    pub(in crate::halves::attention::kernel) fn forward<'a, S>(
        simd;
        terms: &'a Terms<'a>,
        qkv: &'a mut [f32],
        out: &'a mut [f32],
        kept: &'a mut [f32],
        roots: &'a mut [f32],
    ) {
        let Terms { layout, sight, first_window, .. } = *terms;
        let (time, d_head) = (layout.shape.time, layout.d_head);
        let room = Room::new::<S>(terms);
        let mut scores = Buffer::stale((room.time + room.columns) * room.block);
        let mut mixed = Buffer::stale(d_head * room.block);
        let future = future(room.block, |key, query| key > query);
        let mut turned = Turned::new(terms, &room);
        let (mut k_columns, mut v_columns) = (room.gathered(terms), room.gathered(terms));
        for head in layout.heads() {
            turned.turn(simd, terms, head, qkv, roots);
            let [q, k] = turned.of(terms, head, qkv);
            let [out_at, _, v_at] = head.starts;
            let (v, out) = (&qkv[v_at..], &mut out[out_at..]);
            let window = first_window + head.window;
            let beside = sight.columns.as_ref().map(|columns| {
                if head.opens {
                    gather(columns, k, room.stride, &mut k_columns, room.columns);
                    gather(columns, v, room.stride, &mut v_columns, room.columns);
                }
                Beside { k: &k_columns, v: &v_columns, seen: columns.of(window, time) }
            });
            let first = sight.first_of(window);
            let (tops, inverses) = kept[head.index * 2 * time..][..2 * time].split_at_mut(time);
            for places in sight.sequences.iter().cloned() {
                let [q, k, v] = [q, k, v].map(|rows| &rows[places.start..]);
                let out = &mut out[places.start..];
                let first = first.map(|first| &first[places.clone()]);
                let sequence = Sequence { time: places.len(), d_head, q, k, v, first, beside };
                let scratch = Scratch { scores: &mut scores, mixed: &mut mixed, future: &future };
                let (tops, inverses) = (&mut tops[places.clone()], &mut inverses[places]);
                attend(simd, &room, sequence, scratch, out, tops, inverses);
            }
        }
    }
}

/// Attention of one sequence.
#[inline(always)]
fn attend<S: Simd>(
    simd: S,
    room: &Room,
    sequence: Sequence,
    scratch: Scratch,
    out: &mut [f32],
    tops: &mut [f32],
    inverses: &mut [f32],
) {
    let Sequence { time, d_head, q, k, v, first, beside } = sequence;
    let Scratch { scores, mixed, future } = scratch;
    let lanes = S::F32_LANES;
    let mut at = 0;
    while at < time {
        let low = first.map_or(0, |first| first[at] as usize);
        let block = Block::new(at, low, time, room);
        let valid = room.block.min(time - at);
        let columns = match beside {
            Some(beside) => cross_columns(simd, room, beside, d_head, at..at + valid, q, scores),
            None => 0..0,
        };
        let own = &mut scores[columns.len() * room.block..];
        cross(simd, room, block, d_head, k, q, own);
        let diagonal = &mut own[(at - low) * room.block..(block.all - low) * room.block];
        mask(simd, future, diagonal, f32::NEG_INFINITY);
        if let Some(first) = first {
            hide_earlier(&first[at..][..valid], low, room.block, own);
        }
        let seen = columns.len() + block.all - low;
        let (top, inverse) = softmax(simd, &mut scores[..seen * room.block]);
        let shape = |depth, b_stride| Shape { rows: d_head, depth, b_stride, c_stride: room.block };
        if let Some(beside) = beside {
            let left = Left::Rows(&beside.v[columns.start..], room.columns);
            product(simd, shape(columns.len(), room.block), 2, left, scores, mixed, false);
        }
        let own = &scores[columns.len() * room.block..];
        let left = Left::Rows(&v[low..], room.stride);
        let add = beside.is_some();
        product(simd, shape(block.all - low, room.block), 2, left, own, mixed, add);
        for c in 0..d_head {
            let row = S::as_mut_simd_f32s(&mut mixed[c * room.block..(c + 1) * room.block]).0;
            row[0] = simd.mul_f32s(row[0], inverse[0]);
            row[1] = simd.mul_f32s(row[1], inverse[1]);
            let to = c * room.stride + at;
            out[to..to + valid].copy_from_slice(&mixed[c * room.block..][..valid]);
        }
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

/// As [`cross`] for the columns that a block of queries sees, which it returns; those that not all of
/// its queries see are hidden from the others.
#[inline(always)]
fn cross_columns<S: Simd>(
    simd: S,
    room: &Room,
    beside: Beside,
    d_head: usize,
    queries: Range<usize>,
    q: &[f32],
    out: &mut [f32],
) -> Range<usize> {
    let columns = beside.of(queries.clone());
    if columns.is_empty() {
        return 0..0;
    }
    let shape =
        Shape { rows: columns.len(), depth: d_head, b_stride: room.stride, c_stride: room.block };
    let left = Left::Columns(&beside.k[columns.start..], room.columns);
    product(simd, shape, 2, left, &q[queries.start..], out, false);
    let out = &mut out[..columns.len() * room.block];
    let [from, to] = beside.seen.map(|bounds| &bounds[queries.clone()]);
    hide_later(to, columns.start, room.block, out);
    hide_earlier(from, columns.start, room.block, out);
    columns
}

/// Hides from each query of a block the keys before the first that it sees. Rows are keys from `low` on,
/// of which later queries see no earlier ones.
fn hide_earlier(first: &[u32], low: usize, block: usize, scores: &mut [f32]) {
    let last = first.last().map_or(0, |&first| first as usize);
    let mut from = 0;
    for (key, row) in (low..last).zip(scores.chunks_mut(block)) {
        while first[from] as usize <= key {
            from += 1;
        }
        row[from..first.len()].fill(f32::NEG_INFINITY);
    }
}

/// Hides from each query of a block the keys from `end` on. Rows are keys from `low` on, of which later
/// queries see as many or more.
fn hide_later(end: &[u32], low: usize, block: usize, scores: &mut [f32]) {
    let seen_by_all = (end[0] as usize).saturating_sub(low);
    for (row, key) in scores.chunks_mut(block).zip(low..).skip(seen_by_all) {
        let hidden = end.partition_point(|&end| end as usize <= key);
        row[..hidden].fill(f32::NEG_INFINITY);
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
