//! Holds the text that runs are scored on, and cuts it into windows for any context.

use crate::error::DataError;
use crate::test_loss::TestLoss;
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;
use std::sync::Arc;

/// Maximum number of tokens that the points of a learning curve are measured on.
pub const CURVE_TOKENS: usize = 1 << 14;

/// Tokens of the scored text: a separator, then each stretch of test text with a separator after
/// it. Every token except the first is scored once: windows follow one another by the context, and
/// each starts on the token before its first target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestStream {
    tokens: Arc<Tokens>,
    separator: u32,
    /// End of each stretch, counted in scored tokens and including its separator.
    ends: Vec<usize>,
    text_bytes: usize,
}

impl TestStream {
    /// Makes a stream of tokens that hold at least one stretch, and `text_bytes` bytes of text in
    /// all.
    pub(crate) fn new(tokens: Tokens, separator: u32, text_bytes: usize) -> Self {
        let scored = tokens.ids(1..tokens.len());
        let ends = (1..tokens.len())
            .zip(scored)
            .filter_map(|(end, id)| (id == separator).then_some(end))
            .collect();
        TestStream { tokens: Arc::new(tokens), separator, ends, text_bytes }
    }

    pub(crate) fn of_stretches(
        tokenizer: &Tokenizer,
        stretches: &[&str],
    ) -> Result<Self, DataError> {
        let separator = tokenizer.separator();
        let mut ids = vec![separator];
        for stretch in stretches {
            tokenizer.encode(stretch, &mut ids)?;
            ids.push(separator);
        }
        let tokens = Tokens::of_ids(tokenizer.vocab_size(), &ids);
        let text_bytes = stretches.iter().map(|stretch| stretch.len()).sum();
        Ok(Self::new(tokens, separator, text_bytes))
    }

