//! The stream with a part of a half's output, and its gradients.

use super::lanes::{for_lanes, vectorised};

vectorised! {
    /// Adds `factors (h - y)` to the stream y.
    ///
    /// # Shapes
    /// - all slices: one common length
    pub(crate) fn forward<'a, S>(simd; h: &'a [f32], factors: &'a [f32], y: &'a mut [f32]) {
        for_lanes!(S, simd, [h in h, factor in factors], [y of y], {
            (simd.mul_add_e_f32s(factor, simd.sub_f32s(h, y), y),)
        });
    }
}

vectorised! {
    /// Turns two copies of the gradient of the output into those of h and of x.
    ///
    /// # Shapes
    /// - all slices: one common length
    pub(crate) fn backward<'a, S>(
        simd;
        factors: &'a [f32],
        dh: &'a mut [f32],
        dx: &'a mut [f32],
    ) {
        for_lanes!(S, simd, [factor in factors], [dh of dh, dx of dx], {
            let dh = simd.mul_f32s(factor, dh);
            (dh, simd.sub_f32s(dx, dh))
        });
    }
}
