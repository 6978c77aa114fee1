//! Which numbers of the outputs of halves are dropped in training.

use crate::ops::kernels::buffer::Buffer;
use isoflop_core::rng::{Purpose, fill, stream_at};

/// What is dropped in one pass of a step. The words that decide are those of (seed, step, window of
/// the step, layer, half), so that they do not depend on how a step is split into passes, on what
/// was trained before in this process, or on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dropout {
    /// Numbers below it, of 2^32, are dropped.
    threshold: u32,
    seed: u64,
    step: u64,
    /// Place of the first token of the pass among those of the step.
    first: usize,
}

/// Values of a word.
const WORDS: f64 = 4_294_967_296.0;

impl Dropout {
    /// What a step drops, each number with this probability; `None` if it is 0.
    pub(crate) fn of(probability: f64, seed: u64, step: u64) -> Option<Self> {
        let threshold = (probability * WORDS) as u32;
        (threshold > 0).then_some(Dropout { threshold, seed, step, first: 0 })
    }

    /// The same for a pass that begins `tokens` tokens later.
    #[must_use]
    pub(crate) fn later(self, tokens: usize) -> Self {
        Dropout { first: self.first + tokens, ..self }
    }

    /// Factors of the numbers of a half's output, `n` rows of `width`, in windows of `context` rows:
    /// 0 where a number is dropped, and otherwise the one that keeps the mean. `half` is the number
    /// of the half among all of the model.
    pub(crate) fn factors(&self, half: u64, [n, width]: [usize; 2], context: usize) -> Buffer {
        let kept = (WORDS / (WORDS - f64::from(self.threshold))) as f32;
        let mut factors = Buffer::stale(n * width);
        for (window, part) in factors.chunks_mut(context * width).enumerate() {
            let window = (self.first / context + window) as u64;
            let mut rng = stream_at(self.seed, Purpose::Dropout, self.step, [window, half]);
            fill(&mut rng, part, |word| if word < self.threshold { 0.0 } else { kept });
        }
        factors
    }
}

#[cfg(test)]
mod tests;
