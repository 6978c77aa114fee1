//! Loss by position in the context: what a token costs by how many tokens of its document came before it.

use crate::test_loss::TestLoss;
use crate::test_stream::TestStream;

/// The loss of the tokens at a range of positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionLoss {
    /// Least number of tokens that the model saw before the scored token.
    pub first: usize,
    /// Greatest number of them.
    pub last: usize,
    /// Scored tokens.
    pub tokens: usize,
    /// Their mean loss, nats per token.
    pub nats_per_token: f64,
    /// Standard error of the mean, clustered by document; `None` with a single document.
    pub standard_error: Option<f64>,
}

impl TestStream {
    /// The loss by position in windows of `context` tokens, from the nats of every scored token in order.
    ///
    /// Positions count the tokens that the model saw, from 1, in ranges that grow by the root of 2. Only
    /// tokens of documents that began before their window are counted, so that everything that the model
    /// saw at a position is of the token's own document; a range without such a token is left out.
    ///
    /// # Panics
    /// The number of `nats` differs from the number of scored tokens.
    pub fn by_position(&self, context: usize, nats: &[f32]) -> Vec<PositionLoss> {
        assert_eq!(nats.len(), self.len(), "one number a scored token");
        let ranges = ranges(context);
        // Nats and tokens of each document, by range.
        let mut clusters: Vec<Vec<(f64, usize)>> = vec![Vec::new(); ranges.len()];
        let mut start = 0usize;
        for &end in self.ends() {
            let mut of_document = vec![(0.0, 0usize); ranges.len()];
            // The window in which the document begins also holds the end of another one.
            let first_window = start.div_ceil(context) * context;
            for (at, nats) in nats.iter().enumerate().take(end).skip(first_window) {
                let range = ranges.partition_point(|&(_, last)| last < at % context + 1);
                of_document[range].0 += f64::from(*nats);
                of_document[range].1 += 1;
            }
            for (all, one) in clusters.iter_mut().zip(of_document) {
                all.extend(Some(one).filter(|(_, tokens)| *tokens > 0));
            }
            start = end;
        }
        let measured =
            ranges.into_iter().zip(clusters).filter(|(_, clusters)| !clusters.is_empty());
        let loss = |((first, last), clusters): (_, Vec<(f64, usize)>)| {
            let TestLoss { nats_per_token, standard_error, tokens, .. } =
                TestLoss::of_clusters(&clusters, 1);
            PositionLoss { first, last, tokens, nats_per_token, standard_error }
        };
        measured.map(loss).collect()
    }
}

/// Ranges of positions up to `context`, first and last of each: they start at powers of the root of 2. A last
/// range that the context cuts to less than half joins the one before.
fn ranges(context: usize) -> Vec<(usize, usize)> {
    let mut starts: Vec<usize> =
        (0..64).map(|k| 2f64.powf(f64::from(k) / 2.0).round() as usize).collect();
    starts.dedup();
    let pairs = starts.windows(2).take_while(|pair| pair[0] <= context);
    let mut ranges: Vec<(usize, usize)> = pairs.map(|pair| (pair[0], pair[1] - 1)).collect();
    let (first, whole) = ranges.pop().expect("position 1 is there");
    match ranges.last_mut() {
        Some(before) if 2 * (context - first + 1) < whole - first + 1 => before.1 = context,
        _ => ranges.push((first, context)),
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Tokenizer;

    #[test]
    fn ranges_cover_every_position_once() {
        for context in [1, 2, 3, 17, 128, 1000, 1024] {
            let ranges = ranges(context);
            let covered: Vec<usize> = ranges.iter().flat_map(|(a, b)| *a..=*b).collect();
            assert_eq!(covered, (1..=context).collect::<Vec<_>>());
        }
        assert_eq!(ranges(12), [(1, 1), (2, 2), (3, 3), (4, 5), (6, 7), (8, 12)]);
        assert_eq!(ranges(64).last(), Some(&(45, 64)));
        assert_eq!(ranges(13).last(), Some(&(11, 13)));
    }

    #[test]
    fn a_token_counts_at_its_position_once_its_document_began_before_the_window() {
        // Stretches of 10 and 23 scored tokens, their separators among them, in windows of 4.
        let stretches = ["abcdefghi", "abcdefghijklmnopqrstuv"];
        let stream = TestStream::of_stretches(&Tokenizer::bytes(), &stretches).unwrap();
        let nats: Vec<f32> = (0..33).map(|at| at as f32).collect();
        let found = stream.by_position(4, &nats);
        // The first document starts with the first window, the second within the window from 8 on, so that
        // its tokens count from 12.
        let mut by_hand = [(0.0, 0usize); 5];
        for at in (0..10).chain(12..33) {
            by_hand[at % 4 + 1].0 += at as f64;
            by_hand[at % 4 + 1].1 += 1;
        }
        assert_eq!(found.len(), 4);
        for loss in found {
            assert_eq!(loss.first, loss.last);
            let (sum, tokens) = by_hand[loss.first];
            assert_eq!(loss.tokens, tokens);
            assert!((loss.nats_per_token - sum / tokens as f64).abs() < 1e-12);
            assert!(loss.standard_error.unwrap() > 0.0);
        }
    }

    #[test]
    fn documents_shorter_than_the_context_leave_late_positions_out() {
        let stretches = ["abc"; 40];
        let stream = TestStream::of_stretches(&Tokenizer::bytes(), &stretches).unwrap();
        let found = stream.by_position(64, &vec![1.0; 160]);
        assert!(found.iter().all(|loss| loss.last <= 5), "{found:?}");
    }
}
