//! Vectors of whatever width the processor supports (see [`pulp`]), and elementary functions on
//! them.

use pulp::Simd;

/// Defines a function whose body is compiled for every instruction set, with `S: Simd` and the
/// named `simd` in scope; the best version is chosen at run time. Every function on vectors that it
/// calls must be `#[inline(always)]`, since a function that is not inlined is compiled for the most
/// basic processor.
macro_rules! vectorised {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$life:lifetime, $s:ident>($simd:ident; $($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name<$life>($($arg: $kind),*) {
            struct Work<$life> {
                $($arg: $kind),*
            }
            impl<$life> pulp::WithSimd for Work<$life> {
                type Output = ();
                #[inline(always)]
                fn with_simd<$s: pulp::Simd>(self, $simd: $s) {
                    let Work { $($arg),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Work { $($arg),* })
        }
    };
}
pub(crate) use vectorised;

/// Runs over slices of equal length, one vector at a time, with the remainder last. It reads each
/// `x in xs`, and reads and writes each `y of ys`; the body returns the new values of the `y` as a
/// tuple. In the remainder, lanes past the end read as zero.
macro_rules! for_lanes {
    ($s:ident, $simd:ident, [$($x:ident in $xs:expr),*], [$($y:ident of $ys:expr),+], $body:expr) => {{
        $(let $x = $s::as_simd_f32s($xs);)*
        $(let $y = $s::as_mut_simd_f32s($ys);)+
        let whole = [$($y.0.len()),+][0];
        $(let $x = (&$x.0[..whole], $x.1);)*
        $(let $y = (&mut $y.0[..whole], $y.1);)+
        for i in 0..whole {
            ($($y.0[i],)+) = {
                $(let $x = $x.0[i];)*
                $(let $y = $y.0[i];)+
                $body
            };
        }
        if [$($y.1.len()),+][0] > 0 {
            let values = {
                $(let $x = $simd.partial_load_f32s($x.1);)*
                $(let $y = $simd.partial_load_f32s(&*$y.1);)+
                $body
            };
            $crate::ops::kernels::lanes::StoreTails::store($simd, ($($y.1,)+), values);
        }
    }};
}
pub(crate) use for_lanes;

/// Stores the first lanes of a tuple of vectors.
pub(crate) trait StoreTails<S: Simd> {
    /// Vectors to store, one per slice.
    type Values;
    /// Stores as many lanes as each slice has room for.
    fn store(simd: S, tails: Self, values: Self::Values);
}

impl<S: Simd> StoreTails<S> for (&mut [f32],) {
    type Values = (S::f32s,);
    #[inline(always)]
    fn store(simd: S, tails: Self, values: Self::Values) {
        simd.partial_store_f32s(tails.0, values.0);
    }
}

impl<S: Simd> StoreTails<S> for (&mut [f32], &mut [f32]) {
    type Values = (S::f32s, S::f32s);
    #[inline(always)]
    fn store(simd: S, tails: Self, values: Self::Values) {
        simd.partial_store_f32s(tails.0, values.0);
        simd.partial_store_f32s(tails.1, values.1);
    }
}

impl<S: Simd> StoreTails<S> for (&mut [f32], &mut [f32], &mut [f32]) {
    type Values = (S::f32s, S::f32s, S::f32s);
    #[inline(always)]
    fn store(simd: S, tails: Self, values: Self::Values) {
        simd.partial_store_f32s(tails.0, values.0);
        simd.partial_store_f32s(tails.1, values.1);
        simd.partial_store_f32s(tails.2, values.2);
    }
}

/// Range of [`exp`]: below the first number it is zero, and above the second it is constant.
const EXP_RANGE: (f32, f32) = (-60.0, 88.0);

/// Computes `e^x` within 2e-7 (relative) from -60 to 88; it is `e^88` above that range and zero
/// below. A softmax share below the range changes no sum that it is part of, but products with a
/// few more small numbers would leave the normal range of floats, where a processor takes a hundred
/// times as long.
///
/// The method is a Cody & Waite reduction to `|r| <= ln 2 / 2`, then the polynomial of Cephes'
/// `expf` (Moshier 1989).
#[inline(always)]
#[allow(clippy::excessive_precision, reason = "constants as published")]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 6] = [
        1.987_569_15e-4,
        1.398_199_95e-3,
        8.333_451_9e-3,
        4.166_579_6e-2,
        1.666_666_55e-1,
        5.000_000_1e-1,
    ];
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    let magic = simd.splat_f32s(12_582_912.0);
    let vanishes = simd.less_than_f32s(x, simd.splat_f32s(EXP_RANGE.0));
    // A comparison stands here instead of a minimum: some processors give the number as the
    // minimum of a number and NaN, and a loss that has diverged must stay NaN.
    let most = simd.splat_f32s(EXP_RANGE.1);
    let x = simd.select_f32s(simd.less_than_f32s(most, x), most, x);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), magic);
    let n = simd.sub_f32s(shifted, magic);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_LOW), r);
    let mut p = simd.splat_f32s(POLYNOMIAL[0]);
    for coefficient in &POLYNOMIAL[1..] {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(*coefficient));
    }
    let r1 = simd.add_f32s(r, simd.splat_f32s(1.0));
    let value = simd.mul_add_e_f32s(simd.mul_f32s(r, r), p, r1);
    // The low bits of `shifted`, shifted into the exponent, add n to it.
    let exponent = simd.wrapping_dyn_shl_u32s(
        simd.transmute_u32s_f32s(shifted),
        simd.splat_u32s(f32::MANTISSA_DIGITS - 1),
    );
    let value = simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(value), exponent));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), value)
}

