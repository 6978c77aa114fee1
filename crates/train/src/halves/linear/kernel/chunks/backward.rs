//! Backward: a chunk at a time, from the last to the first, with the gradient of the state between chunks.

use super::delta::{self, Difference};
use super::{Decays, Head, Layout, Pairs, Parts, dot_columns, scale_columns, scale_rows};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{dot, for_lanes, vectorised};
use crate::ops::kernels::tile::{Left, Shape, product};
use crate::ops::kernels::transpose;
use pulp::Simd;
use std::ops::Range;

/// What the forward pass was given and left, that the gradients are made of.
#[derive(Clone, Copy)]
pub(in crate::halves::linear::kernel) struct Given<'a> {
    /// Queries, keys, and values or with the delta rule what was written.
    pub(in crate::halves::linear::kernel) parts: Parts<'a>,
    pub(in crate::halves::linear::kernel) factors: &'a [f32],
    pub(in crate::halves::linear::kernel) states: &'a [f32],
    /// Gradient of what the heads give.
    pub(in crate::halves::linear::kernel) dmixed: &'a [f32],
    /// Shares of the delta rule, where tokens follow it.
    pub(in crate::halves::linear::kernel) delta: Option<Difference<'a>>,
}

/// Queries, keys and values of a chunk and the gradient of what it gives, `[k][t]` each.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    g: &'a [f32],
    /// Factors of its tokens.
    factors: &'a [f32],
    /// The states before and after it, where there are any.
    before: Option<&'a [f32]>,
    after: Option<&'a [f32]>,
}

impl<'a> Chunk<'a> {
    /// What the delta rule takes of it, with values what was written.
    fn of_delta(self, shares: &'a [f32], up: &'a [f32]) -> delta::Given<'a> {
        delta::Given { k: self.k, v: self.v, shares, up, before: self.before }
    }
}

/// Scratch of a chunk.
struct Scratch {
    decays: Decays,
    /// Pairs and their gradients, `[i][block]`, and the latter as `[j][block]`.
    pairs: Buffer,
    slopes: Buffer,
    turned: Buffer,
    /// Products of both, `[i][block]`.
    along: Buffer,
    /// Gradients of queries, keys and values, `[k][block]`.
    parts: [Buffer; 3],
    /// `[t][row]`, zero past the last dimension.
    g_rows: Buffer,
    /// What every token reads of the state before along its gradient, what it writes to the state after, and a
    /// row for sums.
    reads: Buffer,
    writes: Buffer,
    columns: Buffer,
}

impl Scratch {
    fn new<S: Simd>(layout: &Layout) -> Self {
        let Layout { d_head, block, row, .. } = *layout;
        let square = || Buffer::stale(block * block);
        let part = || Buffer::stale(d_head * block);
        Scratch {
            decays: Decays::new::<S>(layout),
            pairs: square(),
            slopes: square(),
            turned: square(),
            along: square(),
            parts: [part(), part(), part()],
            g_rows: Buffer::zeros(block * row),
            reads: Buffer::stale(block),
            writes: Buffer::stale(block),
            columns: Buffer::stale(block),
        }
    }
}

