//! Linear attention of one head of one window at a time, chunk by chunk: within a chunk by pairs of tokens, as
//! attention, and by a state from chunk to chunk. Forward has queries along the vectors, backward both.
//!
//! What a pair decays by is the product of the factors between its tokens, made row by row: so no exponent is
//! ever positive, and a factor of 0, at the first token of a document, separates documents.

mod backward;
mod delta;
mod forward;
mod rows;
#[cfg(test)]
mod tests;

pub(super) use backward::{Given, backward};
pub(super) use delta::{Difference, Written};
pub(super) use forward::forward;

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::padding::padded_width;
use crate::ops::kernels::tile::{Left, Shape, product};
use pulp::Simd;
use rows::{dot_columns, scale_columns, scale_rows};
use std::ops::Range;

/// Where queries, keys and values lie: part 0, 1 or 2, in it head by head, in a head row by row, with column
/// `window * t + place` and rows `stride` apart; then a row a head of what it forgets by, and with the delta rule
/// a row a head of what share of a difference it writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    batch: usize,
    time: usize,
    heads: usize,
    d_head: usize,
    chunk: usize,
    /// A chunk, and a row over a head, as whole vectors of any processor.
    block: usize,
    row: usize,
    stride: usize,
}

impl Layout {
    pub(super) fn new(
        batch: usize,
        time: usize,
        heads: usize,
        d_head: usize,
        chunk: usize,
    ) -> Self {
        let (block, row) = (padded_width(chunk), padded_width(d_head));
        // A chunk that starts at a token may be read whole. Rows whose length is no power of two also do not
        // fall on the same lines of the cache.
        let stride = batch * time + block;
        Layout { batch, time, heads, d_head, chunk, block, row, stride }
    }

    /// Width of a head.
    pub(super) fn d_head(&self) -> usize {
        self.d_head
    }

    /// From one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Where the row of what a head forgets by starts.
    pub(super) fn decay_at(&self, head: usize) -> usize {
        (3 * self.heads * self.d_head + head) * self.stride
    }

    /// Where a part starts: 0 queries, 1 keys, 2 values.
    pub(super) fn part_at(&self, part: usize) -> usize {
        part * self.heads * self.d_head * self.stride
    }

    /// Where the row of what share a head writes starts.
    pub(super) fn share_at(&self, head: usize) -> usize {
        self.decay_at(self.heads + head)
    }

    /// Where the rows of a head start in a part.
    pub(super) fn head_at(&self, head: usize) -> usize {
        head * self.d_head * self.stride
    }

    /// Numbers of all states that are handed on.
    pub(super) fn states(&self) -> usize {
        self.batch * self.heads * self.states_of_head()
    }

    fn states_of_head(&self) -> usize {
        (self.time.div_ceil(self.chunk) - 1) * self.state()
    }

    /// Numbers of a state, `[k][row]`: rows are keys.
    fn state(&self) -> usize {
        self.d_head * self.row
    }

    /// Every head of every window.
    fn all_heads(self) -> impl Iterator<Item = Head> {
        let Layout { batch, time, heads, .. } = self;
        (0..batch * heads).map(move |index| {
            let (window, head) = (index / heads, index % heads);
            let first = window * time;
            Head {
                at: self.head_at(head) + first,
                decay: self.decay_at(head) + first,
                share: self.share_at(head) + first,
                factors: head * batch * time + window * time,
                states: index * self.states_of_head(),
            }
        })
    }

    /// The chunks of a window, with the number of each.
    fn chunks(self) -> impl DoubleEndedIterator<Item = (usize, Range<usize>)> {
        let Layout { time, chunk, .. } = self;
        let count = time.div_ceil(chunk);
        (0..count).map(move |number| (number, number * chunk..time.min((number + 1) * chunk)))
    }
}

/// Queries, keys and values, `[d][n]` each, with rows a stride apart.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
}

/// One head of one window: where its rows start in a part, its rows below all parts, and its numbers in what has
/// one a head and token.
#[derive(Clone, Copy)]
struct Head {
    at: usize,
    decay: usize,
    share: usize,
    factors: usize,
    states: usize,
}

/// Decays within a chunk, and one with each lane for itself.
struct Decays {
    /// From the state before the chunk to each token, its own factor included; 0 past the last.
    up: Buffer,
    /// From each token to the state after the chunk.
    down: Buffer,
    /// From state to state.
    through: f32,
    units: Units,
}

