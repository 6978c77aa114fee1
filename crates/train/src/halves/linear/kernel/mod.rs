//! `x + norm(mixed) out`, some windows at a time. Queries, keys and values stand transposed, time along
//! the rows, as those of attention do; below them a row a head of what it forgets by, and with the delta rule one of
//! what share of a difference it writes.

mod chunks;
mod decay;
mod delta;

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::heads::{find_roots, normalise, normalise_back};
use crate::ops::kernels::lanes::vectorised;
use crate::ops::kernels::norm;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::ops::kernels::{rows_per_block, transpose};
use crate::profile::part;
use chunks::{Difference, Given, Layout, Parts};
use delta::Rule;

/// What goes in.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, qkv: `[d, 3 d + h]`, with the delta rule `[d, 3 d + 2 h]`, rates, biases: `[h]`,
///   mixed_gain: `[d]`, out: `[d, d]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) qkv: &'a [f32],
    pub(crate) rates: &'a [f32],
    pub(crate) biases: &'a [f32],
    pub(crate) mixed_gain: &'a [f32],
    pub(crate) out: &'a [f32],
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
    /// Windows.
    pub(crate) batch: usize,
    /// Tokens a window.
    pub(crate) time: usize,
    pub(crate) heads: usize,
    /// Tokens a chunk, at most `time`.
    pub(crate) chunk: usize,
    /// Whether tokens follow the delta rule.
    pub(crate) delta: bool,
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
    /// Queries, keys, values and below them the numbers of heads, `[width, rows]`.
    qkv: Buffer,
    /// What the delta rule keeps, where tokens follow it.
    rule: Option<Rule>,
    /// What states are multiplied by, `[h, rows]`.
    factors: Buffer,
    /// States between chunks.
    states: Buffer,
    /// What heads give, `[d, rows]`, and the factors of its norm, `[rows]`.
    mixed: Buffer,
    roots: Buffer,
}

/// Some windows.
#[derive(Clone, Copy)]
struct Group {
    first_row: usize,
    rows: usize,
    layout: Layout,
}

impl<'a> Inputs<'a> {
    fn width(&self) -> usize {
        self.qkv.len() / self.gain.len()
    }

    fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let Inputs { batch, time, heads, chunk, .. } = *self;
        let d_head = self.gain.len() / heads;
        let windows = (rows_per_block(self.width(), batch * time) / time).max(1);
        (0..batch).step_by(windows).map(move |first| {
            let batch = windows.min(batch - first);
            let layout = Layout::new(batch, time, heads, d_head, chunk);
            Group { first_row: first * time, rows: batch * time, layout }
        })
    }

    /// What the states of every head are multiplied by at the tokens of a group: 0 at the first token of a
    /// document.
    fn factors(&self, group: Group, qkv: &[f32]) -> Buffer {
        let Group { first_row, rows, layout } = group;
        let mut factors = Buffer::stale(self.heads * rows);
        for (head, factors) in factors.chunks_exact_mut(rows).enumerate() {
            let z = &qkv[layout.decay_at(head)..][..rows];
            decay::forward(z, self.rates[head], self.biases[head], factors);
            let Some(starts) = self.starts else { continue };
            let starts = &starts[first_row..][..rows];
            for (at, (factor, start)) in factors.iter_mut().zip(starts).enumerate() {
                if *start as usize == at % self.time {
                    *factor = 0.0;
                }
            }
        }
        factors
    }
}

/// The output, and what to keep if asked.
pub(crate) fn forward(inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let (d, width) = (inputs.gain.len(), inputs.width());
    let n = inputs.x.len() / d;
    let mut y = Buffer::copy_of(inputs.x);
    let mut kept = Kept { norm: Buffer::stale(2 * n), groups: Vec::new() };
    for group in inputs.groups() {
        let Group { first_row, rows, layout } = group;
        let x = &inputs.x[first_row * d..][..rows * d];
        let statistics = &mut kept.norm[2 * first_row..][..2 * rows];
        let mut normed = Buffer::stale(rows * d);
        part("norms", || norm::forward(x, inputs.gain, inputs.centre, &mut normed, statistics));
        let mut qkv = Buffer::stale(width * layout.stride());
        multiply(
            MatrixMut::strided(&mut qkv, width, rows, layout.stride()),
            Matrix::new(inputs.qkv, d, width).t(),
            Matrix::new(&normed, rows, d).t(),
        );
        let factors = part("decays", || inputs.factors(group, &qkv));
        let mut rule = inputs.delta.then(|| Rule::new(&layout, inputs.heads, rows, &qkv));
        let mut mixed = Buffer::stale(d * layout.stride());
        let mut states = Buffer::stale(layout.states());
        part("linear attention", || {
            let keys = rule.as_ref().map(|rule| rule.keys(&layout, &qkv));
            let parts = parts_of(&layout, &qkv, keys.as_deref());
            let written = rule.as_mut().map(Rule::written);
            chunks::forward(&layout, parts, &factors, written, &mut states, &mut mixed)
        });
        let mut roots = Buffer::stale(rows);
        let mut heads = Buffer::stale(d * layout.stride());
        let all = Mixed { x: &mixed, gain: inputs.mixed_gain, stride: layout.stride(), rows };
        part("norm of heads", || {
            roots_of_mixed(all, &mut roots);
            normed_mixed(all, &roots, &mut heads);
        });
        multiply_add(
            MatrixMut::new(&mut y[first_row * d..][..rows * d], rows, d),
            Matrix::strided(&heads, d, rows, layout.stride()).t(),
            Matrix::new(inputs.out, d, d),
        );
        if keep {
            kept.groups.push(KeptGroup { qkv, rule, factors, states, mixed, roots });
        }
    }
    (y, keep.then_some(kept))
}

