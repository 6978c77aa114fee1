//! Muon over the linear maps of one tensor, in place.

use super::adamw::squares;
use super::buffer::Buffer;
use super::lanes::{for_lanes, vectorised};
use super::momentum::look_ahead;
use super::product::{Matrix, MatrixMut, multiply_unmeasured};
use super::transpose;
use isoflop_core::optimizer::muon::{COEFFICIENTS, LEAST_NORM, MOMENTUM, STEPS, scale};
use isoflop_model::LinearMap;

/// A matrix whose norm is below this is taken for zero, since its products would leave the normal range of floats:
/// Newton-Schulz steps raise what was divided by [`LEAST_NORM`] to no more than `5e-6`.
const VANISHING: f64 = 1e-15;

/// Factors of one update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    /// Factor of the gradient, for clipping.
    pub(crate) grad: f32,
    pub(crate) rate: f64,
    /// Factor of the parameter under weight decay: `1 - rate decay`.
    pub(crate) keep: f32,
}

/// Updates a tensor, of which every number is that of one map, and the sum of its gradients.
///
/// # Shapes
/// - all slices: one common length
pub(crate) fn update(
    factors: Factors,
    maps: &[LinearMap],
    grad: &[f32],
    param: &mut [f32],
    momentum: &mut [f32],
) {
    let mut ahead = Buffer::stale(grad.len());
    look_ahead(factors.grad, MOMENTUM as f32, grad, momentum, &mut ahead);
    for map in maps {
        let direction = orthogonal(&ahead, map);
        let step = -factors.rate * scale(map.rows, map.columns);
        apply(step as f32, factors.keep, *map, &direction, param);
    }
}

/// A linear map of a tensor, orthogonalised, row by row without gaps.
fn orthogonal(from: &[f32], map: &LinearMap) -> Buffer {
    let &LinearMap { start, rows, columns, stride } = map;
    let from = &from[start..];
    let mut whole = Buffer::stale(rows * columns);
    if rows > columns {
        transpose(from, stride, (rows, columns), &mut whole, rows);
        orthogonalise(&mut whole, columns, rows);
        let mut upright = Buffer::stale(rows * columns);
        transpose(&whole, rows, (columns, rows), &mut upright, columns);
        return upright;
    }
    for (row, to) in whole.chunks_exact_mut(columns).enumerate() {
        to.copy_from_slice(&from[row * stride..][..columns]);
    }
    orthogonalise(&mut whole, rows, columns);
    whole
}

/// Newton-Schulz steps on a matrix with no more rows than columns.
fn orthogonalise(x: &mut Buffer, rows: usize, columns: usize) {
    let mut square_sum = 0.0;
    squares(x, &mut square_sum);
    let norm = square_sum.sqrt();
    if norm < VANISHING {
        x.fill(0.0);
        return;
    }
    times(1.0 / norm.max(LEAST_NORM) as f32, x);
    let (mut gram, mut inner) = (Buffer::stale(rows * rows), Buffer::stale(rows * rows));
    let mut next = Buffer::stale(rows * columns);
    for _ in 0..STEPS {
        let whole = Matrix::new(x, rows, columns);
        multiply_unmeasured(MatrixMut::new(&mut gram, rows, rows), whole, whole.t());
        let square = Matrix::new(&gram, rows, rows);
        multiply_unmeasured(MatrixMut::new(&mut inner, rows, rows), square, square);
        polynomial(COEFFICIENTS.map(|number| number as f32), rows, &gram, &mut inner);
        let inner = Matrix::new(&inner, rows, rows);
        multiply_unmeasured(MatrixMut::new(&mut next, rows, columns), inner, whole);
        std::mem::swap(x, &mut next);
    }
}

vectorised! {
    /// Multiplies all numbers by a factor.
    fn times<'a, S>(simd; factor: f32, x: &'a mut [f32]) {
        let factor = simd.splat_f32s(factor);
        for_lanes!(S, simd, [], [x of x], (simd.mul_f32s(x, factor),));
    }
}

vectorised! {
    /// Computes `a I + b gram + c gram^2`, of which the place of the result holds the square.
    ///
    /// # Shapes
    /// - gram, square: `[rows, rows]`
    fn polynomial<'a, S>(
        simd;
        coefficients: [f32; 3],
        rows: usize,
        gram: &'a [f32],
        square: &'a mut [f32],
    ) {
        let [a, b, c] = coefficients;
        let (of_gram, of_square) = (simd.splat_f32s(b), simd.splat_f32s(c));
        for_lanes!(S, simd, [gram in gram], [square of &mut *square], {
            (simd.mul_add_e_f32s(gram, of_gram, simd.mul_f32s(square, of_square)),)
        });
        for diagonal in square.iter_mut().step_by(rows + 1) {
            *diagonal += a;
        }
    }
}

vectorised! {
    /// Shrinks a map by its decay and adds its step.
    ///
    /// # Shapes
    /// - direction: `[rows, columns]` of the map
    fn apply<'a, S>(
        simd;
        step: f32,
        keep: f32,
        map: LinearMap,
        direction: &'a [f32],
        param: &'a mut [f32],
    ) {
        let (step, keep) = (simd.splat_f32s(step), simd.splat_f32s(keep));
        for (row, direction) in direction.chunks_exact(map.columns).enumerate() {
            let place = &mut param[map.start + row * map.stride..][..map.columns];
            for_lanes!(S, simd, [direction in direction], [place of place], {
                (simd.mul_add_e_f32s(direction, step, simd.mul_f32s(place, keep)),)
            });
        }
    }
}
