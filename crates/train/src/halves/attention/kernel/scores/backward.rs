//! Backward: a block of keys at a time.

use super::turn::{Turned, back};
use super::{Room, Terms, future, gather, mask};
use crate::halves::attention::kernel::sight::Columns;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, for_lanes, vectorised};
use crate::ops::kernels::tile::{Left, Shape, product};
use crate::ops::kernels::transpose;
use pulp::Simd;
use std::ops::Range;

/// What the forward pass left and what it is given, that the gradients are made of.
#[derive(Clone, Copy)]
pub(in crate::halves::attention::kernel) struct Given<'a> {
    /// As [`forward`](super::forward) left it.
    pub(in crate::halves::attention::kernel) qkv: &'a [f32],
    pub(in crate::halves::attention::kernel) out: &'a [f32],
    pub(in crate::halves::attention::kernel) kept: &'a [f32],
    pub(in crate::halves::attention::kernel) roots: &'a [f32],
    /// Gradient of `out`.
    pub(in crate::halves::attention::kernel) dout: &'a [f32],
}

/// A head of queries, of a window or of one of its sequences.
#[derive(Clone, Copy)]
struct Queries<'a> {
    d_head: usize,
    /// `[k][t]` each: queries turned, and gradients of the output.
    q: &'a [f32],
    g: &'a [f32],
    /// Per query: top, reciprocal of the sum, and the output along its gradient.
    tops: &'a [f32],
    inverses: &'a [f32],
    along: &'a [f32],
}

/// Keys and values that queries see.
#[derive(Clone, Copy)]
struct Keys<'a> {
    /// `[k][j]` each, rows `stride` apart.
    k: &'a [f32],
    v: &'a [f32],
    stride: usize,
    /// `[j][k]`: the keys again.
    k_rows: &'a [f32],
}

/// Scratch of a block of keys, `[i][block]` each.
struct Scratch<'a> {
    shares: &'a mut [f32],
    slopes: &'a mut [f32],
}

/// Gradients that a block of keys adds to or writes.
struct Gradients<'a> {
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    stride: usize,
    /// Whether those of keys and values are added to what is there.
    add: bool,
    dq_rows: &'a mut [f32],
}

