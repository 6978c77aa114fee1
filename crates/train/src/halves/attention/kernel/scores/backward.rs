//! Backward: a block of keys at a time.

use super::turn::{normalise, normalise_back, rotate};
use super::{Room, Terms, future, gather, mask};
use crate::halves::attention::AttentionShape;
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

/// One head of one window, or of one of its sequences.
#[derive(Clone, Copy)]
struct Head<'a> {
    d_head: usize,
    /// `[k][t]` each: queries, and gradients of the output.
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
        let Terms { layout, sight, first_window, rotary, gains } = *terms;
        let Given { qkv, out, kept, roots, dout } = given;
        let AttentionShape { batch, time, heads, parametrization, .. } = layout.shape;
        let d_head = layout.d_head;
        let sizes = (time, d_head);
        let room = Room::new::<S>(terms);
        let stride = room.stride;
        let scale = parametrization.score_scale(d_head);
        // Past the last token and the last dimension they stay zero.
        let token_room = || Buffer::zeros(room.time * room.row);
        let (mut k_rows, mut dq_rows) = (token_room(), token_room());
        let mut shares = Buffer::stale(room.time * room.block);
        let mut slopes = Buffer::stale(room.time * room.block);
        let mut along = Buffer::stale(time);
        let future = future(room.block, |query, key| key > query);
        let (mut q_head, mut k_head) = (room.head(terms), room.head(terms));
        let [mut k_columns, mut v_columns, mut dk_columns, mut dv_columns] =
            [(); 4].map(|()| room.gathered(terms));
        let mut k_columns_rows = Buffer::zeros(room.columns * room.row);
        let (dq_gain, dk_gain) = dgains.split_at_mut(dgains.len() / 2);
        // Window by window: what a block writes past the end of one the next one writes anew.
        for index in 0..batch * heads {
            let (window, head) = (index / heads, index % heads);
            let group = head / layout.sharing();
            let first_of_group = head.is_multiple_of(layout.sharing());
            let last_of_group = (head + 1).is_multiple_of(layout.sharing());
            let [q_at, k_at, v_at] =
                [(0, head), (1, group), (2, group)].map(|(part, head)| layout.at(part, head, window));
            let root_of = |head: usize| &roots[(window * layout.turned_heads() + head) * time..][..time];
            if let Some([q_gain, k_gain]) = gains {
                let (x, of_q) = (&qkv[q_at..], root_of(head));
                normalise(simd, x, stride, time, q_gain, of_q, &mut q_head);
                rotate(simd, &mut q_head, stride, sizes, rotary, 1.0, scale);
                if first_of_group {
                    let (x, of_k) = (&qkv[k_at..], root_of(heads + group));
                    normalise(simd, x, stride, time, k_gain, of_k, &mut k_head);
                    if rotary.is_some() {
                        rotate(simd, &mut k_head, stride, sizes, rotary, 1.0, 1.0);
                    }
                }
            }
            let v = &qkv[v_at..];
            let (q, k) = match gains {
                Some(_) => (&q_head[..], &k_head[..]),
                None => (&qkv[q_at..], &qkv[k_at..]),
            };
            let [out, g] = [out, dout].map(|data| &data[q_at..]);
            along.fill(0.0);
            for c in 0..d_head {
                let row = c * stride..c * stride + time;
                for_lanes!(S, simd, [o in &out[row.clone()], g in &g[row]], [sum of &mut along], {
                    (simd.mul_add_e_f32s(o, g, sum),)
                });
            }
            if first_of_group {
                transpose(k, stride, (d_head, time), &mut k_rows, room.row);
            }
            dq_rows.fill(0.0);
            let (tops, inverses) = kept[index * 2 * time..][..2 * time].split_at(time);
            let first = sight.first_of(first_window + window);
            for places in sight.sequences.iter().cloned() {
                let (from, time) = (places.start, places.len());
                let first = first.map(|first| &first[places.clone()]);
                let [tops, inverses, along] =
                    [tops, inverses, &along[..]].map(|all| &all[places.clone()]);
                let head = Head { d_head, q: &q[from..], g: &g[from..], tops, inverses, along };
                let keys = Keys {
                    k: &k[from..],
                    v: &v[from..],
                    stride,
                    k_rows: &k_rows[from * room.row..],
                };
                let (before, dv) = dqkv.split_at_mut(v_at);
                let mut to = Gradients {
                    dk: &mut before[k_at + from..],
                    dv: &mut dv[from..],
                    stride,
                    add: !first_of_group,
                    dq_rows: &mut dq_rows[from * room.row..],
                };
                let mut scratch = Scratch { shares: &mut shares, slopes: &mut slopes };
                for at in (0..time).step_by(room.block) {
                    own_block(simd, &room, head, keys, at, first, &future, &mut scratch, &mut to);
                }
            }
            if let Some(columns) = &sight.columns {
                if first_of_group {
                    gather(columns, k, stride, &mut k_columns, room.columns);
                    gather(columns, v, stride, &mut v_columns, room.columns);
                    let sizes = (d_head, columns.places.len());
                    transpose(&k_columns, room.columns, sizes, &mut k_columns_rows, room.row);
                }
                let head = Head { d_head, q, g, tops, inverses, along: &along };
                let keys = Keys {
                    k: &k_columns,
                    v: &v_columns,
                    stride: room.columns,
                    k_rows: &k_columns_rows,
                };
                let mut to = Gradients {
                    dk: &mut dk_columns,
                    dv: &mut dv_columns,
                    stride: room.columns,
                    add: false,
                    dq_rows: &mut dq_rows,
                };
                let mut scratch = Scratch { shares: &mut shares, slopes: &mut slopes };
                let seen = columns.of(first_window + window, time);
                for at in (0..columns.places.len()).step_by(room.block) {
                    block_of_columns(simd, &room, head, keys, at, seen, &mut scratch, &mut to);
                }
                for (at, gathered) in [(k_at, &dk_columns), (v_at, &dv_columns)] {
                    let rows = dqkv[at..].chunks_mut(stride).take(d_head);
                    for (row, gathered) in rows.zip(gathered.chunks_exact(room.columns)) {
                        for (&place, gathered) in columns.places.iter().zip(gathered) {
                            row[place] += gathered;
                        }
                    }
                }
            }
            let dq = &mut dqkv[q_at..];
            transpose(&dq_rows, room.row, sizes, dq, stride);
            rotate(simd, dq, stride, sizes, rotary, -1.0, scale);
            let x = &qkv[q_at..];
            if let Some([gain, _]) = gains {
                normalise_back(simd, x, stride, time, gain, root_of(head), &mut along, dq, dq_gain);
            }
            if !last_of_group {
                continue;
            }
            let dk = &mut dqkv[k_at..];
            if rotary.is_some() {
                rotate(simd, dk, stride, sizes, rotary, -1.0, 1.0);
            }
            let (x, of_k) = (&qkv[k_at..], heads + group);
            if let Some([_, gain]) = gains {
                normalise_back(simd, x, stride, time, gain, root_of(of_k), &mut along, dk, dk_gain);
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
    head: Head,
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
        None => head.tops.len() - at,
    };
    cross_keys(simd, room, at, (rows, head.d_head), head.q, keys.k, scratch.shares);
    cross_keys(simd, room, at, (rows, head.d_head), head.g, keys.v, scratch.slopes);
    weigh(simd, room, head, at..at + rows, scratch);
    let diagonal = rows.min(room.block) * room.block;
    mask(simd, future, &mut scratch.shares[..diagonal], 0.0);
    mask(simd, future, &mut scratch.slopes[..diagonal], 0.0);
    if let Some(first) = first {
        hide_earlier(&first[..rows], at, room.block, scratch.shares);
        hide_earlier(&first[..rows], at, room.block, scratch.slopes);
    }
    spread(simd, room, head, keys, at..at + rows, at, scratch, to);
}

