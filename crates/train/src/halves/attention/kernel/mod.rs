//! `x + attention(norm(x) qkv) out`, some windows at a time. Queries, keys and values stand
//! transposed, time along the rows, which costs the products nothing and spares the attention
//! every transpose.

mod scores;
mod sight;

use super::AttentionShape;
use super::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::norm;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::ops::kernels::{rows_per_block, transpose};
use crate::profile::part;
use scores::{Given, Layout, Terms};
use sight::Sight;
use std::borrow::Cow;

/// What goes in.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, qkv: `[d, d + 2 g]`, out: `[d, d]`, each of qk_gains: `[k]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) qkv: &'a [f32],
    pub(crate) out: &'a [f32],
    /// Of queries and of keys, where they are normalised.
    pub(crate) qk_gains: Option<[&'a [f32]; 2]>,
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
    /// Queries, keys and values as attention left them, `[d + 2 g, rows]`.
    qkv: Buffer,
    /// What attention gives, `[d, rows]`.
    mixed: Buffer,
    /// Of the softmax.
    softmax: Buffer,
    /// Of normalised queries and keys.
    roots: Buffer,
}

/// Windows `first..first + windows`.
#[derive(Clone, Copy)]
struct Group {
    first_row: usize,
    rows: usize,
    layout: Layout,
}

/// What the keys of a whole batch are seen by, and how they are turned.
struct Setting<'a> {
    sight: Sight<'a>,
    rotary: Option<Cow<'a, RotaryTable>>,
}

impl<'a> Inputs<'a> {
    fn setting(&self) -> Setting<'a> {
        let sight = Sight::new(self.shape, self.starts);
        let rotary = sight.ordered_table(self.rotary);
        Setting { sight, rotary }
    }

    fn terms<'s>(&self, setting: &'s Setting<'a>, group: Group) -> Terms<'s>
    where
        'a: 's,
    {
        Terms {
            layout: group.layout,
            sight: &setting.sight,
            first_window: group.first_row / self.shape.time,
            rotary: setting.rotary.as_deref(),
            gains: self.qk_gains,
        }
    }

    /// Width of queries, keys and values side by side.
    fn width(&self) -> usize {
        self.qkv.len() / self.gain.len()
    }

    fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let shape = self.shape;
        let AttentionShape { batch, time, .. } = shape;
        let d = self.gain.len();
        let windows = (rows_per_block(self.width(), batch * time) / time).max(1);
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
    let (d, width) = (inputs.gain.len(), inputs.width());
    let n = inputs.x.len() / d;
    let setting = inputs.setting();
    let mut y = Buffer::copy_of(inputs.x);
    let mut kept = Kept { norm: Buffer::stale(2 * n), groups: Vec::new() };
    for group in inputs.groups() {
        let Group { rows, layout, .. } = group;
        let x = &inputs.x[group.first_row * d..][..rows * d];
        let statistics = &mut kept.norm[2 * group.first_row..][..2 * rows];
        let mut normed = Buffer::stale(rows * d);
        part("norms", || norm::forward(x, inputs.gain, inputs.centre, &mut normed, statistics));
        let normed = setting.sight.ordered(&normed, d).unwrap_or(normed);
        let mut qkv = Buffer::stale(width * layout.stride());
        multiply(
            MatrixMut::strided(&mut qkv, width, rows, layout.stride()),
            Matrix::new(inputs.qkv, d, width).t(),
            Matrix::new(&normed, rows, d).t(),
        );
        let mut mixed = Buffer::stale(d * layout.stride());
        let mut softmax = Buffer::stale(2 * rows * layout.shape.heads);
        let turned = inputs.qk_gains.map_or(0, |_| layout.turned_heads());
        let mut roots = Buffer::stale(rows * turned);
        let terms = inputs.terms(&setting, group);
        part("attention", || {
            scores::forward(&terms, &mut qkv, &mut mixed, &mut softmax, &mut roots)
        });
        add_output(inputs, &setting, &mixed, layout, &mut y[group.first_row * d..][..rows * d]);
        if keep {
            kept.groups.push(KeptGroup { qkv, mixed, softmax, roots });
        }
    }
    (y, keep.then_some(kept))
}