/// One vector a lane, `[lanes][lanes]` each.
struct Units {
    /// 1 in the lane.
    at: Buffer,
    /// 1 in the lanes before it.
    before: Buffer,
}

/// A decay below it is 0, as in [`exp`](crate::ops::kernels::lanes::exp): a few more factors would leave the
/// normal range of floats.
const SMALLEST: f32 = 1e-26;

impl Decays {
    fn new<S: Simd>(layout: &Layout) -> Self {
        let lanes = S::F32_LANES;
        let (mut at, mut before) = (Buffer::zeros(lanes * lanes), Buffer::zeros(lanes * lanes));
        for lane in 0..lanes {
            at[lane * lanes + lane] = 1.0;
            before[lane * lanes..][..lane].fill(1.0);
        }
        let units = Units { at, before };
        let zeros = || Buffer::zeros(layout.block);
        Decays { up: zeros(), down: zeros(), through: 0.0, units }
    }

    /// Takes those of a chunk.
    fn take(&mut self, factors: &[f32]) {
        let fade = |decay: f32, factor: f32| {
            let decay = decay * factor;
            if decay < SMALLEST { 0.0 } else { decay }
        };
        self.up[factors.len()..].fill(0.0);
        self.down[factors.len()..].fill(0.0);
        let mut decay = 1.0;
        for (up, factor) in self.up.iter_mut().zip(factors) {
            decay = fade(decay, *factor);
            *up = decay;
        }
        self.through = decay;
        let mut decay = 1.0;
        for (down, factor) in self.down.iter_mut().zip(factors).rev() {
            *down = decay;
            decay = fade(decay, *factor);
        }
    }
}

/// The decay of a pair whose tokens are one further apart.
#[inline(always)]
fn fade<S: Simd>(simd: S, decay: S::f32s, factor: f32) -> S::f32s {
    let next = simd.mul_f32s(decay, simd.splat_f32s(factor));
    let vanishes = simd.less_than_f32s(next, simd.splat_f32s(SMALLEST));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), next)
}

/// The pairs of the tokens of a chunk that are not hidden from each other, a vector of the block at a time.
#[derive(Clone, Copy)]
struct Pairs<'a> {
    layout: &'a Layout,
    /// Factors of the tokens.
    factors: &'a [f32],
    units: &'a Units,
}

