//! Rows scaled to unit root mean square, after taking the mean off where asked.

use super::Kernel;
use super::vector::{dot, sum, vectorised};
use crate::ops::norm::NORM_EPSILON;

/// Normalisation of every row, before its gain.
#[derive(Debug)]
pub(crate) struct NormaliseKernel {
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
}

impl Kernel for NormaliseKernel {
    fn output_dims(&self, input: &[usize]) -> Vec<usize> {
        input.to_vec()
    }

    /// Keeps the scale of each row.
    fn forward(&self, x: &[f32], dims: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let (mut y, mut scales) = (vec![0.0; x.len()], vec![0.0; dims[0]]);
        forward(x, dims[1], self.centre, &mut y, &mut scales);
        (y, scales)
    }

    /// `scale (dy - mean(dy) - y mean(y dy))`, the first mean with centring only.
    fn backward(
        &self,
        _: &[f32],
        y: &[f32],
        scales: &[f32],
        dy: &[f32],
        dims: &[usize],
    ) -> Vec<f32> {
        let mut dx = vec![0.0; dy.len()];
        backward(y, dims[1], self.centre, scales, dy, &mut dx);
        dx
    }
}

vectorised! {
    fn forward<'a>(x: &'a [f32], width: usize, centre: bool, y: &'a mut [f32], scales: &'a mut [f32]) {
        for ((x, y), scale) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(scales) {
            let mean = if centre { sum(x) / width as f32 } else { 0.0 };
            for (y, x) in y.iter_mut().zip(x) {
                *y = x - mean;
            }
            let mean_square = dot(y, y) / width as f32;
            *scale = (mean_square + NORM_EPSILON as f32).sqrt().recip();
            y.iter_mut().for_each(|y| *y *= *scale);
        }
    }
}

vectorised! {
    fn backward<'a>(
        y: &'a [f32],
        width: usize,
        centre: bool,
        scales: &'a [f32],
        dy: &'a [f32],
        dx: &'a mut [f32],
    ) {
        let rows = y.chunks_exact(width).zip(dy.chunks_exact(width)).zip(scales);
        for (dx, ((y, dy), scale)) in dx.chunks_exact_mut(width).zip(rows) {
            let mean = if centre { sum(dy) / width as f32 } else { 0.0 };
            let along = dot(y, dy) / width as f32;
            for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = scale * (dy - mean - y * along);
            }
        }
    }
}
