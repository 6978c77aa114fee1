//! The AdamW update in place, and the sum of squares that clipping needs.

use super::lanes::{dot, for_lanes, vectorised};

/// Factors of one update, computed from its rate, step and constants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    /// Factor of the gradient, for clipping.
    pub(crate) grad: f32,
    pub(crate) beta1: f32,
    /// The number `1 - beta1`.
    pub(crate) rest1: f32,
    pub(crate) beta2: f32,
    /// The number `1 - beta2`.
    pub(crate) rest2: f32,
    /// Rate corrected for the first mean's start at zero: `rate / (1 - beta1^step)`.
    pub(crate) rate: f32,
    /// Correction of the second mean's root: `1 / sqrt(1 - beta2^step)`.
    pub(crate) unbias2: f32,
    pub(crate) epsilon: f32,
    /// Factor of the parameter under weight decay: `1 - rate decay`.
    pub(crate) keep: f32,
}

/// Limits of the two running means, below which they are set to zero. Steps this small do not
/// change the last bit of any parameter. If such means decayed further, they would stay outside the
/// normal range of floats, where a processor takes a hundred times as long (as for a rare byte's
/// row of the embedding, or a unit that no longer fires).
const VANISHING: (f32, f32) = (1e-30, 1e-34);

vectorised! {
    /// Updates a parameter and the running means of its gradient and of its square.
    ///
    /// # Shapes
    /// - all slices: one common length
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
        let (zero, least1, least2) = (all(0.0), all(VANISHING.0), all(VANISHING.1));
        let (unbias2, minus_rate) = (all(factors.unbias2), all(-factors.rate));
        for_lanes!(S, simd, [grad in grad], [param of param, first of first, second of second], {
            let grad = simd.mul_f32s(grad, scale);
            let first = simd.mul_add_e_f32s(first, beta1, simd.mul_f32s(grad, rest1));
            let first = simd.select_f32s(simd.less_than_f32s(simd.abs_f32s(first), least1), zero, first);
            let square = simd.mul_f32s(simd.mul_f32s(grad, grad), rest2);
            let second = simd.mul_add_e_f32s(second, beta2, square);
            let second = simd.select_f32s(simd.less_than_f32s(second, least2), zero, second);
            let root = simd.mul_add_e_f32s(simd.sqrt_f32s(second), unbias2, epsilon);
            let step = simd.div_f32s(first, root);
            let param = simd.mul_add_e_f32s(step, minus_rate, simd.mul_f32s(param, keep));
            (param, first, second)
        });
    }
}

vectorised! {
    /// Adds the sum of squares of `x` to `total`, in partial sums of 4096 terms.
    pub(crate) fn squares<'a, S>(simd; x: &'a [f32], total: &'a mut f64) {
        for part in x.chunks(4096) {
            *total += f64::from(dot(simd, part, part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_without_gradients_decay_to_nothing() {
        let factors = Factors {
            grad: 1.0,
            beta1: 0.9,
            rest1: 0.1,
            beta2: 0.95,
            rest2: 0.05,
            rate: 0.01,
            unbias2: 1.0,
            epsilon: 1e-8,
            keep: 1.0,
        };
        let (mut param, mut first, mut second) = ([1.0f32; 19], [0.0f32; 19], [0.0f32; 19]);
        update(factors, &[1e-3; 19], &mut param, &mut first, &mut second);
        let moved = param;
        for _ in 0..2000 {
            update(factors, &[0.0; 19], &mut param, &mut first, &mut second);
        }
        assert_eq!((first, second), ([0.0; 19], [0.0; 19]));
        assert!(param[0] < moved[0] && param.iter().all(|p| *p == param[0]));
    }
}