vectorised! {
    /// The gradient of qkv, and of the gains added to theirs: a block of keys at a time, with the keys
    /// of the block side by side in vectors.
    ///
    /// # Shapes
    /// - qkv, dqkv (written): `[d + 2 g, n]`, out, dout: `[d, n]`, all with rows a stride apart; dgains:
    ///   `[2, k]`, empty without gains
    pub(in crate::halves::attention::kernel) fn backward<'a, S>(
        simd;
        terms: &'a Terms<'a>,
        given: Given<'a>,
        dqkv: &'a mut [f32],
        dgains: &'a mut [f32],
    ) {
        let Terms { layout, sight, first_window, .. } = *terms;
        let Given { qkv, out, kept, roots, dout } = given;
        let (time, d_head) = (layout.shape.time, layout.d_head);
        let room = Room::new::<S>(terms);
        // Past the last token and the last dimension they stay zero.
        let token_room = || Buffer::zeros(room.time * room.row);
        let (mut k_rows, mut dq_rows) = (token_room(), token_room());
        let mut shares = Buffer::stale(room.time * room.block);
        let mut slopes = Buffer::stale(room.time * room.block);
        let mut along = Buffer::stale(time);
        let future = future(room.block, |query, key| key > query);
        let mut turned = Turned::new(terms, &room);
        let mut gathered = sight.columns.as_ref().map(|columns| Gathered::new(terms, columns, &room));
        for head in layout.heads() {
            turned.again(simd, terms, head, qkv, roots);
            let [q, k] = turned.of(terms, head, qkv);
            let [q_at, k_at, v_at] = head.starts;
            let v = &qkv[v_at..];
            let [out, g] = [out, dout].map(|data| &data[q_at..]);
            along.fill(0.0);
            for c in 0..d_head {
                let row = c * room.stride..c * room.stride + time;
                for_lanes!(S, simd, [o in &out[row.clone()], g in &g[row]], [sum of &mut along], {
                    (simd.mul_add_e_f32s(o, g, sum),)
                });
            }
            if head.opens {
                transpose(k, room.stride, (d_head, time), &mut k_rows, room.row);
            }
            dq_rows.fill(0.0);
            let (tops, inverses) = kept[head.index * 2 * time..][..2 * time].split_at(time);
            let first = sight.first_of(first_window + head.window);
            let all = Queries { d_head, q, g, tops, inverses, along: &along };
            let mut scratch = Scratch { shares: &mut shares, slopes: &mut slopes };
            let (before_v, dv) = dqkv.split_at_mut(v_at);
            let dk = &mut before_v[k_at..];
            for places in sight.sequences.iter().cloned() {
                let from = places.start;
                let (k, v, k_rows) = (&k[from..], &v[from..], &k_rows[from * room.row..]);
                let keys = Keys { k, v, stride: room.stride, k_rows };
                let mut to = Gradients {
                    dk: &mut dk[from..],
                    dv: &mut dv[from..],
                    stride: room.stride,
                    add: !head.opens,
                    dq_rows: &mut dq_rows[from * room.row..],
                };
                let queries = all.of(places.clone());
                let first = first.map(|first| &first[places]);
                for at in (0..queries.tops.len()).step_by(room.block) {
                    own_block(simd, &room, queries, keys, at, first, &future, &mut scratch, &mut to);
                }
            }
            if let Some(gathered) = &mut gathered {
                if head.opens {
                    gathered.take(k, v, d_head, &room);
                }
                let seen = gathered.columns.of(first_window + head.window, time);
                gathered.walk(simd, &room, all, seen, &mut scratch, &mut dq_rows);
                gathered.add_to(dk, dv, &room);
            }
            transpose(&dq_rows, room.row, (time, d_head), &mut dqkv[q_at..], room.stride);
            back(simd, terms, head, qkv, roots, &mut along, dqkv, dgains);
        }
    }
}

impl<'a> Queries<'a> {
    /// Those of one sequence.
    fn of(self, places: Range<usize>) -> Self {
        let some = |all: &'a [f32]| &all[places.clone()];
        Queries {
            q: &self.q[places.start..],
            g: &self.g[places.start..],
            tops: some(self.tops),
            inverses: some(self.inverses),
            along: some(self.along),
            ..self
        }
    }
}

/// The columns of a head of keys and values side by side, and their gradients.
struct Gathered<'a> {
    columns: &'a Columns<'a>,
    /// `[k][columns]` each.
    k: Buffer,
    v: Buffer,
    dk: Buffer,
    dv: Buffer,
    /// `[columns][k]`
    k_rows: Buffer,
}

impl<'a> Gathered<'a> {
    fn new(terms: &Terms, columns: &'a Columns<'a>, room: &Room) -> Self {
        let gathered = || room.gathered(terms);
        Gathered {
            columns,
            k: gathered(),
            v: gathered(),
            dk: gathered(),
            dv: gathered(),
            k_rows: Buffer::zeros(room.columns * room.row),
        }
    }

    fn take(&mut self, k: &[f32], v: &[f32], d_head: usize, room: &Room) {
        gather(self.columns, k, room.stride, &mut self.k, room.columns);
        gather(self.columns, v, room.stride, &mut self.v, room.columns);
        let sizes = (d_head, self.columns.places.len());
        transpose(&self.k, room.columns, sizes, &mut self.k_rows, room.row);
    }

