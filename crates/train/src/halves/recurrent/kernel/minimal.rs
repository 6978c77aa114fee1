//! The steps of minimal networks, in which the state meets no product: `h = keep h + (1 - keep) g`.

use super::{Steps, sigmoid_slope};
use crate::ops::kernels::activation::sigmoid;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, vectorised};
use pulp::Simd;

/// `x + 0.5` from 0 on and `sigmoid(x)` below, with its slope.
#[inline(always)]
fn positive<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let s = sigmoid(simd, x);
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    let value = simd.select_f32s(negative, s, simd.add_f32s(x, simd.splat_f32s(0.5)));
    let slope = simd.select_f32s(negative, sigmoid_slope(simd, s), simd.splat_f32s(1.0));
    (value, slope)
}

/// `sigmoid(x)` and `sigmoid(|x|)`, of one exponential.
#[inline(always)]
fn sigmoids<S: Simd>(simd: S, x: S::f32s) -> [S::f32s; 2] {
    let one = simd.splat_f32s(1.0);
    let small = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
    let large = simd.div_f32s(one, simd.add_f32s(one, small));
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    [simd.select_f32s(negative, simd.mul_f32s(small, large), large), large]
}

/// `min(x, 0)`
#[inline(always)]
fn below<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_f32s(x, zero), x, zero)
}

/// What an LSTM keeps of its state, `f / (f + i)` with `f = sigmoid(x)`, `i = sigmoid(y)`, even where both
/// vanish; then f and i.
#[inline(always)]
fn share<S: Simd>(simd: S, x: S::f32s, y: S::f32s) -> [S::f32s; 3] {
    // sigmoid(x) is e^min(x, 0) sigmoid(|x|), and sigmoid(|x|) lies between 1/2 and 1.
    let ([f, p], [i, q]) = (sigmoids(simd, x), sigmoids(simd, y));
    // With a = e^(min(x, 0) - min(y, 0)) and apart = a / (1 + a): share = a p / (a p + q).
    let apart = sigmoid(simd, simd.sub_f32s(below(simd, x), below(simd, y)));
    let top = simd.mul_f32s(apart, p);
    let rest = simd.mul_f32s(simd.sub_f32s(simd.splat_f32s(1.0), apart), q);
    [simd.div_f32s(top, simd.add_f32s(top, rest)), f, i]
}

vectorised! {
    /// `h = (1 - z) h + z g(c)` with `z = sigmoid`, of all tokens.
    ///
    /// # Shapes
    /// - driven, of z and c: `[n, 2, row]`; states (written): `[n, row]`
    pub(super) fn gru_forward<'a, S>(
        simd;
        steps: Steps<'a>,
        driven: &'a [f32],
        states: &'a mut [f32],
    ) {
        let Steps { batch, time, row, .. } = steps;
        let lanes = row / S::F32_LANES;
        let mut state = Buffer::zeros(batch * row);
        for t in 0..time {
            steps.forget(t, &mut state);
            let driven = S::as_simd_f32s(&driven[steps.at(t, 2 * row)]).0;
            let state = S::as_mut_simd_f32s(&mut state).0;
            for (driven, state) in driven.chunks_exact(2 * lanes).zip(state.chunks_exact_mut(lanes)) {
                let (gates, candidates) = driven.split_at(lanes);
                for ((z, c), h) in gates.iter().zip(candidates).zip(state) {
                    let z = sigmoid(simd, *z);
                    let fresh = simd.sub_f32s(positive(simd, *c).0, *h);
                    *h = simd.mul_add_e_f32s(z, fresh, *h);
                }
            }
            S::as_mut_simd_f32s(&mut states[steps.at(t, row)]).0.copy_from_slice(state);
        }
    }
}

vectorised! {
    /// Gradients of what the input gives.
    ///
    /// # Shapes
    /// - driven, ddriven (written): `[n, 2, row]`; states, dstates: `[n, row]`
    pub(super) fn gru_backward<'a, S>(
        simd;
        steps: Steps<'a>,
        driven: &'a [f32],
        states: &'a [f32],
        dstates: &'a [f32],
        ddriven: &'a mut [f32],
    ) {
        let Steps { batch, time, row, .. } = steps;
        let lanes = row / S::F32_LANES;
        let (mut dh, mut before) = (Buffer::zeros(batch * row), Buffer::zeros(batch * row));
        for t in (0..time).rev() {
            match t {
                0 => before.fill(0.0),
                _ => before.copy_from_slice(&states[steps.at(t - 1, row)]),
            }
            steps.forget(t, &mut before);
            {
                let dh = S::as_mut_simd_f32s(&mut dh).0;
                let driven = S::as_simd_f32s(&driven[steps.at(t, 2 * row)]).0;
                let ddriven = S::as_mut_simd_f32s(&mut ddriven[steps.at(t, 2 * row)]).0;
                let dstates = S::as_simd_f32s(&dstates[steps.at(t, row)]).0;
                let before = S::as_simd_f32s(&before).0;
                for b in 0..batch {
                    for at in 0..lanes {
                        let (x, first) = (b * lanes + at, b * 2 * lanes + at);
                        let z = sigmoid(simd, driven[first]);
                        let (g, slope) = positive(simd, driven[first + lanes]);
                        let d = simd.add_f32s(dh[x], dstates[x]);
                        let dz = simd.mul_f32s(d, simd.sub_f32s(g, before[x]));
                        let fresh = simd.mul_f32s(d, z);
                        ddriven[first] = simd.mul_f32s(dz, sigmoid_slope(simd, z));
                        ddriven[first + lanes] = simd.mul_f32s(fresh, slope);
                        dh[x] = simd.sub_f32s(d, fresh);
                    }
                }
            }
            steps.forget(t, &mut dh);
        }
    }
}

