//! The gated delta rule within a chunk: what a token writes is its share of the difference between its value and
//! what its key reads of the state that has decayed up to it. With `x_i` for it, keys of length 1, decays `m` and
//! the state `s` before the chunk,
//!
//! `x_i = b_i (v_i - up_i k_i s) - sum_(j < i) b_i (k_i . k_j) m_ij x_j`,
//!
//! a system of equations below the diagonal, solved from the first token to the last. Written in the place of
//! values, linear attention gives what the rule gives.

use super::{Layout, Pairs, dot_columns, scale_columns, scale_rows};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::for_lanes;
use crate::ops::kernels::tile::{Left, Shape, product};
use crate::ops::kernels::transpose;
use pulp::Simd;

/// Where the forward pass leaves what is written, `[d][n]` as values are, and the shares, `[h][n]`.
pub(in crate::halves::linear::kernel) struct Written<'a> {
    pub(in crate::halves::linear::kernel) shares: &'a [f32],
    pub(in crate::halves::linear::kernel) to: &'a mut [f32],
}

/// What the backward pass needs besides: the shares.
#[derive(Clone, Copy)]
pub(in crate::halves::linear::kernel) struct Difference<'a> {
    pub(in crate::halves::linear::kernel) shares: &'a [f32],
}

/// Keys, and values or what was written, of a chunk, `[k][t]` each.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    /// Shares of its tokens.
    pub(super) shares: &'a [f32],
    /// Decays from the state before the chunk to each token, 0 past the last.
    pub(super) up: &'a [f32],
    pub(super) before: Option<&'a [f32]>,
}

/// Scratch of a chunk.
pub(super) struct Scratch {
    /// What is written or its gradient, token by token, `[t][row]`, zero past the last dimension.
    rows: Buffer,
    /// What keys read of the state before, `[t][row]`.
    reads: Buffer,
    /// Pairs as `[j][block]`.
    turned: Buffer,
    /// Pairs as `[i][block]`.
    slopes: Buffer,
    alike: Buffer,
    both: Buffer,
    /// `[k][block]`
    columns: Buffer,
    /// One number a token, zero past the last where it must be.
    numbers: Buffer,
}

impl Scratch {
    pub(super) fn new(layout: &Layout) -> Self {
        let Layout { d_head, block, row, .. } = *layout;
        let square = || Buffer::stale(block * block);
        Scratch {
            rows: Buffer::zeros(block * row),
            reads: Buffer::stale(block * row),
            turned: square(),
            slopes: square(),
            alike: square(),
            both: square(),
            columns: Buffer::stale(d_head * block),
            numbers: Buffer::zeros(block),
        }
    }

    /// Writes what the tokens of a chunk write, `[k][t]` with rows a stride apart.
    #[inline(always)]
    pub(super) fn write<S: Simd>(
        &mut self,
        simd: S,
        pairs_of: Pairs,
        given: Given,
        to: &mut [f32],
    ) {
        let Layout { d_head, block, row, stride, .. } = *pairs_of.layout;
        let Given { k, v, shares, up, before } = given;
        let Scratch { rows, reads, turned, .. } = self;
        let count = shares.len();
        transpose(v, stride, (d_head, count), rows, row);
        if let Some(before) = before {
            let shape = Shape { rows: count, depth: d_head, b_stride: row, c_stride: row };
            let left = Left::Columns(k, stride);
            product(simd, shape, row / S::F32_LANES, left, before, reads, false);
            for (at, (line, reads)) in
                rows.chunks_exact_mut(row).zip(reads.chunks_exact(row)).take(count).enumerate()
            {
                let less = simd.splat_f32s(-up[at]);
                for_lanes!(S, simd, [read in reads], [x of line], {
                    (simd.mul_add_e_f32s(less, read, x),)
                });
            }
        }
        scale_rows(simd, rows, row, shares);
        likeness(simd, pairs_of, k, turned);
        for token in 0..count {
            let (known, later) = rows.split_at_mut((token + 1) * row);
            let known = &known[token * row..];
            for (at, line) in (token + 1..count).zip(later.chunks_exact_mut(row)) {
                let less = simd.splat_f32s(-shares[at] * turned[token * block + at]);
                for_lanes!(S, simd, [known in known], [x of line], {
                    (simd.mul_add_e_f32s(less, known, x),)
                });
            }
        }
        transpose(rows, row, (count, d_head), to, stride);
    }