    /// Walks their blocks.
    #[inline(always)]
    fn walk<S: Simd>(
        &mut self,
        simd: S,
        room: &Room,
        queries: Queries,
        seen: [&[u32]; 2],
        scratch: &mut Scratch,
        dq_rows: &mut [f32],
    ) {
        let keys = Keys { k: &self.k, v: &self.v, stride: room.columns, k_rows: &self.k_rows };
        let mut to = Gradients {
            dk: &mut self.dk,
            dv: &mut self.dv,
            stride: room.columns,
            add: false,
            dq_rows,
        };
        for at in (0..self.columns.places.len()).step_by(room.block) {
            block_of_columns(simd, room, queries, keys, at, seen, scratch, &mut to);
        }
    }

    /// Adds their gradients to those of all keys and values.
    fn add_to(&self, dk: &mut [f32], dv: &mut [f32], room: &Room) {
        for (all, gathered) in [(dk, &self.dk), (dv, &self.dv)] {
            let rows = all.chunks_mut(room.stride).zip(gathered.chunks_exact(room.columns));
            for (row, gathered) in rows {
                for (&place, gathered) in self.columns.places.iter().zip(gathered) {
                    row[place] += gathered;
                }
            }
        }
    }
}

/// What the block of keys of a sequence from `at` on gives: the queries are those from there to the last
/// that sees a key of the block.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
fn own_block<S: Simd>(
    simd: S,
    room: &Room,
    queries: Queries,
    keys: Keys,
    at: usize,
    first: Option<&[u32]>,
    future: &[f32],
    scratch: &mut Scratch,
    to: &mut Gradients,
) {
    let first = first.map(|first| &first[at..]);
    let rows = match first {
        Some(first) => first.partition_point(|&first| (first as usize) < at + room.block),
        None => queries.tops.len() - at,
    };
    cross_keys(simd, room, at, (rows, queries.d_head), queries.q, keys.k, scratch.shares);
    cross_keys(simd, room, at, (rows, queries.d_head), queries.g, keys.v, scratch.slopes);
    weigh(simd, room, queries, at..at + rows, scratch);
    let diagonal = rows.min(room.block) * room.block;
    mask(simd, future, &mut scratch.shares[..diagonal], 0.0);
    mask(simd, future, &mut scratch.slopes[..diagonal], 0.0);
    if let Some(first) = first {
        hide_earlier(&first[..rows], at, room.block, scratch.shares);
        hide_earlier(&first[..rows], at, room.block, scratch.slopes);
    }
    spread(simd, room, queries, keys, at..at + rows, at, scratch, to);
}

/// What the block of columns from `at` on gives, where `seen` says from which column to which each query
/// sees.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
fn block_of_columns<S: Simd>(
    simd: S,
    room: &Room,
    queries: Queries,
    keys: Keys,
    at: usize,
    seen: [&[u32]; 2],
    scratch: &mut Scratch,
    to: &mut Gradients,
) {
    let [from, end] = seen;
    let start = end.partition_point(|&end| end as usize <= at);
    let rows = from[start..].partition_point(|&from| (from as usize) < at + room.block);
    let shape = Shape { rows, depth: queries.d_head, b_stride: keys.stride, c_stride: room.block };
    let left = |x| Left::Columns(x, room.stride);
    product(simd, shape, 2, left(&queries.q[start..]), &keys.k[at..], scratch.shares, false);
    product(simd, shape, 2, left(&queries.g[start..]), &keys.v[at..], scratch.slopes, false);
    weigh(simd, room, queries, start..start + rows, scratch);
    for cells in [&mut *scratch.shares, &mut *scratch.slopes] {
        hide_earlier(&from[start..][..rows], at, room.block, cells);
        hide_later(&end[start..][..rows], at, room.block, cells);
    }
    spread(simd, room, queries, keys, start..start + rows, at, scratch, to);
}