/// Computes `x Phi(x)` and its derivative `Phi(x) + x phi(x)`, each within 5e-7 of `max(1, |x|)`.
///
/// The error function is that of Abramowitz & Stegun 1964, 7.1.26 (absolute error 1.5e-7); its
/// exponential is the same that the derivative needs.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    const P: f32 = 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2;
    const A: [f32; 5] = [1.061_405_4, -1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6];
    const INV_SQRT_TAU: f32 = 0.398_942_3;
    let one = simd.splat_f32s(1.0);
    let bell = exp(simd, simd.mul_f32s(simd.mul_f32s(x, x), simd.splat_f32s(-0.5)));
    let t = simd.div_f32s(one, simd.mul_add_e_f32s(simd.abs_f32s(x), simd.splat_f32s(P), one));
    let mut sum = simd.splat_f32s(A[0]);
    for a in &A[1..] {
        sum = simd.mul_add_e_f32s(sum, t, simd.splat_f32s(*a));
    }
    let half_bell = simd.mul_f32s(bell, simd.splat_f32s(0.5));
    let tail = simd.mul_f32s(simd.mul_f32s(sum, t), half_bell);
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    let phi = simd.select_f32s(negative, tail, simd.sub_f32s(one, tail));
    let density = simd.mul_f32s(bell, simd.splat_f32s(INV_SQRT_TAU));
    (simd.mul_f32s(x, phi), simd.mul_add_e_f32s(x, density, phi))
}

/// Dot product of two slices, `sum x y`.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "constant bounds keep the sums in registers")]
pub(crate) fn dot<S: Simd>(simd: S, x: &[f32], y: &[f32]) -> f32 {
    let ((x, x_rest), (y, y_rest)) = (S::as_simd_f32s(x), S::as_simd_f32s(y));
    let mut partial = [simd.splat_f32s(0.0); 4];
    let whole = x.len();
    let y = &y[..whole];
    let mut i = 0;
    while i + 4 <= whole {
        for k in 0..4 {
            partial[k] = simd.mul_add_e_f32s(x[i + k], y[i + k], partial[k]);
        }
        i += 4;
    }
    while i < whole {
        partial[0] = simd.mul_add_e_f32s(x[i], y[i], partial[0]);
        i += 1;
    }
    if !x_rest.is_empty() {
        let (x, y) = (simd.partial_load_f32s(x_rest), simd.partial_load_f32s(y_rest));
        partial[1] = simd.mul_add_e_f32s(x, y, partial[1]);
    }
    let sum =
        simd.add_f32s(simd.add_f32s(partial[0], partial[1]), simd.add_f32s(partial[2], partial[3]));
    simd.reduce_sum_f32s(sum)
}

