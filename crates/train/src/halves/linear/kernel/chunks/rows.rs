//! Rows of numbers, one number a token: dot products and factors along them.

use super::Layout;
use crate::ops::kernels::lanes::for_lanes;
use pulp::Simd;

/// For every token the dot product of its numbers `[k][t]` with a gradient `[k][block]`.
#[inline(always)]
pub(super) fn dot_columns<S: Simd>(
    simd: S,
    layout: &Layout,
    x: &[f32],
    dx: &[f32],
    sums: &mut [f32],
) {
    let count = sums.len();
    sums.fill(0.0);
    for (x, dx) in x.chunks(layout.stride).zip(dx.chunks_exact(layout.block)) {
        let (x, dx) = (&x[..count], &dx[..count]);
        for_lanes!(S, simd, [x in x, dx in dx], [sum of &mut *sums], {
            (simd.mul_add_e_f32s(x, dx, sum),)
        });
    }
}

/// Multiplies every row by the same numbers.
#[inline(always)]
pub(super) fn scale_columns<S: Simd>(simd: S, rows: &mut [f32], by: &[f32]) {
    for row in rows.chunks_exact_mut(by.len()) {
        for_lanes!(S, simd, [by in by], [x of row], (simd.mul_f32s(x, by),));
    }
}

/// Multiplies each row by a number.
#[inline(always)]
pub(super) fn scale_rows<S: Simd>(simd: S, rows: &mut [f32], width: usize, by: &[f32]) {
    for (row, by) in rows.chunks_exact_mut(width).zip(by) {
        let by = simd.splat_f32s(*by);
        for_lanes!(S, simd, [], [x of row], (simd.mul_f32s(x, by),));
    }
}
