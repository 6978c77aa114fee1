//! The AdamW update in place, and the norm that clipping needs.

use super::lanes::{dot, for_lanes, vectorised};

/// Factors of one update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    /// Of the gradient, for clipping.
    pub(crate) grad: f32,
    pub(crate) beta1: f32,
    /// `1 - beta1`
    pub(crate) rest1: f32,
    pub(crate) beta2: f32,
    /// `1 - beta2`
    pub(crate) rest2: f32,
    /// `rate / (1 - beta1^step)`
    pub(crate) rate: f32,
    /// `1 / sqrt(1 - beta2^step)`
    pub(crate) unbias2: f32,
    pub(crate) epsilon: f32,
    /// `1 - rate decay`
    pub(crate) keep: f32,
}

vectorised! {
    /// Updates a parameter and the running means of its gradient and of its square.
    ///
    /// # Shapes
    /// - all of one length
    pub(crate) fn update<'a, S>(
        simd;
        factors: Factors,
        grad: &'a [f32],
        param: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
    ) {
        let all = |value| simd.splat_f32s(value);
        let (scale, keep, epsilon) = (all(factors.grad), all(factors.keep), all(factors.epsilon));
        let (beta1, rest1) = (all(factors.beta1), all(factors.rest1));
        let (beta2, rest2) = (all(factors.beta2), all(factors.rest2));
        let (unbias2, minus_rate) = (all(factors.unbias2), all(-factors.rate));
        for_lanes!(S, simd, [grad in grad], [param of param, first of first, second of second], {
            let grad = simd.mul_f32s(grad, scale);
            let first = simd.mul_add_e_f32s(first, beta1, simd.mul_f32s(grad, rest1));
            let square = simd.mul_f32s(simd.mul_f32s(grad, grad), rest2);
            let second = simd.mul_add_e_f32s(second, beta2, square);
            let root = simd.mul_add_e_f32s(simd.sqrt_f32s(second), unbias2, epsilon);
            let step = simd.div_f32s(first, root);
            let param = simd.mul_add_e_f32s(step, minus_rate, simd.mul_f32s(param, keep));
            (param, first, second)
        });
    }
}

vectorised! {
    /// Adds to `total` the sum of squares, in partial sums of 4096 terms.
    pub(crate) fn squares<'a, S>(simd; x: &'a [f32], total: &'a mut f64) {
        for part in x.chunks(4096) {
            *total += f64::from(dot(simd, part, part));
        }
    }
}
