//! Sums of gradients that fade: gradient descent with momentum in place, and the look ahead of Muon.

use super::lanes::{for_lanes, vectorised};

/// Sums smaller than this become zero, as the means of AdamW do: if they decayed further, they would leave the
/// normal range of floats, where a processor takes a hundred times as long.
const VANISHING: f32 = 1e-30;

/// Factors of one step of gradient descent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descent {
    /// Factor of the gradient, for clipping.
    pub(crate) grad: f32,
    /// Share of the sum that is kept.
    pub(crate) momentum: f32,
    pub(crate) rate: f32,
    /// Factor of the parameter under weight decay: `1 - rate decay`.
    pub(crate) keep: f32,
}

vectorised! {
    /// Updates a parameter and the sum of its gradients.
    ///
    /// # Shapes
    /// - all slices: one common length
    pub(crate) fn descend<'a, S>(
        simd;
        factors: Descent,
        grad: &'a [f32],
        param: &'a mut [f32],
        sum: &'a mut [f32],
    ) {
        let all = |value| simd.splat_f32s(value);
        let (scale, kept, keep) = (all(factors.grad), all(factors.momentum), all(factors.keep));
        let (zero, least, minus_rate) = (all(0.0), all(VANISHING), all(-factors.rate));
        for_lanes!(S, simd, [grad in grad], [param of param, sum of sum], {
            let sum = simd.mul_add_e_f32s(sum, kept, simd.mul_f32s(grad, scale));
            let sum = simd.select_f32s(simd.less_than_f32s(simd.abs_f32s(sum), least), zero, sum);
            (simd.mul_add_e_f32s(sum, minus_rate, simd.mul_f32s(param, keep)), sum)
        });
    }
}

vectorised! {
    /// Adds gradients to their sum, and writes where the sum would be a step further (Nesterov 1983): `s <- k s + g`
    /// and `ahead = k s + g`.
    ///
    /// # Shapes
    /// - all slices: one common length
    pub(crate) fn look_ahead<'a, S>(
        simd;
        scale: f32,
        kept: f32,
        grad: &'a [f32],
        sum: &'a mut [f32],
        ahead: &'a mut [f32],
    ) {
        let all = |value| simd.splat_f32s(value);
        let (scale, kept, zero, least) = (all(scale), all(kept), all(0.0), all(VANISHING));
        for_lanes!(S, simd, [grad in grad], [sum of sum, ahead of ahead], {
            let _ = ahead;
            let grad = simd.mul_f32s(grad, scale);
            let sum = simd.mul_add_e_f32s(sum, kept, grad);
            let sum = simd.select_f32s(simd.less_than_f32s(simd.abs_f32s(sum), least), zero, sum);
            (sum, simd.mul_add_e_f32s(sum, kept, grad))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_without_gradients_decay_to_nothing() {
        let factors = Descent { grad: 1.0, momentum: 0.9, rate: 0.1, keep: 1.0 };
        let (mut param, mut sum, mut ahead) = ([1.0f32; 19], [0.0f32; 19], [0.0f32; 19]);
        descend(factors, &[1e-3; 19], &mut param, &mut sum);
        assert_eq!(param, [1.0 - 1e-4; 19]);
        for _ in 0..1000 {
            look_ahead(1.0, 0.9, &[0.0; 19], &mut sum, &mut ahead);
        }
        assert_eq!((sum, ahead), ([0.0; 19], [0.0; 19]));
    }
}
