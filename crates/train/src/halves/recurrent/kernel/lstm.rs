//! The steps of an LSTM: gates i, f and o, candidate g, stored in the order i, f, g, o.

use super::{Steps, sigmoid_slope, tanh_slope};
use crate::ops::kernels::activation::{sigmoid, tanh};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::vectorised;
use crate::ops::kernels::tile::{Left, Shape, product};

vectorised! {
    /// `c = f c + i g`, `h = o tanh(c)`, of all tokens.
    ///
    /// # Shapes
    /// - bias: `[4, row]`; gates, of which the product with the input stands there: `[n, 4, row]`; states,
    ///   cells (written): `[n, row]`
    pub(super) fn forward<'a, S>(
        simd;
        steps: Steps<'a>,
        bias: &'a [f32],
        gates: &'a mut [f32],
        states: &'a mut [f32],
        cells: &'a mut [f32],
    ) {
        let Steps { batch, time, row, recurrent, .. } = steps;
        let wide = 4 * row;
        let shape = Shape { rows: batch, depth: recurrent.len() / wide, b_stride: wide, c_stride: wide };
        let mut before = [Buffer::zeros(batch * row), Buffer::zeros(batch * row)];
        let bias = S::as_simd_f32s(bias).0;
        let lanes = row / S::F32_LANES;
        for t in 0..time {
            let [h, c] = &mut before;
            steps.forget(t, h);
            steps.forget(t, c);
            let gates = &mut gates[steps.at(t, wide)];
            if t > 0 {
                product(simd, shape, wide / S::F32_LANES, Left::Rows(h, row), recurrent, gates, true);
            }
            let next_h = S::as_mut_simd_f32s(&mut states[steps.at(t, row)]).0;
            let next_c = S::as_mut_simd_f32s(&mut cells[steps.at(t, row)]).0;
            let gates = S::as_mut_simd_f32s(gates).0;
            let last_c = S::as_simd_f32s(c).0;
            for b in 0..batch {
                let gates = &mut gates[b * 4 * lanes..][..4 * lanes];
                for at in 0..lanes {
                    let z = |gate: usize| simd.add_f32s(gates[gate * lanes + at], bias[gate * lanes + at]);
                    let (i, f) = (sigmoid(simd, z(0)), sigmoid(simd, z(1)));
                    let (g, o) = (tanh(simd, z(2)), sigmoid(simd, z(3)));
                    let cell = simd.mul_add_e_f32s(f, last_c[b * lanes + at], simd.mul_f32s(i, g));
                    next_c[b * lanes + at] = cell;
                    next_h[b * lanes + at] = simd.mul_f32s(o, tanh(simd, cell));
                    gates[at] = i;
                    gates[lanes + at] = f;
                    gates[2 * lanes + at] = g;
                    gates[3 * lanes + at] = o;
                }
            }
            h.copy_from_slice(&states[steps.at(t, row)]);
            c.copy_from_slice(&cells[steps.at(t, row)]);
        }
    }
}

vectorised! {
    /// Gradients of the inputs of gates and candidate.
    ///
    /// # Shapes
    /// - gates, dgates (written): `[n, 4, row]`; cells, dstates: `[n, row]`
    pub(super) fn backward<'a, S>(
        simd;
        steps: Steps<'a>,
        gates: &'a [f32],
        cells: &'a [f32],
        dstates: &'a [f32],
        dgates: &'a mut [f32],
    ) {
        let Steps { batch, time, row, transposed, .. } = steps;
        let wide = 4 * row;
        let shape = Shape { rows: batch, depth: wide, b_stride: row, c_stride: row };
        let numbers = batch * row;
        let (mut dh, mut dc) = (Buffer::zeros(numbers), Buffer::zeros(numbers));
        let mut before = Buffer::zeros(numbers);
        let lanes = row / S::F32_LANES;
        for t in (0..time).rev() {
            match t {
                0 => before.fill(0.0),
                _ => before.copy_from_slice(&cells[steps.at(t - 1, row)]),
            }
            steps.forget(t, &mut before);
            {
                let (dh, dc) = (S::as_simd_f32s(&dh).0, S::as_mut_simd_f32s(&mut dc).0);
                let gates = S::as_simd_f32s(&gates[steps.at(t, wide)]).0;
                let dgates = S::as_mut_simd_f32s(&mut dgates[steps.at(t, wide)]).0;
                let cells = S::as_simd_f32s(&cells[steps.at(t, row)]).0;
                let dstates = S::as_simd_f32s(&dstates[steps.at(t, row)]).0;
                let before = S::as_simd_f32s(&before).0;
                for b in 0..batch {
                    for at in 0..lanes {
                        let (x, z) = (b * lanes + at, b * 4 * lanes + at);
                        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[z + gate * lanes]);
                        let dh = simd.add_f32s(dh[x], dstates[x]);
                        let open = tanh(simd, cells[x]);
                        let slope = tanh_slope(simd, open);
                        let through = simd.mul_f32s(simd.mul_f32s(dh, o), slope);
                        let dcell = simd.add_f32s(dc[x], through);
                        let gate = |d, s| simd.mul_f32s(d, sigmoid_slope(simd, s));
                        dgates[z] = gate(simd.mul_f32s(dcell, g), i);
                        dgates[z + lanes] = gate(simd.mul_f32s(dcell, before[x]), f);
                        let flat = tanh_slope(simd, g);
                        dgates[z + 2 * lanes] = simd.mul_f32s(simd.mul_f32s(dcell, i), flat);
                        dgates[z + 3 * lanes] = gate(simd.mul_f32s(dh, open), o);
                        dc[x] = simd.mul_f32s(dcell, f);
                    }
                }
            }
            if t > 0 {
                let left = Left::Rows(&dgates[steps.at(t, wide)], wide);
                product(simd, shape, lanes, left, transposed, &mut dh, false);
            }
            steps.forget(t, &mut dh);
            steps.forget(t, &mut dc);
        }
    }
}