impl Pairs<'_> {
    /// First lanes of the vectors that hold tokens.
    fn vectors(&self, lanes: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.factors.len()).step_by(lanes)
    }

    /// `[j][block]`: dot products of keys with the queries that see them, both `[k][t]`, the rows of queries so
    /// far apart.
    #[inline(always)]
    fn by_keys<S: Simd>(
        &self,
        simd: S,
        keys: &[f32],
        (queries, b_stride): (&[f32], usize),
        out: &mut [f32],
    ) {
        let Layout { d_head, block, stride, .. } = *self.layout;
        for first in self.vectors(S::F32_LANES) {
            let rows = self.factors.len().min(first + S::F32_LANES);
            let shape = Shape { rows, depth: d_head, b_stride, c_stride: block };
            let left = Left::Columns(keys, stride);
            product(simd, shape, 1, left, &queries[first..], &mut out[first..], false);
        }
    }

    /// `[i][block]`: dot products of queries with the keys that they see, both `[k][t]`, the rows of queries so
    /// far apart.
    #[inline(always)]
    fn by_queries<S: Simd>(
        &self,
        simd: S,
        (queries, a_stride): (&[f32], usize),
        keys: &[f32],
        out: &mut [f32],
    ) {
        let Layout { d_head, block, stride, .. } = *self.layout;
        for first in self.vectors(S::F32_LANES) {
            let rows = self.factors.len() - first;
            let shape = Shape { rows, depth: d_head, b_stride: stride, c_stride: block };
            let left = Left::Columns(&queries[first..], a_stride);
            let out = &mut out[first * block + first..];
            product(simd, shape, 1, left, &keys[first..], out, false);
        }
    }

    /// Multiplies what [`Pairs::by_keys`] gives by the decays of the pairs; 0 where the key is the later one.
    #[inline(always)]
    fn weigh_keys<S: Simd>(&self, simd: S, pairs: &mut [f32]) {
        let (lanes, vectors) = (S::F32_LANES, self.layout.block / S::F32_LANES);
        let (pairs, units) = (S::as_mut_simd_f32s(pairs).0, S::as_simd_f32s(&self.units.at).0);
        let count = self.factors.len();
        for first in self.vectors(lanes) {
            let mut decay = simd.splat_f32s(0.0);
            for key in (0..count.min(first + lanes)).rev() {
                if let Some(factor) = self.factors.get(key + 1) {
                    decay = fade(simd, decay, *factor);
                }
                if key >= first {
                    decay = simd.add_f32s(decay, units[key - first]);
                }
                let pair = &mut pairs[key * vectors + first / lanes];
                *pair = simd.mul_f32s(*pair, decay);
            }
        }
    }

    /// Multiplies two of what [`Pairs::by_queries`] gives by the decays of the pairs, 0 where the key is the
    /// later one; and writes the product of both and the decay, 0 also for a token with itself.
    #[inline(always)]
    fn weigh_queries<S: Simd>(
        &self,
        simd: S,
        one: &mut [f32],
        other: &mut [f32],
        both: &mut [f32],
    ) {
        let (lanes, vectors) = (S::F32_LANES, self.layout.block / S::F32_LANES);
        let (one, other) = (S::as_mut_simd_f32s(one).0, S::as_mut_simd_f32s(other).0);
        let both = S::as_mut_simd_f32s(both).0;
        let units = S::as_simd_f32s(&self.units.at).0;
        for first in self.vectors(lanes) {
            let mut decay = simd.splat_f32s(0.0);
            for (query, factor) in self.factors.iter().enumerate().skip(first) {
                decay = fade(simd, decay, *factor);
                let at = query * vectors + first / lanes;
                both[at] = simd.mul_f32s(simd.mul_f32s(one[at], other[at]), decay);
                if query < first + lanes {
                    decay = simd.add_f32s(decay, units[query - first]);
                }
                one[at] = simd.mul_f32s(one[at], decay);
                other[at] = simd.mul_f32s(other[at], decay);
            }
        }
    }

    /// Sums, for each token, over the pairs `[i][block]` that it lies between: after the key, and at or before
    /// the query. `columns` is scratch.
    #[inline(always)]
    fn sum_spans<S: Simd>(&self, simd: S, pairs: &[f32], columns: &mut [f32], sums: &mut [f32]) {
        let (lanes, vectors) = (S::F32_LANES, self.layout.block / S::F32_LANES);
        let (pairs, columns) = (S::as_simd_f32s(pairs).0, S::as_mut_simd_f32s(columns).0);
        let before = S::as_simd_f32s(&self.units.before).0;
        let (zero, half) = (simd.splat_f32s(0.0), simd.splat_f32s(0.5));
        columns.fill(zero);
        sums[0] = 0.0;
        for token in (1..self.factors.len()).rev() {
            let mut sum = zero;
            for first in (0..token).step_by(lanes) {
                let column = &mut columns[first / lanes];
                *column = simd.add_f32s(*column, pairs[token * vectors + first / lanes]);
                let seen = match before.get(token - first) {
                    // Whatever stands in the lanes of later keys.
                    Some(before) => {
                        simd.select_f32s(simd.less_than_f32s(half, *before), *column, zero)
                    }
                    None => *column,
                };
                sum = simd.add_f32s(sum, seen);
            }
            sums[token] = simd.reduce_sum_f32s(sum);
        }
    }

    /// `[k][block]`: sums of rows `[k][t]` over keys, weighted by pairs `[j][block]`.
    #[inline(always)]
    fn sum_keys<S: Simd>(&self, simd: S, rows: &[f32], pairs: &[f32], out: &mut [f32], add: bool) {
        let Layout { d_head, block, stride, .. } = *self.layout;
        for first in self.vectors(S::F32_LANES) {
            let depth = self.factors.len().min(first + S::F32_LANES);
            let shape = Shape { rows: d_head, depth, b_stride: block, c_stride: block };
            let left = Left::Rows(rows, stride);
            product(simd, shape, 1, left, &pairs[first..], &mut out[first..], add);
        }
    }

    /// `[k][block]`: sums of rows `[k][t]` over queries, weighted by pairs `[i][block]`.
    #[inline(always)]
    fn sum_queries<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        pairs: &[f32],
        out: &mut [f32],
        add: bool,
    ) {
        let Layout { d_head, block, stride, .. } = *self.layout;
        for first in self.vectors(S::F32_LANES) {
            let depth = self.factors.len() - first;
            let shape = Shape { rows: d_head, depth, b_stride: block, c_stride: block };
            let left = Left::Rows(&rows[first..], stride);
            let pairs = &pairs[first * block + first..];
            product(simd, shape, 1, left, pairs, &mut out[first..], add);
        }
    }
}