    /// End of each stretch, counted in scored tokens and including its separator.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// All ids, including the first separator.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.tokens.ids(0..self.tokens.len())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.tokens.as_bytes()
    }

    /// Number of scored tokens.
    pub fn len(&self) -> usize {
        self.tokens.len() - 1
    }

    /// Whether no token is scored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of stretches, each of which is taken from one document.
    pub fn stretches(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of scored text, without separators.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Number of scored tokens of each stretch.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| end - start)
    }

    /// Ids of each stretch, without its separator.
    pub(crate) fn each_stretch(&self) -> impl Iterator<Item = Vec<u32>> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends);
        spans.map(|(start, &end)| self.tokens.ids(start + 1..end).collect())
    }

    /// Index of the stretch that each scored token belongs to, in order.
    pub fn documents(&self) -> impl Iterator<Item = usize> {
        let lengths = std::iter::once(0).chain(self.ends.iter().copied()).zip(&self.ends);
        lengths
            .enumerate()
            .flat_map(|(index, (start, end))| std::iter::repeat_n(index, end - start))
    }

    /// Number of windows that cover all scored tokens; the last may be partial. `context` must be
    /// positive.
    pub fn windows(&self, context: usize) -> usize {
        self.len().div_ceil(context)
    }

    /// Windows for a point of a learning curve: at most [`CURVE_TOKENS`] tokens, evenly spread, and
    /// the same at every call. There is at least one; the partial window is never among several.
    pub fn curve_windows(&self, context: usize) -> Vec<usize> {
        let whole = (self.len() / context).max(1);
        let count = (CURVE_TOKENS / context).clamp(1, whole);
        (0..count).map(|index| index * whole / count).collect()
    }

    /// Writes windows into the buffers, which are emptied first, and returns the number of scored
    /// tokens. These are at the front of `targets`; what follows pads the last window and must be
    /// ignored. A partial window may only come last.
    ///
    /// # Shapes
    /// - inputs, targets: `[windows.len(), context]`, row by row
    pub fn fill(
        &self,
        context: usize,
        windows: impl IntoIterator<Item = usize>,
        inputs: &mut Vec<i32>,
        targets: &mut Vec<i32>,
    ) -> usize {
        inputs.clear();
        targets.clear();
        let mut scored = 0;
        let mut padded = 0;
        for window in windows {
            assert_eq!(scored, targets.len(), "a partial window comes last");
            let start = window * context;
            let end = (start + context).min(self.len());
            inputs.extend(self.tokens.range(start..end));
            targets.extend(self.tokens.range(start + 1..end + 1));
            scored += end - start;
            padded += context;
            inputs.resize(padded, self.separator as i32);
            targets.resize(padded, self.separator as i32);
        }
        scored
    }

    /// The test loss, from the nats of every scored token in order.
    ///
    /// # Panics
    /// The number of `nats` differs from the number of scored tokens.
    pub fn score(&self, nats: &[f32]) -> TestLoss {
        assert_eq!(nats.len(), self.len(), "one number a scored token");
        let mut start = 0;
        let clusters: Vec<(f64, usize)> = self
            .ends
            .iter()
            .map(|&end| {
                let stretch = &nats[std::mem::replace(&mut start, end)..end];
                (stretch.iter().map(|&nats| f64::from(nats)).sum(), stretch.len())
            })
            .collect();
        TestLoss::of_clusters(&clusters, self.text_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretches() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[a-z]{1,40}", 1..12)
    }

    fn of_bytes(stretches: &[&str]) -> TestStream {
        TestStream::of_stretches(&Tokenizer::bytes(), stretches).unwrap()
    }

    fn stream(stretches: &[String]) -> TestStream {
        of_bytes(&stretches.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn windows_start_on_the_token_before_and_the_last_is_padded() {
        let stream = of_bytes(&["abc", "d"]);
        let (mut inputs, mut targets) = (vec![], vec![]);
        let scored = stream.fill(4, 0..stream.windows(4), &mut inputs, &mut targets);
        assert_eq!(scored, 6);
        assert_eq!(inputs, [0, 97, 98, 99, 0, 100, 0, 0]);
        assert_eq!(targets, [97, 98, 99, 0, 100, 0, 0, 0]);
        assert_eq!(stream.documents().collect::<Vec<_>>(), [0, 0, 0, 0, 1, 1]);
        assert_eq!((stream.stretches(), stream.text_bytes()), (2, 4));
    }

    #[test]
    fn bits_per_byte_leave_separators_out_of_the_bytes() {
        let stream = of_bytes(&["abc", "d"]);
        let loss = stream.score(&[std::f32::consts::LN_2; 6]);
        assert!((loss.nats_per_token - 2f64.ln()).abs() < 1e-7);
        assert!((loss.bits_per_byte - 6.0 / 4.0).abs() < 1e-7);
        assert!(loss.standard_error.unwrap() < 1e-9);
    }

    #[test]
    fn the_curve_subset_is_spread_over_the_stream() {
        let stream = of_bytes(&vec!["x".repeat(1023).as_str(); 256]);
        assert_eq!(stream.len(), 1 << 18);
        let windows = stream.curve_windows(128);
        assert_eq!(windows, (0..128).map(|i| i * 16).collect::<Vec<_>>());
        assert_eq!(stream.curve_windows(1 << 15), [0]);
    }

    proptest! {
        #[test]
        fn every_token_is_scored_once_in_order_whatever_context_and_batch(
            text in stretches(), context in 1usize..70, batch in 1usize..5,
        ) {
            let stream = stream(&text);
            let all: Vec<usize> = (0..stream.windows(context)).collect();
            let (mut inputs, mut targets, mut before, mut scored) = (vec![], vec![], vec![], vec![]);
            for windows in all.chunks(batch) {
                let count = stream.fill(context, windows.iter().copied(), &mut inputs, &mut targets);
                prop_assert_eq!(inputs.len(), windows.len() * context);
                before.extend_from_slice(&inputs[..count]);
                scored.extend_from_slice(&targets[..count]);
            }
            let tokens: Vec<i32> = stream.as_bytes().iter().map(|&id| i32::from(id)).collect();
            prop_assert_eq!(&scored, &tokens[1..]);
            prop_assert_eq!(&before, &tokens[..stream.len()]);
        }

        #[test]
        fn the_curve_subset_has_whole_windows_that_fit(text in stretches(), context in 1usize..70) {
            let stream = stream(&text);
            let windows = stream.curve_windows(context);
            prop_assert!(!windows.is_empty() && windows.is_sorted_by(|a, b| a < b));
            let whole = |window: usize| (window + 1) * context <= stream.len();
            prop_assert!(windows.len() == 1 || windows.iter().all(|&window| whole(window)));
        }

        #[test]
        fn the_score_is_the_ratio_estimator_over_documents(text in stretches(), seed: u64) {
            let stream = stream(&text);
            let nats: Vec<f32> = (0..stream.len() as u64).map(|i| ((i ^ seed) % 97) as f32 / 16.0).collect();
            let loss = stream.score(&nats);
            let mut sums = vec![(0.0f64, 0.0f64); text.len()];
            for (document, &y) in stream.documents().zip(&nats) {
                sums[document].0 += f64::from(y);
                sums[document].1 += 1.0;
            }
            let total: f64 = sums.iter().map(|(_, n)| n).sum();
            let mean = sums.iter().map(|(y, _)| y).sum::<f64>() / total;
            prop_assert!((loss.nats_per_token - mean).abs() < 1e-9);
            let m = sums.len() as f64;
            match loss.standard_error {
                None => prop_assert_eq!(sums.len(), 1),
                Some(error) => {
                    let squares: f64 = sums.iter().map(|(y, n)| (y - mean * n).powi(2)).sum();
                    prop_assert!((error - (m / (m - 1.0) * squares).sqrt() / total).abs() < 1e-9);
                }
            }
        }
    }
}