/// Makes of scores the shares of the softmax, and of products of values with gradients of the output the
/// gradients of the scores.
#[inline(always)]
fn weigh<S: Simd>(
    simd: S,
    room: &Room,
    queries: Queries,
    seeing: Range<usize>,
    scratch: &mut Scratch,
) {
    let cells = seeing.len() * room.block;
    let Queries { tops, inverses, along, .. } = queries;
    let pairs = S::as_mut_simd_f32s(&mut scratch.shares[..cells]).0.chunks_exact_mut(2);
    let pairs = pairs.zip(S::as_mut_simd_f32s(&mut scratch.slopes[..cells]).0.chunks_exact_mut(2));
    let queries = tops[seeing.clone()].iter().zip(&inverses[seeing.clone()]).zip(&along[seeing]);
    for ((share, slope), ((top, inverse), along)) in pairs.zip(queries) {
        let (top, inverse) = (simd.splat_f32s(*top), simd.splat_f32s(*inverse));
        let along = simd.splat_f32s(*along);
        for half in 0..2 {
            let weight = exp(simd, simd.sub_f32s(share[half], top));
            share[half] = simd.mul_f32s(weight, inverse);
            slope[half] = simd.mul_f32s(share[half], simd.sub_f32s(slope[half], along));
        }
    }
}

/// Gradients of the block of keys and values from `at` on, and what it adds to those of its queries.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
fn spread<S: Simd>(
    simd: S,
    room: &Room,
    queries: Queries,
    keys: Keys,
    seeing: Range<usize>,
    at: usize,
    scratch: &Scratch,
    to: &mut Gradients,
) {
    let over_queries = Shape {
        rows: queries.d_head,
        depth: seeing.len(),
        b_stride: room.block,
        c_stride: to.stride,
    };
    let left = |x| Left::Rows(x, room.stride);
    let (dk, dv) = (&mut to.dk[at..], &mut to.dv[at..]);
    product(simd, over_queries, 2, left(&queries.q[seeing.start..]), scratch.slopes, dk, to.add);
    product(simd, over_queries, 2, left(&queries.g[seeing.start..]), scratch.shares, dv, to.add);
    let over_keys =
        Shape { rows: seeing.len(), depth: room.block, b_stride: room.row, c_stride: room.row };
    product(
        simd,
        over_keys,
        room.row / S::F32_LANES,
        Left::Rows(scratch.slopes, room.block),
        &keys.k_rows[at * room.row..],
        &mut to.dq_rows[seeing.start * room.row..],
        true,
    );
}

/// Zeroes what each query has of the keys of the block from `at` on that stand before the first that it
/// sees. Rows are queries.
fn hide_earlier(first: &[u32], at: usize, block: usize, cells: &mut [f32]) {
    for (first, row) in first.iter().zip(cells.chunks_mut(block)) {
        let hidden = (*first as usize).saturating_sub(at).min(block);
        row[..hidden].fill(0.0);
    }
}

/// Zeroes what each query has of the keys of the block from `at` on that it no longer sees from `end` on.
/// Rows are queries.
fn hide_later(end: &[u32], at: usize, block: usize, cells: &mut [f32]) {
    for (end, row) in end.iter().zip(cells.chunks_mut(block)) {
        let seen = (*end as usize).saturating_sub(at).min(block);
        row[seen..].fill(0.0);
    }
}

/// `[i][block]`: dot products of so many queries (or output gradients) `[k][t]` from `at` on with the
/// block of keys (or values) from there. The queries of the first vector's length do not see the
/// second, which is left as it is.
#[inline(always)]
fn cross_keys<S: Simd>(
    simd: S,
    room: &Room,
    at: usize,
    (count, d_head): (usize, usize),
    queries: &[f32],
    keys: &[f32],
    out: &mut [f32],
) {
    let near = S::F32_LANES.min(count);
    let shape = |rows| Shape { rows, depth: d_head, b_stride: room.stride, c_stride: room.block };
    let left = |from: usize| Left::Columns(&queries[from..], room.stride);
    product(simd, shape(near), 1, left(at), &keys[at..], out, false);
    if count > near {
        let rest = &mut out[near * room.block..];
        product(simd, shape(count - near), 2, left(at + near), &keys[at..], rest, false);
    }
}
