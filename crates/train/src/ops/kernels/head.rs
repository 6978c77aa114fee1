//! Final norm, head and cross-entropy in one kernel; logits exist only for a block of rows at a
//! time.

use super::buffer::Buffer;
use super::lanes::{exp, for_lanes, max, sum, vectorised};
use super::norm;
use super::product::{Matrix, MatrixMut, multiply, multiply_add};
use super::rows_of_logits;
use crate::profile::part;

/// Inputs of the head.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, head: `[d, v]`, targets: `[n]`, each below v
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) head: &'a [f32],
    /// Whether the norm is layer normalisation; otherwise it is RMS normalisation.
    pub(crate) centre: bool,
    pub(crate) targets: &'a [i32],
}

/// Gradients of x, gain and head.
pub(crate) type Gradients = [Buffer; 3];

impl Inputs<'_> {
    fn sizes(&self) -> (usize, usize, usize) {
        let d = self.gain.len();
        (self.x.len() / d, d, self.head.len() / d)
    }

    /// Computes the logits of one block of rows after another and calls `work` with the number of
    /// the block's first row, its normalised rows, their statistics and its logits.
    fn blocks(&self, mut work: impl FnMut(usize, &[f32], &[f32], &mut [f32])) {
        let (n, d, v) = self.sizes();
        let block = rows_of_logits(v, n);
        let (mut normed, mut statistics) = (Buffer::stale(block * d), Buffer::stale(block * 2));
        let mut logits = Buffer::stale(block * v);
        for first in (0..n).step_by(block) {
            let rows = block.min(n - first);
            let x = &self.x[first * d..][..rows * d];
            let (normed, statistics) = (&mut normed[..rows * d], &mut statistics[..rows * 2]);
            part("norms", || norm::forward(x, self.gain, self.centre, normed, statistics));
            let logits = &mut logits[..rows * v];
            multiply(
                MatrixMut::new(logits, rows, v),
                Matrix::new(normed, rows, d),
                Matrix::new(self.head, d, v),
            );
            work(first, normed, statistics, logits);
        }
    }
}

/// Loss of each row in nats, `[n]`: `-ln softmax(norm(x) head)[target]`.
pub(crate) fn nats(inputs: Inputs) -> Buffer {
    let (n, _, v) = inputs.sizes();
    let mut nats = Buffer::stale(n);
    inputs.blocks(|first, _, _, logits| {
        let rows = logits.len() / v;
        let targets = &inputs.targets[first..][..rows];
        softmax(logits, v, targets, &mut nats[first..][..rows]);
    });
    nats
}

/// Computes [`nats`], and the gradients of their sum weighted by `weights`, `[n]`.
pub(crate) fn nats_with_gradients(inputs: Inputs, weights: &[f32]) -> (Buffer, Gradients) {
    let (n, d, v) = inputs.sizes();
    let mut nats = Buffer::stale(n);
    let mut dx = Buffer::zeros(n * d);
    let (mut dgain, mut dhead) = (Buffer::zeros(d), Buffer::zeros(d * v));
    let mut dnormed = Buffer::stale(rows_of_logits(v, n) * d);
    inputs.blocks(|first, normed, statistics, logits| {
        let rows = logits.len() / v;
        let targets = &inputs.targets[first..][..rows];
        part("cross-entropy", || {
            softmax(logits, v, targets, &mut nats[first..][..rows]);
            slopes(logits, v, targets, &weights[first..][..rows]);
        });
        let dlogits = Matrix::new(logits, rows, v);
        multiply_add(MatrixMut::new(&mut dhead, d, v), Matrix::new(normed, rows, d).t(), dlogits);
        multiply(
            MatrixMut::new(&mut dnormed, rows, d),
            dlogits,
            Matrix::new(inputs.head, d, v).t(),
        );
        part("norms, backward", || {
            norm::backward(
                &inputs.x[first * d..][..rows * d],
                inputs.gain,
                inputs.centre,
                statistics,
                &dnormed[..rows * d],
                &mut dx[first * d..][..rows * d],
                &mut dgain,
            )
        });
    });
    (nats, [dx, dgain, dhead])
}

vectorised! {
    /// Turns each row of logits into probabilities and computes its loss in nats.
    fn softmax<'a, S>(
        simd;
        logits: &'a mut [f32],
        vocab: usize,
        targets: &'a [i32],
        nats: &'a mut [f32],
    ) {
        let rows = logits.chunks_exact_mut(vocab);
        for ((row, nats), &target) in rows.zip(nats).zip(targets) {
            let top = max(simd, row);
            let logit = row[target as usize];
            let offset = simd.splat_f32s(top);
            for_lanes!(S, simd, [], [x of row], (exp(simd, simd.sub_f32s(x, offset)),));
            let total = sum(simd, row);
            let scale = simd.splat_f32s(total.recip());
            for_lanes!(S, simd, [], [x of row], (simd.mul_f32s(x, scale),));
            *nats = total.ln() + top - logit;
        }
    }
}

vectorised! {
    /// Turns probabilities into the gradients of logits: `weight (p - [target])`.
    fn slopes<'a, S>(
        simd;
        shares: &'a mut [f32],
        vocab: usize,
        targets: &'a [i32],
        weights: &'a [f32],
    ) {
        let rows = shares.chunks_exact_mut(vocab);
        for ((row, &weight), &target) in rows.zip(weights).zip(targets) {
            row[target as usize] -= 1.0;
            let weight = simd.splat_f32s(weight);
            for_lanes!(S, simd, [], [x of row], (simd.mul_f32s(x, weight),));
        }
    }
}