/// What the block of columns from `at` on gives, where `seen` says from which column to which each query
/// sees.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
fn block_of_columns<S: Simd>(
    simd: S,
    room: &Room,
    head: Head,
    keys: Keys,
    at: usize,
    seen: [&[u32]; 2],
    scratch: &mut Scratch,
    to: &mut Gradients,
) {
    let [from, end] = seen;
    let start = end.partition_point(|&end| end as usize <= at);
    let rows = from[start..].partition_point(|&from| (from as usize) < at + room.block);
    let shape = Shape { rows, depth: head.d_head, b_stride: keys.stride, c_stride: room.block };
    let left = |x| Left::Columns(x, room.stride);
    product(simd, shape, 2, left(&head.q[start..]), &keys.k[at..], scratch.shares, false);
    product(simd, shape, 2, left(&head.g[start..]), &keys.v[at..], scratch.slopes, false);
    weigh(simd, room, head, start..start + rows, scratch);
    for cells in [&mut *scratch.shares, &mut *scratch.slopes] {
        hide_earlier(&from[start..][..rows], at, room.block, cells);
        hide_later(&end[start..][..rows], at, room.block, cells);
    }
    spread(simd, room, head, keys, start..start + rows, at, scratch, to);
}

/// Makes of scores the shares of the softmax, and of products of values with gradients of the output the
/// gradients of the scores.
#[inline(always)]
fn weigh<S: Simd>(simd: S, room: &Room, head: Head, queries: Range<usize>, scratch: &mut Scratch) {
    let cells = queries.len() * room.block;
    let Head { tops, inverses, along, .. } = head;
    let pairs = S::as_mut_simd_f32s(&mut scratch.shares[..cells]).0.chunks_exact_mut(2);
    let pairs = pairs.zip(S::as_mut_simd_f32s(&mut scratch.slopes[..cells]).0.chunks_exact_mut(2));
    let queries = tops[queries.clone()].iter().zip(&inverses[queries.clone()]).zip(&along[queries]);
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
    head: Head,
    keys: Keys,
    queries: Range<usize>,
    at: usize,
    scratch: &Scratch,
    to: &mut Gradients,
) {
    let over_queries = Shape {
        rows: head.d_head,
        depth: queries.len(),
        b_stride: room.block,
        c_stride: to.stride,
    };
    let left = |x| Left::Rows(x, room.stride);
    let (dk, dv) = (&mut to.dk[at..], &mut to.dv[at..]);
    product(simd, over_queries, 2, left(&head.q[queries.start..]), scratch.slopes, dk, to.add);
    product(simd, over_queries, 2, left(&head.g[queries.start..]), scratch.shares, dv, to.add);
    let over_keys =
        Shape { rows: queries.len(), depth: room.block, b_stride: room.row, c_stride: room.row };
    product(
        simd,
        over_keys,
        room.row / S::F32_LANES,
        Left::Rows(scratch.slopes, room.block),
        &keys.k_rows[at * room.row..],
        &mut to.dq_rows[queries.start * room.row..],
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
