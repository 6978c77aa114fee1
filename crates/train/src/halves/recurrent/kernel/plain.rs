//! The steps of a plain recurrent network.

use super::{Steps, tanh_slope};
use crate::ops::kernels::activation::tanh;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::vectorised;
use crate::ops::kernels::tile::{Left, Shape, product};

vectorised! {
    /// `h = tanh(driven + h recurrent + bias)`, of all tokens.
    ///
    /// # Shapes
    /// - bias: `[row]`; driven, which is lost, and states (written): `[n, row]`
    pub(super) fn forward<'a, S>(
        simd;
        steps: Steps<'a>,
        bias: &'a [f32],
        driven: &'a mut [f32],
        states: &'a mut [f32],
    ) {
        let Steps { batch, time, row, recurrent, .. } = steps;
        let shape = Shape { rows: batch, depth: recurrent.len() / row, b_stride: row, c_stride: row };
        let mut before = Buffer::zeros(batch * row);
        let bias = S::as_simd_f32s(bias).0;
        let lanes = row / S::F32_LANES;
        for t in 0..time {
            steps.forget(t, &mut before);
            let driven = &mut driven[steps.at(t, row)];
            if t > 0 {
                product(simd, shape, lanes, Left::Rows(&before, row), recurrent, driven, true);
            }
            let driven = S::as_simd_f32s(driven).0;
            let next = S::as_mut_simd_f32s(&mut states[steps.at(t, row)]).0;
            for b in 0..batch {
                for (at, bias) in bias.iter().enumerate() {
                    let x = b * lanes + at;
                    next[x] = tanh(simd, simd.add_f32s(driven[x], *bias));
                }
            }
            before.copy_from_slice(&states[steps.at(t, row)]);
        }
    }
}

vectorised! {
    /// Gradients of what goes into the hyperbolic tangent.
    ///
    /// # Shapes
    /// - states, dstates, dsums (written): `[n, row]`
    pub(super) fn backward<'a, S>(
        simd;
        steps: Steps<'a>,
        states: &'a [f32],
        dstates: &'a [f32],
        dsums: &'a mut [f32],
    ) {
        let Steps { batch, time, row, transposed, .. } = steps;
        let shape = Shape { rows: batch, depth: row, b_stride: row, c_stride: row };
        let mut dh = Buffer::zeros(batch * row);
        let lanes = row / S::F32_LANES;
        for t in (0..time).rev() {
            {
                let dh = S::as_simd_f32s(&dh).0;
                let states = S::as_simd_f32s(&states[steps.at(t, row)]).0;
                let dstates = S::as_simd_f32s(&dstates[steps.at(t, row)]).0;
                let dsums = S::as_mut_simd_f32s(&mut dsums[steps.at(t, row)]).0;
                for x in 0..batch * lanes {
                    let through = simd.add_f32s(dh[x], dstates[x]);
                    dsums[x] = simd.mul_f32s(through, tanh_slope(simd, states[x]));
                }
            }
            if t > 0 {
                let left = Left::Rows(&dsums[steps.at(t, row)], row);
                product(simd, shape, lanes, left, transposed, &mut dh, false);
            }
            steps.forget(t, &mut dh);
        }
    }
}