    /// Makes the gradient of what is written, `[k][block]`, that of values, by the same equations from the last
    /// token to the first, and writes that of what the shares are the sigmoid of. `given.v` is what was written.
    #[inline(always)]
    pub(super) fn values_back<S: Simd>(
        &mut self,
        simd: S,
        pairs_of: Pairs,
        given: Given,
        dv: &mut [f32],
        dshares: &mut [f32],
    ) {
        let Layout { d_head, block, row, .. } = *pairs_of.layout;
        let Given { k, v: written, shares, .. } = given;
        let Scratch { rows, turned, numbers, .. } = self;
        let count = shares.len();
        transpose(dv, block, (d_head, count), rows, row);
        likeness(simd, pairs_of, k, turned);
        for token in (1..count).rev() {
            let (earlier, known) = rows.split_at_mut(token * row);
            let known = &known[..row];
            for (at, line) in earlier.chunks_exact_mut(row).enumerate() {
                let less = simd.splat_f32s(-shares[token] * turned[at * block + token]);
                for_lanes!(S, simd, [known in known], [x of line], {
                    (simd.mul_add_e_f32s(less, known, x),)
                });
            }
        }
        transpose(rows, row, (count, d_head), dv, block);
        dot_columns(simd, pairs_of.layout, written, dv, dshares);
        let one = simd.splat_f32s(1.0);
        for_lanes!(S, simd, [share in shares], [slope of dshares], {
            (simd.mul_f32s(slope, simd.sub_f32s(one, share)),)
        });
        scale_rows(simd, rows, row, shares);
        numbers[..count].copy_from_slice(shares);
        numbers[count..].fill(0.0);
        scale_columns(simd, dv, numbers);
    }

    /// Adds what comes by the likeness of keys to the gradient of keys, `[k][block]`, and takes what comes by the
    /// decays between them from `along`, `[i][block]`. `dv` is the gradient of values.
    #[inline(always)]
    pub(super) fn pairs_back<S: Simd>(
        &mut self,
        simd: S,
        pairs_of: Pairs,
        given: Given,
        dv: &[f32],
        dk: &mut [f32],
        along: &mut [f32],
    ) {
        let Layout { block, stride, .. } = *pairs_of.layout;
        let Given { k, v: written, shares, .. } = given;
        let Scratch { turned, slopes, alike, both, .. } = self;
        pairs_of.by_queries(simd, (dv, block), written, slopes);
        pairs_of.by_queries(simd, (k, stride), k, alike);
        pairs_of.weigh_queries(simd, slopes, alike, both);
        for_lanes!(S, simd, [both in &**both], [sum of along], (simd.sub_f32s(sum, both),));
        pairs_of.by_keys(simd, written, (dv, block), turned);
        pairs_of.weigh_keys(simd, turned);
        for pairs in [&mut *turned, &mut *slopes] {
            // A token is no earlier one.
            (0..shares.len()).for_each(|token| pairs[token * (block + 1)] = 0.0);
            for_lanes!(S, simd, [], [pair of &mut **pairs], (simd.neg_f32s(pair),));
        }
        pairs_of.sum_keys(simd, k, turned, dk, true);
        pairs_of.sum_queries(simd, k, slopes, dk, true);
    }

    /// Adds what comes by reading the state before to the gradient of keys, and the products of both to `reads`.
    #[inline(always)]
    pub(super) fn reads_back<S: Simd>(
        &mut self,
        simd: S,
        pairs_of: Pairs,
        given: Given,
        dv: &[f32],
        dk: &mut [f32],
        reads: &mut [f32],
    ) {
        let Layout { d_head, block, row, .. } = *pairs_of.layout;
        let Given { k, shares, up, before: Some(before), .. } = given else { return };
        let Scratch { columns, numbers, .. } = self;
        let count = shares.len();
        let shape = Shape { rows: d_head, depth: d_head, b_stride: block, c_stride: block };
        product(simd, shape, block / S::F32_LANES, Left::Rows(before, row), dv, columns, false);
        for_lanes!(S, simd, [up in up], [less of &mut **numbers], {
            let _ = less;
            (simd.neg_f32s(up),)
        });
        scale_columns(simd, columns, numbers);
        for_lanes!(S, simd, [more in &**columns], [sum of dk], (simd.add_f32s(sum, more),));
        let more = &mut numbers[..count];
        dot_columns(simd, pairs_of.layout, k, columns, more);
        for_lanes!(S, simd, [more in &*more], [sum of &mut reads[..count]], {
            (simd.add_f32s(sum, more),)
        });
    }

    /// Adds what comes by reading the state before to its gradient, after [`Scratch::values_back`] of the chunk.
    #[inline(always)]
    pub(super) fn state_back<S: Simd>(
        &mut self,
        simd: S,
        layout: &Layout,
        given: Given,
        dstate: &mut [f32],
    ) {
        let Layout { d_head, row, stride, .. } = *layout;
        let Given { k, shares, up, .. } = given;
        let Scratch { rows, numbers, .. } = self;
        let count = shares.len();
        numbers[..count].iter_mut().zip(up).for_each(|(less, up)| *less = -up);
        scale_rows(simd, rows, row, &numbers[..count]);
        let shape = Shape { rows: d_head, depth: count, b_stride: row, c_stride: row };
        product(simd, shape, row / S::F32_LANES, Left::Rows(k, stride), rows, dstate, true);
    }
}

/// `[j][block]`: dot products of keys with later ones, times the decays between them.
#[inline(always)]
fn likeness<S: Simd>(simd: S, pairs_of: Pairs, k: &[f32], pairs: &mut [f32]) {
    pairs_of.by_keys(simd, k, (k, pairs_of.layout.stride), pairs);
    pairs_of.weigh_keys(simd, pairs);
}