/// Sum of a slice.
#[inline(always)]
pub(crate) fn sum<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (x, rest) = S::as_simd_f32s(x);
    let mut partial = [simd.splat_f32s(0.0); 2];
    for (i, x) in x.iter().enumerate() {
        partial[i & 1] = simd.add_f32s(partial[i & 1], *x);
    }
    if !rest.is_empty() {
        partial[1] = simd.add_f32s(partial[1], simd.partial_load_f32s(rest));
    }
    simd.reduce_sum_f32s(simd.add_f32s(partial[0], partial[1]))
}

/// Maximum of a slice; negative infinity if it is empty.
#[inline(always)]
pub(crate) fn max<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (x, rest) = S::as_simd_f32s(x);
    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
    for x in x {
        largest = simd.max_f32s(largest, *x);
    }
    let rest = rest.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    simd.reduce_max_f32s(largest).max(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    vectorised! {
        fn map_exp<'a, S>(simd; x: &'a [f32], y: &'a mut [f32]) {
            for_lanes!(S, simd, [x in x], [y of y], { let _ = y; (exp(simd, x),) });
        }
    }

    vectorised! {
        fn sums<'a, S>(simd; x: &'a [f32], found: &'a mut [f32; 3]) {
            *found = [sum(simd, x), dot(simd, x, x), max(simd, x)];
        }
    }

    vectorised! {
        fn map_gelu<'a, S>(simd; x: &'a [f32], y: &'a mut [f32], slope: &'a mut [f32]) {
            for_lanes!(S, simd, [x in x], [y of y, z of slope], { let _ = (y, z); gelu(simd, x) });
        }
    }

    #[test]
    fn the_exponential_is_within_its_bound_everywhere() {
        let x: Vec<f32> = (0..1_479_999).map(|i| -60.0 + i as f32 * 1e-4).collect();
        let mut y = vec![0.0; x.len()];
        map_exp(&x, &mut y);
        let worst = x.iter().zip(&y).fold(0.0f64, |worst, (&x, &y)| {
            worst.max((f64::from(y) / f64::from(x).exp() - 1.0).abs())
        });
        assert!(worst < 2e-7, "{worst:e}");
        let mut ends = [1.0; 5];
        map_exp(&[0.0, f32::NEG_INFINITY, -60.001, 200.0, f32::NAN], &mut ends);
        assert_eq!(ends[..3], [1.0, 0.0, 0.0]);
        assert!(ends[3] > 1e38 && ends[3].is_finite() && ends[4].is_nan(), "{ends:?}");
    }

    #[test]
    fn gelu_and_its_slope_are_within_their_bound_everywhere() {
        let x: Vec<f32> = (0..400_001).map(|i| -20.0 + i as f32 * 1e-4).collect();
        let (mut y, mut slope) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        map_gelu(&x, &mut y, &mut slope);
        for ((&x, &y), &slope) in x.iter().zip(&y).zip(&slope) {
            let x = f64::from(x);
            let phi = normal_cdf(x);
            let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
            let bound = 5e-7 * x.abs().max(1.0);
            assert!((f64::from(y) - x * phi).abs() < bound, "{x}");
            assert!((f64::from(slope) - phi - x * density).abs() < bound, "{x}");
        }
    }

    /// The normal distribution function by Abramowitz & Stegun 1964: the series 26.2.11 near zero
    /// and the continued fraction 26.2.14 in the tails.
    fn normal_cdf(x: f64) -> f64 {
        let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let upper = |x: f64| density / (1..=200).rev().fold(x, |rest, k| x + f64::from(k) / rest);
        if x > 3.0 {
            return 1.0 - upper(x);
        }
        if x < -3.0 {
            return upper(-x);
        }
        let (mut term, mut total) = (x, x);
        for k in 1..100 {
            term *= x * x / f64::from(2 * k + 1);
            total += term;
        }
        0.5 + density * total
    }

    proptest! {
        #[test]
        fn sums_agree_with_double_precision(x in prop::collection::vec(-10.0f32..10.0, 0..170)) {
            let exact = |f: fn(f64) -> f64| x.iter().map(|&x| f(f64::from(x))).sum::<f64>();
            let mut found = [0.0; 3];
            sums(&x, &mut found);
            prop_assert!((f64::from(found[0]) - exact(|x| x)).abs() < 1e-3);
            prop_assert!((f64::from(found[1]) - exact(|x| x * x)).abs() < 2e-2);
            prop_assert_eq!(found[2], x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