vectorised! {
    /// `h = p h + (1 - p) g(c)` with `p = f / (f + i)`, of all tokens.
    ///
    /// # Shapes
    /// - driven, of f, i and c: `[n, 3, row]`; states (written): `[n, row]`
    pub(super) fn lstm_forward<'a, S>(
        simd;
        steps: Steps<'a>,
        driven: &'a [f32],
        states: &'a mut [f32],
    ) {
        let Steps { batch, time, row, .. } = steps;
        let lanes = row / S::F32_LANES;
        let mut state = Buffer::zeros(batch * row);
        for t in 0..time {
            steps.forget(t, &mut state);
            let driven = S::as_simd_f32s(&driven[steps.at(t, 3 * row)]).0;
            let state = S::as_mut_simd_f32s(&mut state).0;
            for (driven, state) in driven.chunks_exact(3 * lanes).zip(state.chunks_exact_mut(lanes)) {
                for (at, h) in state.iter_mut().enumerate() {
                    let [p, _, _] = share(simd, driven[at], driven[lanes + at]);
                    let g = positive(simd, driven[2 * lanes + at]).0;
                    *h = simd.mul_add_e_f32s(p, simd.sub_f32s(*h, g), g);
                }
            }
            S::as_mut_simd_f32s(&mut states[steps.at(t, row)]).0.copy_from_slice(state);
        }
    }
}

vectorised! {
    /// Gradients of what the input gives.
    ///
    /// # Shapes
    /// - driven, ddriven (written): `[n, 3, row]`; states, dstates: `[n, row]`
    pub(super) fn lstm_backward<'a, S>(
        simd;
        steps: Steps<'a>,
        driven: &'a [f32],
        states: &'a [f32],
        dstates: &'a [f32],
        ddriven: &'a mut [f32],
    ) {
        let Steps { batch, time, row, .. } = steps;
        let lanes = row / S::F32_LANES;
        let (mut dh, mut before) = (Buffer::zeros(batch * row), Buffer::zeros(batch * row));
        let one = simd.splat_f32s(1.0);
        for t in (0..time).rev() {
            match t {
                0 => before.fill(0.0),
                _ => before.copy_from_slice(&states[steps.at(t - 1, row)]),
            }
            steps.forget(t, &mut before);
            {
                let dh = S::as_mut_simd_f32s(&mut dh).0;
                let driven = S::as_simd_f32s(&driven[steps.at(t, 3 * row)]).0;
                let ddriven = S::as_mut_simd_f32s(&mut ddriven[steps.at(t, 3 * row)]).0;
                let dstates = S::as_simd_f32s(&dstates[steps.at(t, row)]).0;
                let before = S::as_simd_f32s(&before).0;
                for b in 0..batch {
                    for at in 0..lanes {
                        let (x, first) = (b * lanes + at, b * 3 * lanes + at);
                        let [p, f, i] = share(simd, driven[first], driven[first + lanes]);
                        let (g, slope) = positive(simd, driven[first + 2 * lanes]);
                        let d = simd.add_f32s(dh[x], dstates[x]);
                        let dp = simd.mul_f32s(d, simd.sub_f32s(before[x], g));
                        let dp = simd.mul_f32s(dp, sigmoid_slope(simd, p));
                        let kept = simd.mul_f32s(d, p);
                        ddriven[first] = simd.mul_f32s(dp, simd.sub_f32s(one, f));
                        ddriven[first + lanes] = simd.mul_f32s(dp, simd.sub_f32s(i, one));
                        let fresh = simd.sub_f32s(d, kept);
                        ddriven[first + 2 * lanes] = simd.mul_f32s(fresh, slope);
                        dh[x] = kept;
                    }
                }
            }
            steps.forget(t, &mut dh);
        }
    }
}
