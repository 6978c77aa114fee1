//! `x + attention(norm(x) qkv) out`, some windows at a time. Queries, keys and values stand
//! transposed, time along the rows, which costs the products nothing and spares the attention
//! every transpose.

mod scores;

use super::AttentionShape;
use super::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::norm;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::ops::kernels::{rows_per_block, transpose};
use crate::profile::part;
use scores::Layout;

/// What goes in.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, qkv: `[d, 3 d]`, out: `[d, d]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) qkv: &'a [f32],
    pub(crate) out: &'a [f32],
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
    pub(crate) shape: AttentionShape,
    pub(crate) rotary: Option<&'a RotaryTable>,
    /// `[n]`, where the document of each token starts in its window.
    pub(crate) starts: Option<&'a [u32]>,
}

/// What the backward pass needs of the forward one, group of windows by group.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `[n, 2]`
    norm: Buffer,
    groups: Vec<KeptGroup>,
}

#[derive(Debug)]
struct KeptGroup {
    /// Queries, keys and values as attention left them, `[3 d, rows]`.
    qkv: Buffer,
    /// What attention gives, `[d, rows]`.
    mixed: Buffer,
    /// Of the softmax.
    softmax: Buffer,
}

/// Gradients, in the order of the inputs.
pub(crate) type Gradients = [Buffer; 4];

/// Windows `first..first + windows`.
#[derive(Clone, Copy)]
struct Group {
    first_row: usize,
    rows: usize,
    layout: Layout,
}

impl<'a> Inputs<'a> {
    fn starts_of(&self, group: Group) -> Option<&'a [u32]> {
        let starts = self.starts?;
        Some(&starts[group.first_row..][..group.rows])
    }

    fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let shape = self.shape;
        let AttentionShape { batch, time, .. } = shape;
        let d = self.gain.len();
        let windows = (rows_per_block(3 * d, batch * time) / time).max(1);
        (0..batch).step_by(windows).map(move |first| {
            let batch = windows.min(batch - first);
            Group {
                first_row: first * time,
                rows: batch * time,
                layout: Layout::new(AttentionShape { batch, ..shape }, d / shape.heads),
            }
        })
    }
}

/// The output, and what to keep if asked.
pub(crate) fn forward(inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let d = inputs.gain.len();
    let n = inputs.x.len() / d;
    let mut y = Buffer::copy_of(inputs.x);
    let mut kept = Kept { norm: Buffer::stale(2 * n), groups: Vec::new() };
    for group in inputs.groups() {
        let Group { rows, layout, .. } = group;
        let x = &inputs.x[group.first_row * d..][..rows * d];
        let statistics = &mut kept.norm[2 * group.first_row..][..2 * rows];
        let mut normed = Buffer::stale(rows * d);
        part("norms", || norm::forward(x, inputs.gain, inputs.centre, &mut normed, statistics));
        let mut qkv = Buffer::stale(3 * d * layout.stride());
        multiply(
            MatrixMut::strided(&mut qkv, 3 * d, rows, layout.stride()),
            Matrix::new(inputs.qkv, d, 3 * d).t(),
            Matrix::new(&normed, rows, d).t(),
        );
        let mut mixed = Buffer::stale(d * layout.stride());
        let mut softmax = Buffer::stale(2 * rows * layout.shape.heads);
        part("attention", || {
            scores::forward(
                &layout,
                inputs.rotary,
                inputs.starts_of(group),
                &mut qkv,
                &mut mixed,
                &mut softmax,
            )
        });
        multiply_add(
            MatrixMut::new(&mut y[group.first_row * d..], rows, d),
            Matrix::strided(&mixed, d, rows, layout.stride()).t(),
            Matrix::new(inputs.out, d, d),
        );
        if keep {
            kept.groups.push(KeptGroup { qkv, mixed, softmax });
        }
    }
    (y, keep.then_some(kept))
}

/// Gradients of the inputs from that of the output, `[n, d]`.
pub(crate) fn backward(inputs: Inputs, kept: &Kept, dy: &[f32]) -> Gradients {
    let d = inputs.gain.len();
    let mut dx = Buffer::copy_of(dy);
    let mut dgain = Buffer::zeros(d);
    // Transposed: so the product finds the rows of its left operand side by side.
    let mut dqkv_transposed = Buffer::zeros(3 * d * d);
    let mut dout = Buffer::zeros(d * d);
    for (group, kept_group) in inputs.groups().zip(&kept.groups) {
        let Group { rows, layout, .. } = group;
        let x = &inputs.x[group.first_row * d..][..rows * d];
        let statistics = &kept.norm[2 * group.first_row..][..2 * rows];
        let dy = Matrix::new(&dy[group.first_row * d..], rows, d);
        let across = |data| Matrix::strided(data, d, rows, layout.stride());
        multiply_add(MatrixMut::new(&mut dout, d, d), across(&kept_group.mixed), dy);
        let mut dmixed = Buffer::stale(d * layout.stride());
        multiply(
            MatrixMut::strided(&mut dmixed, d, rows, layout.stride()),
            Matrix::new(inputs.out, d, d),
            dy.t(),
        );
        let mut dparts = Buffer::stale(3 * d * layout.stride());
        part("attention, backward", || {
            scores::backward(
                &layout,
                inputs.rotary,
                inputs.starts_of(group),
                &kept_group.qkv,
                &kept_group.mixed,
                &kept_group.softmax,
                &dmixed,
                &mut dparts,
            )
        });
        let dparts = Matrix::strided(&dparts, 3 * d, rows, layout.stride());
        let mut normed = Buffer::stale(rows * d);
        part("norms", || norm::again(x, inputs.gain, statistics, &mut normed));
        multiply_add(
            MatrixMut::new(&mut dqkv_transposed, 3 * d, d),
            dparts,
            Matrix::new(&normed, rows, d),
        );
        let mut dnormed = normed;
        multiply(
            MatrixMut::new(&mut dnormed, rows, d),
            dparts.t(),
            Matrix::new(inputs.qkv, d, 3 * d).t(),
        );
        part("norms, backward", || {
            norm::backward(
                x,
                inputs.gain,
                inputs.centre,
                statistics,
                &dnormed,
                &mut dx[group.first_row * d..][..rows * d],
                &mut dgain,
            )
        });
    }
    let mut dqkv = Buffer::stale(3 * d * d);
    transpose(&dqkv_transposed, d, (3 * d, d), &mut dqkv, 3 * d);
    [dx, dgain, dqkv, dout]
}