/// Gradients of the inputs, in their order, from that of the output, `[n, d]`.
pub(crate) fn backward(inputs: Inputs, kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
    let (d, width) = (inputs.gain.len(), inputs.width());
    let mut dx = Buffer::copy_of(dy);
    let mut dgain = Buffer::zeros(d);
    // Transposed: so the product finds the rows of its left operand side by side.
    let mut dqkv_transposed = Buffer::zeros(width * d);
    let mut dout = Buffer::zeros(d * d);
    let (mut drates, mut dbiases) = (Buffer::zeros(inputs.heads), Buffer::zeros(inputs.heads));
    let mut dmixed_gain = Buffer::zeros(inputs.mixed_gain.len());
    for (group, kept_group) in inputs.groups().zip(&kept.groups) {
        let Group { first_row, rows, layout } = group;
        let KeptGroup { qkv, rule, factors, states, mixed, roots } = kept_group;
        let x = &inputs.x[first_row * d..][..rows * d];
        let statistics = &kept.norm[2 * first_row..][..2 * rows];
        let dy = Matrix::new(&dy[first_row * d..][..rows * d], rows, d);
        let across = |data| Matrix::strided(data, d, rows, layout.stride());
        let all = Mixed { x: mixed, gain: inputs.mixed_gain, stride: layout.stride(), rows };
        let mut heads = Buffer::stale(d * layout.stride());
        part("norm of heads", || normed_mixed(all, roots, &mut heads));
        multiply_add(MatrixMut::new(&mut dout, d, d), across(&heads), dy);
        let mut dmixed = heads;
        multiply(
            MatrixMut::strided(&mut dmixed, d, rows, layout.stride()),
            Matrix::new(inputs.out, d, d),
            dy.t(),
        );
        let mut scratch = Buffer::stale(rows);
        part("norm of heads, backward", || {
            mixed_back(all, roots, &mut scratch, &mut dmixed, &mut dmixed_gain)
        });
        let mut dparts = Buffer::stale(width * layout.stride());
        part("linear attention, backward", || {
            let keys = rule.as_ref().map(|rule| rule.keys(&layout, qkv));
            let mut parts = parts_of(&layout, qkv, keys.as_deref());
            let delta = rule.as_ref().map(|rule| {
                parts.v = &rule.written;
                Difference { shares: &rule.shares }
            });
            let given = Given { parts, factors, states, dmixed: &dmixed, delta };
            chunks::backward(&layout, given, &mut dparts);
            if let Some(rule) = rule {
                rule.keys_back(&layout, qkv, &mut dparts);
            }
        });
        part("decays, backward", || {
            for head in 0..inputs.heads {
                let at = layout.decay_at(head)..layout.decay_at(head) + rows;
                let (rate, bias) = (inputs.rates[head], inputs.biases[head]);
                let (drate, dbias) = (&mut drates[head], &mut dbiases[head]);
                let gradients = &mut dparts[at.clone()];
                decay::backward(&qkv[at], rate, bias, gradients, &mut scratch, drate, dbias);
            }
        });
        let dparts = Matrix::strided(&dparts, width, rows, layout.stride());
        let mut normed = Buffer::stale(rows * d);
        part("norms", || norm::again(x, inputs.gain, statistics, &mut normed));
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
        part("norms, backward", || {
            let dx = &mut dx[first_row * d..][..rows * d];
            norm::backward(x, inputs.gain, inputs.centre, statistics, &dnormed, dx, &mut dgain)
        });
    }
    let mut dqkv = Buffer::stale(width * d);
    transpose(&dqkv_transposed, d, (width, d), &mut dqkv, width);
    vec![dx, dgain, dqkv, drates, dbiases, dmixed_gain, dout]
}

/// Queries, keys and values of a group; other keys where they are given.
fn parts_of<'a>(layout: &Layout, qkv: &'a [f32], keys: Option<&'a [f32]>) -> Parts<'a> {
    let [q, k, v] = [0, 1, 2].map(|part| &qkv[layout.part_at(part)..]);
    Parts { q, k: keys.unwrap_or(k), v }
}

/// What the heads give, `[d][rows]`, and the gain of its norm.
#[derive(Clone, Copy)]
struct Mixed<'a> {
    x: &'a [f32],
    gain: &'a [f32],
    stride: usize,
    rows: usize,
}

vectorised! {
    /// Writes the factor of every token.
    fn roots_of_mixed<'a, S>(simd; mixed: Mixed<'a>, roots: &'a mut [f32]) {
        let Mixed { x, gain, stride, rows } = mixed;
        find_roots(simd, x, stride, (rows, gain.len()), roots);
    }
}

vectorised! {
    /// Writes it normalised.
    fn normed_mixed<'a, S>(simd; mixed: Mixed<'a>, roots: &'a [f32], to: &'a mut [f32]) {
        let Mixed { x, gain, stride, rows } = mixed;
        normalise(simd, x, stride, rows, gain, roots, to);
    }
}

vectorised! {
    /// Makes the gradient of it normalised its own, and adds to that of the gain.
    fn mixed_back<'a, S>(
        simd;
        mixed: Mixed<'a>,
        roots: &'a [f32],
        scratch: &'a mut [f32],
        dy: &'a mut [f32],
        dgain: &'a mut [f32],
    ) {
        let Mixed { x, gain, stride, rows } = mixed;
        normalise_back(simd, x, stride, rows, gain, roots, scratch, dy, dgain);
    }
}