vectorised! {
    /// The gradient of queries, keys and values, and below them that of the logarithms of factors, and with the
    /// delta rule of what the shares are the sigmoid of.
    ///
    /// # Shapes
    /// - dqkv (written): `[3 d + h, n]` or `[3 d + 2 h, n]`, parts, dmixed: `[d, n]`, all with rows a stride apart
    pub(in crate::halves::linear::kernel) fn backward<'a, S>(
        simd;
        layout: &'a Layout,
        given: Given<'a>,
        dqkv: &'a mut [f32],
    ) {
        let time = layout.time;
        let mut scratch = Scratch::new::<S>(layout);
        let mut delta = given.delta.map(|given| (given, delta::Scratch::new(layout)));
        let mut dstate = Buffer::zeros(layout.state());
        for head in layout.all_heads() {
            let Parts { q, k, v } = given.parts;
            let [q, k, v, g] = [q, k, v, given.dmixed].map(|part| &part[head.at..]);
            let factors = &given.factors[head.factors..][..time];
            let states = &given.states[head.states..][..layout.states_of_head()];
            let state = |number: usize| &states[number * layout.state()..][..layout.state()];
            let mut after = None;
            for (number, tokens) in layout.chunks().rev() {
                let at = tokens.start;
                let before = number.checked_sub(1).map(state);
                let [q, k, v, g] = [q, k, v, g].map(|part| &part[at..]);
                let chunk = Chunk { q, k, v, g, factors: &factors[tokens.clone()], before, after };
                pairs_back(simd, layout, chunk, &mut scratch);
                parts_back(simd, layout, chunk, &dstate, &mut scratch);
                if let Some((given, delta)) = &mut delta {
                    let shares = &given.shares[head.factors + at..][..tokens.len()];
                    let dshares = &mut dqkv[head.share + at..][..tokens.len()];
                    delta_back(simd, layout, (chunk, shares), delta, &mut scratch, dshares);
                }
                let decay = &mut dqkv[head.decay + at..][..tokens.len()];
                factors_back(simd, layout, chunk, &dstate, &mut scratch, decay);
                hand_out(layout, head, &tokens, &scratch.parts, dqkv);
                if before.is_some() {
                    state_back(simd, layout, chunk, &mut scratch, &mut dstate);
                    if let Some((given, delta)) = &mut delta {
                        let shares = &given.shares[head.factors + at..][..tokens.len()];
                        let given = chunk.of_delta(shares, &scratch.decays.up);
                        delta.state_back(simd, layout, given, &mut dstate);
                    }
                }
                after = before;
            }
        }
    }
}

/// Copies the gradients of a chunk to those of the whole group.
fn hand_out(
    layout: &Layout,
    head: Head,
    tokens: &Range<usize>,
    parts: &[Buffer; 3],
    dqkv: &mut [f32],
) {
    for (number, part) in parts.iter().enumerate() {
        let to = &mut dqkv[layout.part_at(number) + head.at + tokens.start..];
        for (row, to) in part.chunks_exact(layout.block).zip(to.chunks_mut(layout.stride)) {
            to[..tokens.len()].copy_from_slice(&row[..tokens.len()]);
        }
    }
}

/// Pairs anew, and their gradients.
#[inline(always)]
fn pairs_back<S: Simd>(simd: S, layout: &Layout, chunk: Chunk, scratch: &mut Scratch) {
    let Chunk { q, k, v, g, factors, .. } = chunk;
    let Scratch { decays, pairs, slopes, turned, along, .. } = scratch;
    decays.take(factors);
    let pairs_of = Pairs { layout, factors, units: &decays.units };
    let stride = layout.stride;
    pairs_of.by_queries(simd, (q, stride), k, pairs);
    pairs_of.by_queries(simd, (g, stride), v, slopes);
    pairs_of.weigh_queries(simd, pairs, slopes, along);
    pairs_of.by_keys(simd, v, (g, stride), turned);
    pairs_of.weigh_keys(simd, turned);
}

/// Gradients of queries, keys and values, and what the tokens read and write along them.
#[inline(always)]
fn parts_back<S: Simd>(
    simd: S,
    layout: &Layout,
    chunk: Chunk,
    dstate: &[f32],
    scratch: &mut Scratch,
) {
    let Layout { d_head, block, row, stride, .. } = *layout;
    let Chunk { q, k, v, g, factors, before, after } = chunk;
    let Scratch { decays, pairs, slopes, turned, parts, reads, writes, .. } = scratch;
    let [dq, dk, dv] = parts;
    let vectors = block / S::F32_LANES;
    let over_state = Shape { rows: d_head, depth: d_head, b_stride: stride, c_stride: block };
    if let Some(before) = before {
        product(simd, over_state, vectors, Left::Rows(before, row), g, dq, false);
        scale_columns(simd, dq, &decays.up);
        dot_columns(simd, layout, q, dq, &mut reads[..factors.len()]);
    }
    if after.is_some() {
        product(simd, over_state, vectors, Left::Rows(dstate, row), v, dk, false);
        scale_columns(simd, dk, &decays.down);
        dot_columns(simd, layout, k, dk, &mut writes[..factors.len()]);
        product(simd, over_state, vectors, Left::Columns(dstate, row), k, dv, false);
        scale_columns(simd, dv, &decays.down);
    }
    let pairs_of = Pairs { layout, factors, units: &decays.units };
    pairs_of.sum_keys(simd, k, turned, dq, before.is_some());
    pairs_of.sum_queries(simd, q, slopes, dk, after.is_some());
    pairs_of.sum_queries(simd, g, pairs, dv, after.is_some());
}

