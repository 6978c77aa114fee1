//! The steps of a GRU: gates r and z, candidate n, stored in that order.

use super::{Steps, sigmoid_slope, tanh_slope};
use crate::ops::kernels::activation::{sigmoid, tanh};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::vectorised;
use crate::ops::kernels::tile::{Left, Shape, product};

vectorised! {
    /// `n = tanh(n + r turned)`, `h = (1 - z) n + z h`, of all tokens.
    ///
    /// # Shapes
    /// - biases, of the input and of the state: `[3, row]`; gates, of which the product with the input
    ///   stands there: `[n, 3, row]`; states, turned (written): `[n, row]`
    pub(super) fn forward<'a, S>(
        simd;
        steps: Steps<'a>,
        biases: [&'a [f32]; 2],
        gates: &'a mut [f32],
        states: &'a mut [f32],
        turned: &'a mut [f32],
    ) {
        let Steps { batch, time, row, recurrent, .. } = steps;
        let wide = 3 * row;
        let shape = Shape { rows: batch, depth: recurrent.len() / wide, b_stride: wide, c_stride: wide };
        let mut before = Buffer::zeros(batch * row);
        let mut products = Buffer::stale(batch * wide);
        let [bias, state_bias] = biases;
        let bias = S::as_simd_f32s(bias).0;
        let one = simd.splat_f32s(1.0);
        let lanes = row / S::F32_LANES;
        for t in 0..time {
            steps.forget(t, &mut before);
            for products in products.chunks_exact_mut(wide) {
                products.copy_from_slice(state_bias);
            }
            if t > 0 {
                let left = Left::Rows(&before, row);
                product(simd, shape, wide / S::F32_LANES, left, recurrent, &mut products, true);
            }
            let products = S::as_simd_f32s(&products).0;
            let last = S::as_simd_f32s(&before).0;
            let next = S::as_mut_simd_f32s(&mut states[steps.at(t, row)]).0;
            let turned = S::as_mut_simd_f32s(&mut turned[steps.at(t, row)]).0;
            let gates = S::as_mut_simd_f32s(&mut gates[steps.at(t, wide)]).0;
            for b in 0..batch {
                for at in 0..lanes {
                    let (x, first) = (b * lanes + at, b * 3 * lanes + at);
                    let driven = |gate: usize| {
                        simd.add_f32s(gates[first + gate * lanes], bias[gate * lanes + at])
                    };
                    let of_state = |gate: usize| products[first + gate * lanes];
                    let r = sigmoid(simd, simd.add_f32s(driven(0), of_state(0)));
                    let z = sigmoid(simd, simd.add_f32s(driven(1), of_state(1)));
                    let n = tanh(simd, simd.mul_add_e_f32s(r, of_state(2), driven(2)));
                    turned[x] = of_state(2);
                    let kept = simd.mul_f32s(z, last[x]);
                    next[x] = simd.mul_add_e_f32s(simd.sub_f32s(one, z), n, kept);
                    gates[first] = r;
                    gates[first + lanes] = z;
                    gates[first + 2 * lanes] = n;
                }
            }
            before.copy_from_slice(&states[steps.at(t, row)]);
        }
    }
}

vectorised! {
    /// Gradients of what the input gives and of what the state gives.
    ///
    /// # Shapes
    /// - gates, both gradients (written): `[n, 3, row]`; states, turned, dstates: `[n, row]`
    pub(super) fn backward<'a, S>(
        simd;
        steps: Steps<'a>,
        gates: &'a [f32],
        states: &'a [f32],
        turned: &'a [f32],
        dstates: &'a [f32],
        gradients: [&'a mut [f32]; 2],
    ) {
        let Steps { batch, time, row, transposed, .. } = steps;
        let wide = 3 * row;
        let shape = Shape { rows: batch, depth: wide, b_stride: row, c_stride: row };
        let mut dh = Buffer::zeros(batch * row);
        let mut before = Buffer::zeros(batch * row);
        let [ddriven, dturned] = gradients;
        let one = simd.splat_f32s(1.0);
        let lanes = row / S::F32_LANES;
        for t in (0..time).rev() {
            match t {
                0 => before.fill(0.0),
                _ => before.copy_from_slice(&states[steps.at(t - 1, row)]),
            }
            steps.forget(t, &mut before);
            {
                let dh = S::as_mut_simd_f32s(&mut dh).0;
                let gates = S::as_simd_f32s(&gates[steps.at(t, wide)]).0;
                let turned = S::as_simd_f32s(&turned[steps.at(t, row)]).0;
                let dstates = S::as_simd_f32s(&dstates[steps.at(t, row)]).0;
                let ddriven = S::as_mut_simd_f32s(&mut ddriven[steps.at(t, wide)]).0;
                let dturned = S::as_mut_simd_f32s(&mut dturned[steps.at(t, wide)]).0;
                let before = S::as_simd_f32s(&before).0;
                for b in 0..batch {
                    for at in 0..lanes {
                        let (x, first) = (b * lanes + at, b * 3 * lanes + at);
                        let [r, z, n] = [0, 1, 2].map(|gate| gates[first + gate * lanes]);
                        let d = simd.add_f32s(dh[x], dstates[x]);
                        let fresh = simd.mul_f32s(d, simd.sub_f32s(one, z));
                        let dn = simd.mul_f32s(fresh, tanh_slope(simd, n));
                        let dz = simd.mul_f32s(d, simd.sub_f32s(before[x], n));
                        let dz = simd.mul_f32s(dz, sigmoid_slope(simd, z));
                        let dr = simd.mul_f32s(simd.mul_f32s(dn, turned[x]), sigmoid_slope(simd, r));
                        for (gate, value) in [dr, dz, dn].into_iter().enumerate() {
                            ddriven[first + gate * lanes] = value;
                        }
                        for (gate, value) in [dr, dz, simd.mul_f32s(dn, r)].into_iter().enumerate() {
                            dturned[first + gate * lanes] = value;
                        }
                        dh[x] = simd.mul_f32s(d, z);
                    }
                }
            }
            if t > 0 {
                let left = Left::Rows(&dturned[steps.at(t, wide)], wide);
                product(simd, shape, lanes, left, transposed, &mut dh, true);
            }
            steps.forget(t, &mut dh);
        }
    }
}
