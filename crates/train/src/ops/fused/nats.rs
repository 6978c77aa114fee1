//! Negative log-likelihood of targets from logits, in one pass over them.

use super::Kernel;
use super::vector::{exp, max, sum, vectorised};
use std::sync::Arc;

/// `ln sum exp(logits) - logits[target]` of each row.
#[derive(Debug)]
pub(crate) struct NatsKernel {
    /// One a row, below the vocabulary.
    pub(crate) targets: Arc<[i32]>,
}

impl Kernel for NatsKernel {
    /// `[n, v]` to `[n]`.
    fn output_dims(&self, input: &[usize]) -> Vec<usize> {
        vec![input[0]]
    }

    /// Keeps the probabilities.
    fn forward(&self, logits: &[f32], dims: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let (mut nats, mut probabilities) = (vec![0.0; dims[0]], vec![0.0; logits.len()]);
        forward(
            logits,
            dims[1],
            &self.targets,
            &mut nats,
            &mut probabilities,
        );
        (nats, probabilities)
    }

    fn backward(
        &self,
        _: &[f32],
        _: &[f32],
        shares: &[f32],
        dy: &[f32],
        dims: &[usize],
    ) -> Vec<f32> {
        let mut dx = vec![0.0; shares.len()];
        backward(shares, dims[1], &self.targets, dy, &mut dx);
        dx
    }
}

vectorised! {
    fn forward<'a>(
        logits: &'a [f32],
        vocab: usize,
        targets: &'a [i32],
        nats: &'a mut [f32],
        probabilities: &'a mut [f32],
    ) {
        let rows = logits.chunks_exact(vocab).zip(probabilities.chunks_exact_mut(vocab));
        for (((row, shares), nats), &target) in rows.zip(nats).zip(targets) {
            let top = max(row);
            for (share, logit) in shares.iter_mut().zip(row) {
                *share = exp(logit - top);
            }
            let total = sum(shares);
            let scale = total.recip();
            shares.iter_mut().for_each(|share| *share *= scale);
            *nats = total.ln() + top - row[target as usize];
        }
    }
}

vectorised! {
    fn backward<'a>(
        shares: &'a [f32],
        vocab: usize,
        targets: &'a [i32],
        dy: &'a [f32],
        dx: &'a mut [f32],
    ) {
        let rows = dx.chunks_exact_mut(vocab).zip(shares.chunks_exact(vocab));
        for (((dx, shares), dy), &target) in rows.zip(dy).zip(targets) {
            for (dx, share) in dx.iter_mut().zip(shares) {
                *dx = share * dy;
            }
            dx[target as usize] -= dy;
        }
    }
}
