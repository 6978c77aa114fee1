//! Normalisation of the numbers of a head, `[k][t]`: each token's by their root mean square, with tokens
//! along the vectors.

use super::lanes::{dot, for_lanes};
use crate::ops::NORM_EPSILON;
use pulp::Simd;

/// Writes to `roots` the reciprocal of the root mean square of each token's numbers.
#[inline(always)]
pub(crate) fn find_roots<S: Simd>(
    simd: S,
    x: &[f32],
    stride: usize,
    (time, d_head): (usize, usize),
    roots: &mut [f32],
) {
    roots.fill(0.0);
    for c in 0..d_head {
        let row = &x[c * stride..c * stride + time];
        for_lanes!(S, simd, [x in row], [sum of &mut *roots], (simd.mul_add_e_f32s(x, x, sum),));
    }
    let one = simd.splat_f32s(1.0);
    let (width, epsilon) = (simd.splat_f32s(d_head as f32), simd.splat_f32s(NORM_EPSILON as f32));
    for_lanes!(S, simd, [], [root of roots], {
        let mean = simd.div_f32s(root, width);
        (simd.div_f32s(one, simd.sqrt_f32s(simd.add_f32s(mean, epsilon))),)
    });
}

/// Writes `to = x root gain`.
#[inline(always)]
pub(crate) fn normalise<S: Simd>(
    simd: S,
    x: &[f32],
    stride: usize,
    time: usize,
    gain: &[f32],
    roots: &[f32],
    to: &mut [f32],
) {
    for (c, gain) in gain.iter().enumerate() {
        let gain = simd.splat_f32s(*gain);
        let row = c * stride..c * stride + time;
        for_lanes!(S, simd, [x in &x[row.clone()], root in roots], [to of &mut to[row]], {
            let _ = to;
            (simd.mul_f32s(simd.mul_f32s(x, root), gain),)
        });
    }
}

/// Makes the gradient of what [`normalise`] gave the gradient of what it was given: `root (u - h
/// mean(u h))` with `u = dy gain` and `h = x root`. Adds that of the gain to `dgain`. The numbers of
/// `along` are overwritten.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
pub(crate) fn normalise_back<S: Simd>(
    simd: S,
    x: &[f32],
    stride: usize,
    time: usize,
    gain: &[f32],
    roots: &[f32],
    along: &mut [f32],
    dy: &mut [f32],
    dgain: &mut [f32],
) {
    along.fill(0.0);
    for (c, gain) in gain.iter().enumerate() {
        let gain = simd.splat_f32s(*gain);
        let row = c * stride..c * stride + time;
        let (x, dy) = (&x[row.clone()], &dy[row]);
        for_lanes!(S, simd, [x in x, dy in dy], [sum of &mut *along], {
            (simd.mul_add_e_f32s(simd.mul_f32s(dy, gain), x, sum),)
        });
    }
    // Of u x the sum, it becomes minus the factor of x: root^2 mean(u x).
    let width = simd.splat_f32s(-(gain.len() as f32).recip());
    for_lanes!(S, simd, [root in roots], [sum of &mut *along], {
        (simd.mul_f32s(simd.mul_f32s(sum, width), simd.mul_f32s(root, root)),)
    });
    for (c, (gain, dgain)) in gain.iter().zip(dgain).enumerate() {
        let gain = simd.splat_f32s(*gain);
        let row = c * stride..c * stride + time;
        let (x, dy) = (&x[row.clone()], &mut dy[row]);
        // First dy root, whose product with x is the gradient of the gain.
        for_lanes!(S, simd, [root in roots], [dy of &mut *dy], (simd.mul_f32s(dy, root),));
        *dgain += dot(simd, dy, x);
        for_lanes!(S, simd, [x in x, root in roots, along in &*along], [dy of dy], {
            let rest = simd.mul_f32s(simd.mul_f32s(x, along), root);
            (simd.mul_add_e_f32s(dy, gain, rest),)
        });
    }
}
