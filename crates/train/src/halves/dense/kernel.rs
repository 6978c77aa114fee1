//! `x + activation(norm(x) up) down`, a block of rows at a time, so that the wide middle stays in the
//! cache.

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::ops::kernels::rows_per_block;
use crate::ops::kernels::{activation, norm};
use crate::profile::part;
use isoflop_model::Activation;

/// What goes in.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, up: `[d, w]`, down: `[f, d]`, w the numbers that the activation takes for f
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) up: &'a [f32],
    pub(crate) down: &'a [f32],
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
    /// What stands between the matrices.
    pub(crate) activation: Activation,
}

/// What the backward pass needs of the forward one.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `[n, 2]`
    norm: Buffer,
    /// `norm(x) up`, `[n, w]`.
    wide: Buffer,
}

/// Gradients, in the order of the inputs.
pub(crate) type Gradients = [Buffer; 4];

impl Inputs<'_> {
    /// n, d, w, f
    fn sizes(&self) -> (usize, usize, usize, usize) {
        let d = self.gain.len();
        (self.x.len() / d, d, self.up.len() / d, self.down.len() / d)
    }
}

/// The output, and what to keep if asked.
pub(crate) fn forward(inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let ((n, d, w, f), kind) = (inputs.sizes(), inputs.activation);
    let block = rows_per_block(w, n);
    let mut y = Buffer::copy_of(inputs.x);
    let mut kept =
        Kept { norm: Buffer::stale(2 * n), wide: Buffer::stale(w * if keep { n } else { block }) };
    let (mut normed, mut active) = (Buffer::stale(block * d), Buffer::stale(block * f));
    let up = Matrix::new(inputs.up, d, w);
    let down = Matrix::new(inputs.down, f, d);
    for first in (0..n).step_by(block) {
        let rows = block.min(n - first);
        let x = &inputs.x[first * d..][..rows * d];
        let normed = &mut normed[..rows * d];
        let statistics = &mut kept.norm[2 * first..][..2 * rows];
        part("norms", || norm::forward(x, inputs.gain, inputs.centre, normed, statistics));
        let at = if keep { first * w } else { 0 };
        let wide = &mut kept.wide[at..][..rows * w];
        multiply(MatrixMut::new(wide, rows, w), Matrix::new(normed, rows, d), up);
        part("activation", || activation::forward(kind, f, wide, &mut active[..rows * f]));
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
    let ((n, d, w, f), kind) = (inputs.sizes(), inputs.activation);
    let block = rows_per_block(w, n);
    let mut dx = Buffer::copy_of(dy);
    let mut dgain = Buffer::zeros(d);
    let (mut dup, mut ddown) = (Buffer::zeros(d * w), Buffer::zeros(f * d));
    let (mut normed, mut dnormed) = (Buffer::stale(block * d), Buffer::stale(block * d));
    let (mut active, mut dactive) = (Buffer::stale(block * f), Buffer::stale(block * f));
    // Where the activation takes one number, its gradient takes the place of that of its output.
    let mut dwide = Buffer::stale(if w == f { 0 } else { block * w });
    let up = Matrix::new(inputs.up, d, w);
    let down = Matrix::new(inputs.down, f, d);
    for first in (0..n).step_by(block) {
        let rows = block.min(n - first);
        let x = &inputs.x[first * d..][..rows * d];
        let dy = Matrix::new(&dy[first * d..], rows, d);
        let statistics = &kept.norm[2 * first..][..2 * rows];
        let (active, dactive) = (&mut active[..rows * f], &mut dactive[..rows * f]);
        let dwide = if w == f { &mut [][..] } else { &mut dwide[..rows * w] };
        multiply(MatrixMut::new(dactive, rows, f), dy, down.t());
        let wide = &kept.wide[first * w..][..rows * w];
        part("activation, backward", || {
            activation::backward(kind, f, wide, active, dactive, dwide)
        });
        let dwide = if w == f { dactive } else { dwide };
        let (active, dwide) = (Matrix::new(active, rows, f), Matrix::new(dwide, rows, w));
        multiply_add(MatrixMut::new(&mut ddown, f, d), active.t(), dy);
        part("norms", || norm::again(x, inputs.gain, statistics, &mut normed[..rows * d]));
        multiply_add(MatrixMut::new(&mut dup, d, w), Matrix::new(&normed, rows, d).t(), dwide);
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
