//! Moves rows between the order of tokens and that of slots.

use super::routes::Routes;
use crate::ops::kernels::lanes::{dot, for_lanes, vectorised};

vectorised! {
    /// Copies the rows of the tokens of these pairs, each times its factor where there are factors.
    ///
    /// # Shapes
    /// - x: `[n, d]`, gates: `[n, k]`, pairs: `[m]`, to: `[m, d]`
    pub(super) fn gather<'a, S>(
        simd;
        x: &'a [f32],
        width: usize,
        k: usize,
        pairs: &'a [u32],
        gates: Option<&'a [f32]>,
        to: &'a mut [f32],
    ) {
        for (&pair, to) in pairs.iter().zip(to.chunks_exact_mut(width)) {
            let from = &x[pair as usize / k * width..][..width];
            match gates {
                None => to.copy_from_slice(from),
                Some(gates) => {
                    let gate = simd.splat_f32s(gates[pair as usize]);
                    for_lanes!(S, simd, [x in from], [to of to], {
                        let _ = to;
                        (simd.mul_f32s(x, gate),)
                    });
                }
            }
        }
    }
}

vectorised! {
    /// Multiplies each row by the factor of its pair.
    ///
    /// # Shapes
    /// - x: `[m, d]`, pairs: `[m]`, gates: `[n, k]`
    pub(super) fn scale<'a, S>(
        simd;
        x: &'a mut [f32],
        width: usize,
        pairs: &'a [u32],
        gates: &'a [f32],
    ) {
        for (&pair, x) in pairs.iter().zip(x.chunks_exact_mut(width)) {
            let gate = simd.splat_f32s(gates[pair as usize]);
            for_lanes!(S, simd, [], [x of x], (simd.mul_f32s(x, gate),));
        }
    }
}

vectorised! {
    /// Adds the rows of each token's slots, in ascending order of the experts, each times its factor.
    ///
    /// # Shapes
    /// - from: `[n k, d]`, to: `[n, d]`
    pub(super) fn scatter<'a, S>(
        simd;
        from: &'a [f32],
        width: usize,
        routes: &'a Routes,
        to: &'a mut [f32],
    ) {
        let k = routes.chosen.len() * width / to.len();
        let pairs = routes.slots.chunks_exact(k).zip(routes.gates.chunks_exact(k));
        for ((slots, gates), to) in pairs.zip(to.chunks_exact_mut(width)) {
            for (&slot, &gate) in slots.iter().zip(gates) {
                let (from, gate) = (&from[slot as usize * width..][..width], simd.splat_f32s(gate));
                for_lanes!(S, simd, [x in from], [to of to], {
                    (simd.mul_add_e_f32s(x, gate, to),)
                });
            }
        }
    }
}

vectorised! {
    /// Dot products of the rows of two matrices.
    ///
    /// # Shapes
    /// - x, y: `[m, f]`, to: `[m]`
    pub(super) fn dots<'a, S>(simd; x: &'a [f32], y: &'a [f32], width: usize, to: &'a mut [f32]) {
        let rows = x.chunks_exact(width).zip(y.chunks_exact(width));
        for ((x, y), to) in rows.zip(to) {
            *to = dot(simd, x, y);
        }
    }
}
