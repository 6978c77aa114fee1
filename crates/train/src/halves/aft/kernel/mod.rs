//! `x + (sigmoid(q) mean(v)) out`. Without biases the means are made by one scan over the tokens of a window,
//! with biases by products. Rows of queries, keys and values are padded to whole vectors.

mod pairs;
mod scan;
mod span;

pub(crate) use pairs::Biases;

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::norm;
use crate::ops::kernels::padding::{pad, padded_width, unpad};
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::profile::part;
use span::Span;

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
    /// Biases of pairs of places; `None` in the simple form.
    pub(crate) biases: Option<Biases<'a>>,
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
    /// Tokens a window.
    pub(crate) time: usize,
    /// `[n]`, where the document of each token starts in its window.
    pub(crate) starts: Option<&'a [u32]>,
}

/// What the backward pass needs of the forward one.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `[n, 2]`
    norm: Buffer,
    /// Sigmoids of queries, keys and values, `[n, 3, row]`.
    qkv: Buffer,
    /// Three numbers of every token, `[3, n, row]`. With biases they are those of
    /// [`pairs::forward`]. In the simple form they are the smaller over the larger of two weights, that of its
    /// key and that of the largest key before, negative where its own is the larger; the inverse of the sum of
    /// weights over the largest; and the mean.
    means: Buffer,
    /// Gated means, `[n, row]`.
    mixed: Buffer,
    /// Plan of the pairs that are treated together; `None` in the simple form.
    plan: Option<pairs::Plan>,
}

impl<'a> Inputs<'a> {
    /// n, d, row
    fn sizes(&self) -> (usize, usize, usize) {
        let d = self.gain.len();
        (self.x.len() / d, d, padded_width(d))
    }

    fn span(&self) -> Span<'a> {
        let (n, _, row) = self.sizes();
        let (time, starts) = (self.time, self.starts);
        Span { time, row, starts, first: 0, windows: n / time }
    }
}

/// The output, and what to keep if asked.
pub(crate) fn forward(inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let (n, d, row) = inputs.sizes();
    let mut kept = Kept {
        norm: Buffer::stale(2 * n),
        qkv: Buffer::stale(3 * n * row),
        means: Buffer::stale(3 * n * row),
        mixed: Buffer::stale(n * row),
        plan: inputs.biases.map(|biases| part("biases", || pairs::Plan::new(biases, inputs.time))),
    };
    let mut normed = Buffer::stale(n * d);
    let statistics = &mut kept.norm;
    part("norms", || norm::forward(inputs.x, inputs.gain, inputs.centre, &mut normed, statistics));
    let weights = pad(inputs.qkv, d, row);
    let to = MatrixMut::new(&mut kept.qkv, n, 3 * row);
    multiply(to, Matrix::new(&normed, n, d), Matrix::new(&weights, d, 3 * row));
    let Kept { qkv, means, mixed, plan, .. } = &mut kept;
    match plan {
        None => part("means", || scan::forward(inputs.span(), qkv, means, mixed)),
        Some(plan) => pairs::forward(inputs.span(), plan, qkv, means, mixed),
    }
    let mut y = Buffer::copy_of(inputs.x);
    let mixed = Matrix::strided(mixed, n, d, row);
    multiply_add(MatrixMut::new(&mut y, n, d), mixed, Matrix::new(inputs.out, d, d));
    (y, keep.then_some(kept))
}

/// Gradients of the inputs, in their order, from that of the output, `[n, d]`.
pub(crate) fn backward(inputs: Inputs, kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
    let (n, d, row) = inputs.sizes();
    let of_output = Matrix::new(dy, n, d);
    let mut dout = Buffer::zeros(d * d);
    let mixed = Matrix::strided(&kept.mixed, n, d, row).t();
    multiply_add(MatrixMut::new(&mut dout, d, d), mixed, of_output);
    let mut dmixed = Buffer::zeros(n * row);
    let to = MatrixMut::strided(&mut dmixed, n, d, row);
    multiply(to, of_output, Matrix::new(inputs.out, d, d).t());
    let mut dqkv = Buffer::stale(3 * n * row);
    let (span, qkv, means) = (inputs.span(), &kept.qkv, &kept.means);
    let dbiases = match kept.plan.as_ref().zip(inputs.biases) {
        None => {
            part("means, backward", || scan::backward(span, qkv, means, &dmixed, &mut dqkv));
            None
        }
        Some(planned) => Some(pairs::backward(span, planned, qkv, means, &dmixed, &mut dqkv)),
    };
    let mut normed = Buffer::stale(n * d);
    part("norms", || norm::again(inputs.x, inputs.gain, &kept.norm, &mut normed));
    let of_parts = Matrix::new(&dqkv, n, 3 * row);
    let mut dweights = Buffer::zeros(d * 3 * row);
    let to = MatrixMut::new(&mut dweights, d, 3 * row);
    multiply_add(to, Matrix::new(&normed, n, d).t(), of_parts);
    let mut dnormed = normed;
    let weights = pad(inputs.qkv, d, row);
    let weights = Matrix::new(&weights, d, 3 * row).t();
    multiply(MatrixMut::new(&mut dnormed, n, d), of_parts, weights);
    let (mut dx, mut dgain) = (Buffer::copy_of(dy), Buffer::zeros(d));
    part("norms, backward", || {
        let (x, gain) = (inputs.x, inputs.gain);
        norm::backward(x, gain, inputs.centre, &kept.norm, &dnormed, &mut dx, &mut dgain)
    });
    let mut gradients = vec![dx, dgain, unpad(&dweights, d, row), dout];
    gradients.extend(dbiases);
    gradients
}