/// From the gradient of what is written to that of values, with more of that of keys, of pairs, and of what is
/// read of the state before.
#[inline(always)]
fn delta_back<S: Simd>(
    simd: S,
    layout: &Layout,
    (chunk, shares): (Chunk, &[f32]),
    delta: &mut delta::Scratch,
    scratch: &mut Scratch,
    dshares: &mut [f32],
) {
    let Scratch { decays, along, parts: [_, dk, dv], reads, .. } = scratch;
    let pairs_of = Pairs { layout, factors: chunk.factors, units: &decays.units };
    let given = chunk.of_delta(shares, &decays.up);
    delta.values_back(simd, pairs_of, given, dv, dshares);
    delta.pairs_back(simd, pairs_of, given, dv, dk, along);
    delta.reads_back(simd, pairs_of, given, dv, dk, reads);
}

/// Gradients of the logarithms of factors: of all that passes from before a token to it or to one after it,
/// within the chunk, from the state before, to the state after, and from the one to the other. Sums of these
/// alone: that of `q . dq - k . dk` is the same but for the rounding of what a token gives to itself.
#[inline(always)]
fn factors_back<S: Simd>(
    simd: S,
    layout: &Layout,
    chunk: Chunk,
    dstate: &[f32],
    scratch: &mut Scratch,
    gradients: &mut [f32],
) {
    let Chunk { factors, before, after, .. } = chunk;
    let Scratch { decays, along, reads, writes, columns, .. } = scratch;
    let pairs_of = Pairs { layout, factors, units: &decays.units };
    pairs_of.sum_spans(simd, along, columns, gradients);
    if before.is_some() {
        let mut later = 0.0;
        for (gradient, reads) in gradients.iter_mut().zip(&reads[..factors.len()]).rev() {
            later += reads;
            *gradient += later;
        }
    }
    if after.is_some() {
        let passes = before.map_or(0.0, |before| decays.through * dot(simd, dstate, before));
        let mut earlier = passes;
        for (gradient, writes) in gradients.iter_mut().zip(&writes[..]) {
            *gradient += earlier;
            earlier += writes;
        }
    }
}

/// From the gradient of the state after a chunk to that of the state before it.
#[inline(always)]
fn state_back<S: Simd>(
    simd: S,
    layout: &Layout,
    chunk: Chunk,
    scratch: &mut Scratch,
    dstate: &mut [f32],
) {
    let Layout { d_head, row, stride, .. } = *layout;
    let Scratch { decays, g_rows, .. } = scratch;
    let count = chunk.factors.len();
    if chunk.after.is_some() {
        let through = simd.splat_f32s(decays.through);
        for_lanes!(S, simd, [], [x of &mut *dstate], (simd.mul_f32s(x, through),));
    }
    transpose(chunk.g, stride, (d_head, count), g_rows, row);
    scale_rows(simd, g_rows, row, &decays.up[..count]);
    let shape = Shape { rows: d_head, depth: count, b_stride: row, c_stride: row };
    let (left, add) = (Left::Rows(chunk.q, stride), chunk.after.is_some());
    product(simd, shape, row / S::F32_LANES, left, g_rows, dstate, add);
}
