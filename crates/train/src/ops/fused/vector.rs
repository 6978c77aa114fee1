//! Loops that the compiler turns into vector instructions, for the instruction set that the
//! processor turns out to have.

/// A function whose body is compiled for each instruction set and chosen at run time
/// ([`pulp::Arch`]). A closure would not do: it is not sure to be inlined there, and what is not
/// inlined is compiled for the least processor.
macro_rules! vectorised {
    ($(#[$meta:meta])* fn $name:ident<$life:lifetime>($($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        fn $name<$life>($($arg: $kind),*) {
            struct Work<$life> {
                $($arg: $kind),*
            }
            impl<$life> pulp::NullaryFnOnce for Work<$life> {
                type Output = ();
                #[inline(always)]
                fn call(self) {
                    let Work { $($arg),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Work { $($arg),* })
        }
    };
}
pub(super) use vectorised;

/// Lanes of an accumulator: one AVX-512 register.
const LANES: usize = 16;

/// `e^x`, within 2e-7 relative from -87 to 88; outside as at the nearer end. NaN stays NaN.
///
/// Cody & Waite reduction to `|r| <= ln 2 / 2`, then the polynomial of Cephes' `expf` (Moshier
/// 1989).
#[inline(always)]
#[allow(clippy::excessive_precision, reason = "constants as published")]
pub(super) fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // 1.5 * 2^23: adding it rounds to an integer that stands in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_15e-4;
    p = p * r + 1.398_199_95e-3;
    p = p * r + 8.333_451_9e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_55e-1;
    p = p * r + 5.000_000_1e-1;
    let value = p * r * r + r + 1.0;
    let exponent = shifted
        .to_bits()
        .wrapping_sub(MAGIC.to_bits())
        .wrapping_add(127)
        << 23;
    value * f32::from_bits(exponent)
}

/// `y += a x`
#[inline(always)]
pub(super) fn add_scaled(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `sum x y`, in 16 partial sums.
#[inline(always)]
pub(super) fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut partial = [0.0f32; LANES];
    let (x_chunks, y_chunks) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let mut rest = 0.0;
    for (x, y) in x_chunks.remainder().iter().zip(y_chunks.remainder()) {
        rest += x * y;
    }
    for (x, y) in x_chunks.zip(y_chunks) {
        for lane in 0..LANES {
            partial[lane] += x[lane] * y[lane];
        }
    }
    rest + partial.iter().sum::<f32>()
}

/// `sum x`, in 16 partial sums.
#[inline(always)]
pub(super) fn sum(x: &[f32]) -> f32 {
    let mut partial = [0.0f32; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for x in chunks {
        for lane in 0..LANES {
            partial[lane] += x[lane];
        }
    }
    rest + partial.iter().sum::<f32>()
}

/// The largest, negative infinity of none. A NaN may be passed over.
#[inline(always)]
pub(super) fn max(x: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut partial = [f32::NEG_INFINITY; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks
        .remainder()
        .iter()
        .fold(f32::NEG_INFINITY, |a, &b| larger(a, b));
    for x in chunks {
        for lane in 0..LANES {
            partial[lane] = larger(partial[lane], x[lane]);
        }
    }
    partial.iter().fold(rest, |a, &b| larger(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_exponential_is_within_its_bound_everywhere() {
        let mut worst = 0.0f64;
        for i in 0..1_750_000 {
            let x = -87.0 + i as f32 * 1e-4;
            worst = worst.max((f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs());
        }
        assert!(worst < 2e-7, "{worst:e}");
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn sums_agree_with_double_precision(x in prop::collection::vec(-10.0f32..10.0, 0..70)) {
            let exact = |f: fn(f64) -> f64| x.iter().map(|&x| f(f64::from(x))).sum::<f64>();
            prop_assert!((f64::from(sum(&x)) - exact(|x| x)).abs() < 1e-3);
            prop_assert!((f64::from(dot(&x, &x)) - exact(|x| x * x)).abs() < 1e-2);
            prop_assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
