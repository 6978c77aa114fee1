//! Gives training batches: windows of the train stream, in an order keyed by (seed, epoch).
//!
//! A window is a pure function of (seed, token offset). Every model size, batch size and resumed
//! run therefore sees the same text in the same order, without memory beyond the tokens.

use crate::error::DataError;
use crate::tokens::Tokens;
use isoflop_core::rng::{Permutation, Purpose, stream};
use std::sync::Arc;

/// The windows of a train stream, which do not overlap: `(tokens - 1) / context` of them, each with
/// `context` inputs and as many targets, shifted by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    count: u64,
    context: usize,
}

impl Windows {
    /// Cuts a stream of `train_tokens` tokens into windows of `context` tokens.
    ///
    /// # Errors
    /// The context is zero, or the stream is shorter than one window.
    pub fn new(train_tokens: usize, context: usize) -> Result<Self, DataError> {
        match train_tokens.saturating_sub(1).checked_div(context) {
            None => Err(DataError::NoContext),
            Some(0) => Err(DataError::TooFewTokens { tokens: train_tokens, context }),
            Some(count) => Ok(Windows { count: count as u64, context }),
        }
    }

    /// Number of windows in an epoch.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of tokens in an epoch.
    pub fn tokens(&self) -> u64 {
        self.count * self.context as u64
    }

    /// Number of distinct tokens among the first `tokens` that a run sees.
    pub fn unique_tokens(&self, tokens: u64) -> u64 {
        tokens.min(self.tokens())
    }

    /// Number of times that a run of `tokens` tokens goes through the text.
    pub fn epochs(&self, tokens: u64) -> f64 {
        tokens as f64 / self.tokens() as f64
    }
}

/// The windows of a train stream, in the order that a seed gives them.
#[derive(Clone, Debug)]
pub struct TrainStream {
    tokens: Arc<Tokens>,
    windows: Windows,
    seed: u64,
}

impl TrainStream {
    /// Makes a stream of windows of `context` tokens, ordered by `seed`.
    ///
    /// # Errors
    /// The same as those of [`Windows::new`].
    pub fn new(tokens: Arc<Tokens>, context: usize, seed: u64) -> Result<Self, DataError> {
        let windows = Windows::new(tokens.len(), context)?;
        Ok(TrainStream { tokens, windows, seed })
    }

    /// Windows that this stream orders.
    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// Writes `count` sequences, beginning with `first_sequence`, into the buffers, which are
    /// emptied first. Sequence `s` of a run covers its tokens from `s * context` on; a batch at
    /// token offset `t` begins with sequence `t / context`.
    ///
    /// # Shapes
    /// - inputs, targets: `[count, context]`, row by row
    pub fn fill(
        &self,
        first_sequence: u64,
        count: usize,
        inputs: &mut Vec<i32>,
        targets: &mut Vec<i32>,
    ) {
        inputs.clear();
        targets.clear();
        let mut order: Option<(u64, Permutation)> = None;
        for sequence in first_sequence..first_sequence + count as u64 {
            let epoch = sequence / self.windows.count;
            let permutation = match order.take() {
                Some((of, permutation)) if of == epoch => permutation,
                _ => self.order(epoch),
            };
            let window = permutation.at(sequence % self.windows.count);
            order = Some((epoch, permutation));
            let start = window as usize * self.windows.context;
            let end = start + self.windows.context;
            inputs.extend(self.tokens.range(start..end));
            targets.extend(self.tokens.range(start + 1..end + 1));
        }
    }

    fn order(&self, epoch: u64) -> Permutation {
        Permutation::new(self.windows.count, &mut stream(self.seed, Purpose::WindowOrder, epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ids that count up, so that a window's first input tells which of the first 256 windows it
    /// is.
    fn counting(len: usize) -> Arc<Tokens> {
        let ids: Vec<u32> = (0..len as u32).map(|i| i % 251).collect();
        Arc::new(Tokens::of_ids(256, &ids))
    }

    fn rows(stream: &TrainStream, first: u64, count: usize) -> Vec<(Vec<i32>, Vec<i32>)> {
        let (mut inputs, mut targets) = (vec![7], vec![7]);
        stream.fill(first, count, &mut inputs, &mut targets);
        let context = stream.windows.context;
        inputs
            .chunks(context)
            .map(<[i32]>::to_vec)
            .zip(targets.chunks(context).map(<[i32]>::to_vec))
            .collect()
    }

    #[test]
    fn a_stream_shorter_than_a_window_is_refused() {
        let error = Windows::new(128, 128).unwrap_err();
        assert_eq!(error.to_string(), "128 tokens of train text do not fill one context of 128");
        assert_eq!(error.hint().unwrap(), "give at least 129 tokens, or a context of 127 or less");
        assert_eq!(Windows::new(129, 128).unwrap().count(), 1);
        assert_eq!(Windows::new(129, 0).unwrap_err().to_string(), "a context of 0 tokens");
    }

    #[test]
    fn tokens_beyond_an_epoch_are_repeats() {
        let windows = Windows::new(1001, 100).unwrap();
        assert_eq!((windows.count(), windows.tokens()), (10, 1000));
        assert_eq!(windows.unique_tokens(700), 700);
        assert_eq!((windows.unique_tokens(2500), windows.epochs(2500)), (1000, 2.5));
    }

    proptest! {
        #[test]
        fn an_epoch_holds_every_window_once_and_targets_are_the_next_tokens(
            windows in 1usize..200, context in 1usize..9, left_over in 0usize..9, seed: u64, epoch in 0u64..3,
        ) {
            let tokens = counting(windows * context + 1 + left_over.min(context - 1));
            let stream = TrainStream::new(tokens.clone(), context, seed).unwrap();
            prop_assert_eq!(stream.windows().count(), windows as u64);
            let mut seen = rows(&stream, epoch * windows as u64, windows);
            seen.sort();
            let mut expected: Vec<_> = (0..windows)
                .map(|w| w * context)
                .map(|at| (tokens.range(at..at + context).collect(), tokens.range(at + 1..at + context + 1).collect()))
                .collect();
            expected.sort();
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn the_order_does_not_depend_on_the_batch_size(
            windows in 1usize..60, batch in 1usize..17, seed: u64, first in 0u64..100,
        ) {
            let stream = TrainStream::new(counting(windows * 3 + 1), 3, seed).unwrap();
            let at_once = rows(&stream, first, batch * 5);
            let by_batch: Vec<_> =
                (0..5).flat_map(|i| rows(&stream, first + i * batch as u64, batch)).collect();
            prop_assert_eq!(at_once, by_batch);
        }

        #[test]
        fn epochs_and_seeds_give_other_orders(seed in 0u64..1000) {
            let stream = |seed| TrainStream::new(counting(200 * 2 + 1), 2, seed).unwrap();
            let first = rows(&stream(seed), 0, 200);
            prop_assert_ne!(&first, &rows(&stream(seed), 200, 200));
            prop_assert_ne!(&first, &rows(&stream(seed + 1), 0, 200));
        }
    }
}