/// Adds `mixed out` to the rows of some windows.
fn add_output(inputs: Inputs, setting: &Setting, mixed: &[f32], layout: Layout, y: &mut [f32]) {
    let d = inputs.gain.len();
    let rows = y.len() / d;
    let mixed = Matrix::strided(mixed, d, rows, layout.stride()).t();
    let out = Matrix::new(inputs.out, d, d);
    if !setting.sight.reorders() {
        return multiply_add(MatrixMut::new(y, rows, d), mixed, out);
    }
    let mut added = Buffer::stale(rows * d);
    multiply(MatrixMut::new(&mut added, rows, d), mixed, out);
    let added = setting.sight.restored(added, d);
    y.iter_mut().zip(added.iter()).for_each(|(y, added)| *y += added);
}

/// Gradients of the inputs, in their order, from that of the output, `[n, d]`.
pub(crate) fn backward(inputs: Inputs, kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
    let (d, width) = (inputs.gain.len(), inputs.width());
    let setting = inputs.setting();
    let mut dx = Buffer::copy_of(dy);
    let mut dgain = Buffer::zeros(d);
    // Transposed: so the product finds the rows of its left operand side by side.
    let mut dqkv_transposed = Buffer::zeros(width * d);
    let mut dout = Buffer::zeros(d * d);
    let mut dqk_gains = inputs.qk_gains.map(|[q, k]| Buffer::zeros(q.len() + k.len()));
    for (group, kept_group) in inputs.groups().zip(&kept.groups) {
        let Group { rows, layout, .. } = group;
        let x = &inputs.x[group.first_row * d..][..rows * d];
        let statistics = &kept.norm[2 * group.first_row..][..2 * rows];
        let dy = &dy[group.first_row * d..][..rows * d];
        let ordered = setting.sight.ordered(dy, d);
        let dy = Matrix::new(ordered.as_deref().unwrap_or(dy), rows, d);
        let across = |data| Matrix::strided(data, d, rows, layout.stride());
        multiply_add(MatrixMut::new(&mut dout, d, d), across(&kept_group.mixed), dy);
        let mut dmixed = Buffer::stale(d * layout.stride());
        multiply(
            MatrixMut::strided(&mut dmixed, d, rows, layout.stride()),
            Matrix::new(inputs.out, d, d),
            dy.t(),
        );
        let mut dparts = Buffer::stale(width * layout.stride());
        let terms = inputs.terms(&setting, group);
        let given = kept_group.given(&dmixed);
        part("attention, backward", || {
            scores::backward(
                &terms,
                given,
                &mut dparts,
                dqk_gains.as_deref_mut().unwrap_or(&mut []),
            )
        });
        let dparts = Matrix::strided(&dparts, width, rows, layout.stride());
        let mut normed = Buffer::stale(rows * d);
        part("norms", || norm::again(x, inputs.gain, statistics, &mut normed));
        let normed = setting.sight.ordered(&normed, d).unwrap_or(normed);
        multiply_add(
            MatrixMut::new(&mut dqkv_transposed, width, d),
            dparts,
            Matrix::new(&normed, rows, d),
        );
        let mut dnormed = normed;
        multiply(
            MatrixMut::new(&mut dnormed, rows, d),
            dparts.t(),
            Matrix::new(inputs.qkv, d, width).t(),
        );
        let dnormed = setting.sight.restored(dnormed, d);
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
    let mut dqkv = Buffer::stale(width * d);
    transpose(&dqkv_transposed, d, (width, d), &mut dqkv, width);
    let mut gradients = vec![dx, dgain, dqkv, dout];
    if let Some(both) = dqk_gains {
        let (q, k) = both.split_at(both.len() / 2);
        gradients.extend([Buffer::copy_of(q), Buffer::copy_of(k)]);
    }
    gradients
}

impl KeptGroup {
    /// What the gradients of attention are made of, with that of its output.
    fn given<'a>(&'a self, dmixed: &'a [f32]) -> Given<'a> {
        Given {
            qkv: &self.qkv,
            out: &self.mixed,
            kept: &self.softmax,
            roots: &self.roots,
            dout: dmixed,
        }
    }
}
