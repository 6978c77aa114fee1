//! Forward: a chunk of queries at a time, from the first to the last.

use super::delta::{Given, Written};
use super::{Decays, Layout, Pairs, Parts, scale_columns, scale_rows};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{for_lanes, vectorised};
use crate::ops::kernels::tile::{Left, Shape, product};
use crate::ops::kernels::transpose;

vectorised! {
    /// What every head gives, and the states that its chunks hand on; with the delta rule also what tokens write.
    ///
    /// # Shapes
    /// - parts, mixed (written): `[d, n]` with rows a stride apart; factors: `[h, n]`; states (written):
    ///   `[b h, chunks - 1, k, row]`
    pub(in crate::halves::linear::kernel) fn forward<'a, S>(
        simd;
        layout: &'a Layout,
        parts: Parts<'a>,
        factors: &'a [f32],
        delta: Option<Written<'a>>,
        states: &'a mut [f32],
        mixed: &'a mut [f32],
    ) {
        let Layout { time, d_head, block, row, stride, .. } = *layout;
        let vectors = block / S::F32_LANES;
        let mut decays = Decays::new::<S>(layout);
        let mut pairs = Buffer::stale(block * block);
        let mut given = Buffer::stale(d_head * block);
        // Past the last dimension it stays zero.
        let mut v_rows = Buffer::zeros(block * row);
        let mut delta = delta.map(|written| (written, super::delta::Scratch::new(layout)));
        for head in layout.all_heads() {
            let [q, k, v] = [parts.q, parts.k, parts.v].map(|part| &part[head.at..]);
            let out = &mut mixed[head.at..];
            let factors = &factors[head.factors..][..time];
            let states = &mut states[head.states..][..layout.states_of_head()];
            for (number, tokens) in layout.chunks() {
                let (at, count) = (tokens.start, tokens.len());
                let [q, k, v] = [q, k, v].map(|part| &part[at..]);
                let factors = &factors[tokens];
                decays.take(factors);
                let (before, after) = states.split_at_mut(number * layout.state());
                let before = number.checked_sub(1).map(|last| &before[last * layout.state()..]);
                let pairs_of = Pairs { layout, factors, units: &decays.units };
                let v = match &mut delta {
                    None => v,
                    Some((Written { shares, to }, scratch)) => {
                        let shares = &shares[head.factors + at..][..count];
                        let to = &mut to[head.at + at..];
                        let given = Given { k, v, shares, up: &decays.up, before };
                        scratch.write(simd, pairs_of, given, to);
                        &*to
                    }
                };
                pairs_of.by_keys(simd, k, (q, stride), &mut pairs);
                pairs_of.weigh_keys(simd, &mut pairs);
                if let Some(before) = before {
                    let shape =
                        Shape { rows: d_head, depth: d_head, b_stride: stride, c_stride: block };
                    let left = Left::Columns(before, row);
                    product(simd, shape, vectors, left, q, &mut given, false);
                    scale_columns(simd, &mut given, &decays.up);
                }
                let add = before.is_some();
                pairs_of.sum_keys(simd, v, &pairs, &mut given, add);
                for (c, given) in given.chunks_exact(block).enumerate() {
                    out[c * stride + at..][..count].copy_from_slice(&given[..count]);
                }
                if after.is_empty() {
                    continue;
                }
                let after = &mut after[..layout.state()];
                if let Some(before) = before {
                    let through = simd.splat_f32s(decays.through);
                    for_lanes!(S, simd, [before in &before[..after.len()]], [x of &mut *after], {
                        let _ = x;
                        (simd.mul_f32s(before, through),)
                    });
                }
                transpose(v, stride, (d_head, count), &mut v_rows, row);
                scale_rows(simd, &mut v_rows, row, &decays.down[..count]);
                let over_row = Shape { rows: d_head, depth: count, b_stride: row, c_stride: row };
                let left = Left::Rows(k, stride);
                product(simd, over_row, row / S::F32_LANES, left, &v_rows, after, add);
            }
        }
    }
}
