//! `x + gelu(norm(x) up) down`, a block of rows at a time, so that the wide middle stays in the
//! cache.

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{for_lanes, gelu, vectorised};
use crate::ops::kernels::norm;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::ops::kernels::rows_per_block;
use crate::profile::part;

/// What goes in.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, up: `[d, f]`, down: `[f, d]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) up: &'a [f32],
    pub(crate) down: &'a [f32],
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
}

/// What the backward pass needs of the forward one.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `[n, 2]`
    norm: Buffer,
    /// `norm(x) up`, `[n, f]`.
    wide: Buffer,
}

/// Gradients, in the order of the inputs.
pub(crate) type Gradients = [Buffer; 4];

impl Inputs<'_> {
    fn sizes(&self) -> (usize, usize, usize) {
        let d = self.gain.len();
        (self.x.len() / d, d, self.up.len() / d)
    }
}

/// The output, and what to keep if asked.
pub(crate) fn forward(inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let (n, d, f) = inputs.sizes();
    let block = rows_per_block(f, n);
    let mut y = Buffer::copy_of(inputs.x);
    let mut kept =
        Kept { norm: Buffer::stale(2 * n), wide: Buffer::stale(f * if keep { n } else { block }) };
    let (mut normed, mut active) = (Buffer::stale(block * d), Buffer::stale(block * f));
    let up = Matrix::new(inputs.up, d, f);
    let down = Matrix::new(inputs.down, f, d);
    for first in (0..n).step_by(block) {
        let rows = block.min(n - first);
        let x = &inputs.x[first * d..][..rows * d];
        let normed = &mut normed[..rows * d];
        let statistics = &mut kept.norm[2 * first..][..2 * rows];
        part("norms", || norm::forward(x, inputs.gain, inputs.centre, normed, statistics));
        let at = if keep { first * f } else { 0 };
        let wide = &mut kept.wide[at..][..rows * f];
        multiply(MatrixMut::new(wide, rows, f), Matrix::new(normed, rows, d), up);
        part("gelu", || activate(wide, &mut active[..rows * f]));
        multiply_add(
            MatrixMut::new(&mut y[first * d..], rows, d),
            Matrix::new(&active, rows, f),
            down,
        );
    }
    (y, keep.then_some(kept))
}

/// Gradients of the inputs from that of the output, `[n, d]`.
pub(crate) fn backward(inputs: Inputs, kept: &Kept, dy: &[f32]) -> Gradients {
    let (n, d, f) = inputs.sizes();
    let block = rows_per_block(f, n);
    let mut dx = Buffer::copy_of(dy);
    let mut dgain = Buffer::zeros(d);
    let (mut dup, mut ddown) = (Buffer::zeros(d * f), Buffer::zeros(f * d));
    let (mut normed, mut dnormed) = (Buffer::stale(block * d), Buffer::stale(block * d));
    let (mut active, mut dwide) = (Buffer::stale(block * f), Buffer::stale(block * f));
    let up = Matrix::new(inputs.up, d, f);
    let down = Matrix::new(inputs.down, f, d);
    for first in (0..n).step_by(block) {
        let rows = block.min(n - first);
        let x = &inputs.x[first * d..][..rows * d];
        let dy = Matrix::new(&dy[first * d..], rows, d);
        let statistics = &kept.norm[2 * first..][..2 * rows];
        let (active, dwide) = (&mut active[..rows * f], &mut dwide[..rows * f]);
        multiply(MatrixMut::new(dwide, rows, f), dy, down.t());
        part("gelu, backward", || slope(&kept.wide[first * f..][..rows * f], active, dwide));
        let (active, dwide) = (Matrix::new(active, rows, f), Matrix::new(dwide, rows, f));
        multiply_add(MatrixMut::new(&mut ddown, f, d), active.t(), dy);
        part("norms", || norm::again(x, inputs.gain, statistics, &mut normed[..rows * d]));
        multiply_add(MatrixMut::new(&mut dup, d, f), Matrix::new(&normed, rows, d).t(), dwide);
        multiply(MatrixMut::new(&mut dnormed, rows, d), dwide, up.t());
        part("norms, backward", || {
            norm::backward(
                x,
                inputs.gain,
                inputs.centre,
                statistics,
                &dnormed[..rows * d],
                &mut dx[first * d..][..rows * d],
                &mut dgain,
            )
        });
    }
    [dx, dgain, dup, ddown]
}

vectorised! {
    /// `y = gelu(x)`
    fn activate<'a, S>(simd; x: &'a [f32], y: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y], {
            let _ = y;
            (gelu(simd, x).0,)
        });
    }
}

vectorised! {
    /// `y = gelu(x)`, and `dx *= gelu'(x)`.
    fn slope<'a, S>(simd; x: &'a [f32], y: &'a mut [f32], dx: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y, dx of dx], {
            let _ = y;
            let (value, slope) = gelu(simd, x);
            (value, simd.mul_f32s(dx, slope))
        });
    }
}
