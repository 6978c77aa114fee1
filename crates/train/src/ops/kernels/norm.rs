//! Root-mean-square and layer normalisation of rows, with a gain.

use super::lanes::{dot, for_lanes, sum, vectorised};
use crate::ops::NORM_EPSILON;

/// Mean (0 unless `centre`) and scale of a row, in that order.
#[inline(always)]
fn statistics<S: pulp::Simd>(simd: S, x: &[f32], centre: bool) -> (f32, f32) {
    let width = x.len() as f32;
    let mean = if centre { sum(simd, x) / width } else { 0.0 };
    let mut squares = dot(simd, x, x) / width;
    if centre {
        // The squares are those of the differences, since the square of a large mean would swallow
        // them.
        squares = spread(simd, x, mean) / width;
    }
    (mean, (squares + NORM_EPSILON as f32).sqrt().recip())
}

/// Sum of squared differences from the mean, `sum (x - mean)^2`.
#[inline(always)]
fn spread<S: pulp::Simd>(simd: S, x: &[f32], mean: f32) -> f32 {
    let (x, rest) = S::as_simd_f32s(x);
    let offset = simd.splat_f32s(mean);
    let mut squares = simd.splat_f32s(0.0);
    for x in x {
        let x = simd.sub_f32s(*x, offset);
        squares = simd.mul_add_e_f32s(x, x, squares);
    }
    let rest: f32 = rest.iter().map(|x| (x - mean) * (x - mean)).sum();
    simd.reduce_sum_f32s(squares) + rest
}

vectorised! {
    /// Normalises each row: `y = (x - mean) scale gain`, with a mean of 0 unless `centre`.
    ///
    /// # Shapes
    /// - x, y: `[n, d]`, gain: `[d]`, kept (written): mean and scale of each row, `[n, 2]`
    pub(crate) fn forward<'a, S>(
        simd;
        x: &'a [f32],
        gain: &'a [f32],
        centre: bool,
        y: &'a mut [f32],
        kept: &'a mut [f32],
    ) {
        let width = gain.len();
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
        for ((x, y), kept) in rows.zip(kept.chunks_exact_mut(2)) {
            let (mean, scale) = statistics(simd, x, centre);
            (kept[0], kept[1]) = (mean, scale);
            apply(simd, x, gain, (mean, scale), y);
        }
    }
}

vectorised! {
    /// Computes the output of [`forward`] again from the statistics that it kept.
    pub(crate) fn again<'a, S>(
        simd;
        x: &'a [f32],
        gain: &'a [f32],
        kept: &'a [f32],
        y: &'a mut [f32],
    ) {
        let width = gain.len();
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
        for ((x, y), kept) in rows.zip(kept.chunks_exact(2)) {
            apply(simd, x, gain, (kept[0], kept[1]), y);
        }
    }
}

#[inline(always)]
fn apply<S: pulp::Simd>(
    simd: S,
    x: &[f32],
    gain: &[f32],
    (mean, scale): (f32, f32),
    y: &mut [f32],
) {
    let (mean, scale) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
    for_lanes!(S, simd, [x in x, g in gain], [y of y], {
        let _ = y;
        (simd.mul_f32s(simd.mul_f32s(simd.sub_f32s(x, mean), scale), g),)
    });
}

vectorised! {
    /// Adds the gradient of x to `dx`, and that of the gain to `dgain`. The gradient of x is `scale
    /// (u - mean(u) - h mean(u h))` with `u = dy gain` and `h` the normalised row; `mean(u)` is
    /// left out unless `centre`.
    ///
    /// # Shapes
    /// - x, dy, dx: `[n, d]`, gain, dgain: `[d]`, kept: `[n, 2]`
    #[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
    pub(crate) fn backward<'a, S>(
        simd;
        x: &'a [f32],
        gain: &'a [f32],
        centre: bool,
        kept: &'a [f32],
        dy: &'a [f32],
        dx: &'a mut [f32],
        dgain: &'a mut [f32],
    ) {
        let width = gain.len();
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        let rows = rows.zip(dx.chunks_exact_mut(width)).zip(kept.chunks_exact(2));
        for (((x, dy), dx), kept) in rows {
            let (mean, scale) = (simd.splat_f32s(kept[0]), simd.splat_f32s(kept[1]));
            let (mean_u, mean_uh) = means(simd, x, gain, dy, (kept[0], kept[1]));
            let mean_u = simd.splat_f32s(if centre { mean_u } else { 0.0 });
            let mean_uh = simd.splat_f32s(-mean_uh);
            for_lanes!(S, simd, [x in x, g in gain, dy in dy], [dx of dx, dg of dgain], {
                let h = simd.mul_f32s(simd.sub_f32s(x, mean), scale);
                let u = simd.sub_f32s(simd.mul_f32s(dy, g), mean_u);
                let slope = simd.mul_add_e_f32s(h, mean_uh, u);
                (simd.mul_add_e_f32s(slope, scale, dx), simd.mul_add_e_f32s(dy, h, dg))
            });
        }
    }
}

/// Means of `u` and `u h` over a row, in the terms of [`backward`].
#[inline(always)]
fn means<S: pulp::Simd>(
    simd: S,
    x: &[f32],
    gain: &[f32],
    dy: &[f32],
    (mean, scale): (f32, f32),
) -> (f32, f32) {
    let width = x.len() as f32;
    let ((x, x_rest), (g, g_rest), (dy, dy_rest)) =
        (S::as_simd_f32s(x), S::as_simd_f32s(gain), S::as_simd_f32s(dy));
    let offset = simd.splat_f32s(mean);
    let (mut along, mut total) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
    for ((x, g), dy) in x.iter().zip(g).zip(dy) {
        let u = simd.mul_f32s(*dy, *g);
        total = simd.add_f32s(total, u);
        along = simd.mul_add_e_f32s(u, simd.sub_f32s(*x, offset), along);
    }
    let (mut total, mut along) = (simd.reduce_sum_f32s(total), simd.reduce_sum_f32s(along));
    for ((x, g), dy) in x_rest.iter().zip(g_rest).zip(dy_rest) {
        total += dy * g;
        along += dy * g * (x - mean);
    }
    (total / width, along * scale / width)
}
