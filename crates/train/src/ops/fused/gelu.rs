//! `x Phi(x)` in one pass, with its derivative.

use super::Kernel;
use super::vector::{exp, vectorised};

/// The exact GELU (Hendrycks & Gimpel 2016), element by element.
#[derive(Debug)]
pub(crate) struct GeluKernel;

/// `x Phi(x)` and `Phi(x) + x phi(x)`, each within 5e-7 of `max(1, |x|)`.
///
/// erf by Abramowitz & Stegun 1964, 7.1.26 (absolute error 1.5e-7); its exponential is the one
/// that the derivative needs.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [
        0.254_829_6,
        -0.284_496_72,
        1.421_413_8,
        -1.453_152_1,
        1.061_405_4,
    ];
    const INV_SQRT_TAU: f32 = 0.398_942_3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + P * z);
    let bell = exp(-0.5 * x * x);
    let tail = ((((A[4] * t + A[3]) * t + A[2]) * t + A[1]) * t + A[0]) * t * bell * 0.5;
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    (x * phi, phi + x * INV_SQRT_TAU * bell)
}

impl Kernel for GeluKernel {
    fn output_dims(&self, input: &[usize]) -> Vec<usize> {
        input.to_vec()
    }

    /// Keeps the derivative.
    fn forward(&self, x: &[f32], _: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let (mut y, mut slope) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        forward(x, &mut y, &mut slope);
        (y, slope)
    }

    fn backward(&self, _: &[f32], _: &[f32], slope: &[f32], dy: &[f32], _: &[usize]) -> Vec<f32> {
        slope.iter().zip(dy).map(|(slope, dy)| slope * dy).collect()
    }
}

vectorised! {
    fn forward<'a>(x: &'a [f32], y: &'a mut [f32], slope: &'a mut [f32]) {
        for ((x, y), slope) in x.iter().zip(y).zip(slope) {
            (*y, *slope) = gelu(*x);
        }
    }
}
