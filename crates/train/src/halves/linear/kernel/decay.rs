//! What a head's state is multiplied by at each token, `exp(-exp(rate) softplus(z + bias))`, and back.

use crate::ops::kernels::activation::sigmoid;
use crate::ops::kernels::lanes::{exp, for_lanes, sum, vectorised};
use pulp::Simd;

vectorised! {
    /// Writes the factors of a head's tokens.
    pub(super) fn forward<'a, S>(
        simd;
        z: &'a [f32],
        rate: f32,
        bias: f32,
        factors: &'a mut [f32],
    ) {
        let (rate, bias) = (simd.splat_f32s(-rate.exp()), simd.splat_f32s(bias));
        for_lanes!(S, simd, [z in z], [factor of factors], {
            let _ = factor;
            (exp(simd, simd.mul_f32s(rate, softplus(simd, simd.add_f32s(z, bias)))),)
        });
    }
}

vectorised! {
    /// Makes gradients of the logarithms of factors those of z, and adds to those of rate and of bias.
    pub(super) fn backward<'a, S>(
        simd;
        z: &'a [f32],
        rate: f32,
        bias: f32,
        gradients: &'a mut [f32],
        scratch: &'a mut [f32],
        drate: &'a mut f32,
        dbias: &'a mut f32,
    ) {
        let (rate, bias) = (simd.splat_f32s(-rate.exp()), simd.splat_f32s(bias));
        for_lanes!(S, simd, [z in z], [gradient of &mut *gradients, of_rate of &mut *scratch], {
            let _ = of_rate;
            let z = simd.add_f32s(z, bias);
            let scaled = simd.mul_f32s(gradient, rate);
            (
                simd.mul_f32s(scaled, sigmoid(simd, z)),
                simd.mul_f32s(scaled, softplus(simd, z)),
            )
        });
        *dbias += sum(simd, gradients);
        *drate += sum(simd, scratch);
    }
}

/// `ln(1 + exp(x))`, within a few roundings of itself also where it is nearly 0.
#[inline(always)]
fn softplus<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let positive = simd.less_than_f32s(simd.splat_f32s(0.0), x);
    let straight = simd.select_f32s(positive, x, simd.splat_f32s(0.0));
    let small = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
    simd.add_f32s(straight, ln_1p(simd, small))
}

/// `ln(1 + u)` for u from 0 to 1: `2 artanh(u / (2 + u))` by its series, cut where a term is below 2e-9 of
/// the first.
#[inline(always)]
fn ln_1p<S: Simd>(simd: S, u: S::f32s) -> S::f32s {
    let ratio = simd.div_f32s(u, simd.add_f32s(u, simd.splat_f32s(2.0)));
    let square = simd.mul_f32s(ratio, ratio);
    let mut sum = simd.splat_f32s(2.0 / 15.0);
    for odd in [13.0f32, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = simd.mul_add_e_f32s(sum, square, simd.splat_f32s(2.0 / odd));
    }
    simd.mul_f32s(sum, ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    vectorised! {
        fn map_softplus<'a, S>(simd; x: &'a [f32], y: &'a mut [f32]) {
            for_lanes!(S, simd, [x in x], [y of y], { let _ = y; (softplus(simd, x),) });
        }
    }

    #[test]
    fn softplus_is_within_its_bound_everywhere() {
        let x: Vec<f32> = (0..100_001).map(|i| -59.0 + i as f32 * 1e-3).collect();
        let mut y = vec![0.0; x.len()];
        map_softplus(&x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let x = f64::from(x);
            let exact = x.max(0.0) + (-x.abs()).exp().ln_1p();
            assert!((f64::from(y) / exact - 1.0).abs() < 5e-7, "{x}: {y} against {exact}");
        }
    }

    #[test]
    fn factors_reach_from_one_to_nothing() {
        let mut factors = [0.5; 4];
        forward(&[-80.0, 0.0, 30.0, f32::NAN], 0.0, 0.0, &mut factors);
        assert_eq!(factors[0], 1.0);
        assert!((factors[1] - 0.5).abs() < 1e-6);
        assert!((factors[2] / (-30f32).exp() - 1.0).abs() < 1e-5);
        assert!(factors[3].is_nan(), "a loss that has diverged must stay so");
    }
}
