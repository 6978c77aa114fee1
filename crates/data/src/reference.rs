//! Computes losses that need no model: of a uniform guess, of the tokens' frequencies, and of an
//! n-gram model with back-off. On the scored test text they are reference lines beside the models.

use crate::test_loss::TestLoss;
use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Length of the longest n-gram, in tokens.
const LONGEST: usize = 8;

/// Maximum train tokens over which n-grams are counted; of a longer text, evenly spread stretches
/// are used.
const MOST_TOKENS: usize = 1 << 25;

/// Length of such a stretch, in tokens.
const STRETCH: usize = 1 << 15;

/// A loss that needs no model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Name: `uniform`, `unigram`, `2-gram` to `8-gram`, or `source` for the synthetic language that made the
    /// text.
    pub name: String,
    /// Loss on the scored test text.
    #[serde(flatten)]
    pub loss: TestLoss,
}

/// Reference losses of the scored test text, given the train text.
///
/// N-grams are interpolated after Witten & Bell (1991): with `c(h)` the count of a context, `t(h)`
/// the number of distinct tokens seen after it and `h'` the context without its first token, `p(w |
/// h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))`, ending in the uniform guess `1 / V` (Chen &
/// Goodman 1999, section 2.6). Only contexts of the test are counted, which bounds memory.
pub(crate) fn references(train: &Tokens, test: &TestStream, vocab_size: usize) -> Vec<Reference> {
    let uniform = (vocab_size as f64).ln();
    let mut rows = vec![row("uniform", test, &vec![uniform as f32; test.len()])];
    for (order, nats) in (1..).zip(ngrams(train, test, vocab_size, LONGEST)) {
        let name = if order == 1 { "unigram".to_owned() } else { format!("{order}-gram") };
        rows.push(row(&name, test, &nats));
    }
    rows
}

pub(crate) fn row(name: &str, test: &TestStream, nats: &[f32]) -> Reference {
    Reference { name: name.to_owned(), loss: test.score(nats) }
}

/// Counts of the train tokens that follow one context.
#[derive(Clone, Copy, Default)]
struct Context {
    /// Number of tokens after the context.
    tokens: u32,
    /// Number of distinct tokens after the context.
    types: u32,
}

struct Counts {
    /// Index into `contexts`, by the hash of the context's tokens.
    places: FxHashMap<u64, u32>,
    contexts: Vec<Context>,
    /// Number of times that a token follows a context, by index of the context and token.
    pairs: FxHashMap<(u32, u32), u32>,
}

/// Hash of the empty context.
const EMPTY: u64 = 0x9ae1_6a3b_2f90_404f;

/// Hash of a context that is extended by one token before it.
fn longer(context: u64, before: u32) -> u64 {
    let mixed = (context ^ u64::from(before)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

impl Counts {
    /// Counts of 0 for every context of up to `longest` tokens before a test token.
    fn new(test: &[u32], longest: usize) -> Self {
        let mut counts = Counts {
            places: FxHashMap::default(),
            contexts: Vec::new(),
            pairs: FxHashMap::default(),
        };
        for at in 1..test.len() {
            let mut context = EMPTY;
            counts.add(context);
            for back in 1..=longest.min(at) {
                context = longer(context, test[at - back]);
                counts.add(context);
            }
        }
        counts
    }

    fn add(&mut self, context: u64) {
        let next = self.contexts.len() as u32;
        if *self.places.entry(context).or_insert(next) == next {
            self.contexts.push(Context::default());
        }
    }

    fn count(&mut self, tokens: &[u32], longest: usize) {
        for at in 0..tokens.len() {
            let mut context = EMPTY;
            for back in 0..=longest.min(at) {
                if back > 0 {
                    context = longer(context, tokens[at - back]);
                }
                // If the test lacks a context, it also lacks every longer one that ends in it.
                let Some(&place) = self.places.get(&context) else {
                    break;
                };
                let pair = self.pairs.entry((place, tokens[at])).or_default();
                *pair += 1;
                let known = &mut self.contexts[place as usize];
                known.tokens += 1;
                known.types += u32::from(*pair == 1);
            }
        }
    }

    fn probability(&self, tokens: &[u32], at: usize, longest: usize, vocab_size: usize) -> f64 {
        let mut context = EMPTY;
        let mut p = 1.0 / vocab_size as f64;
        for back in 0..=longest.min(at) {
            if back > 0 {
                context = longer(context, tokens[at - back]);
            }
            let Some(&place) = self.places.get(&context) else {
                break;
            };
            let Context { tokens: all, types } = self.contexts[place as usize];
            if all == 0 {
                break;
            }
            let seen = self.pairs.get(&(place, tokens[at])).copied().unwrap_or(0);
            let (all, types) = (f64::from(all), f64::from(types));
            p = (f64::from(seen) + types * p) / (all + types);
        }
        p
    }
}

/// Nats of every scored test token under models of n-grams of up to 1, 2, ... `longest` tokens. The counts of
/// the longest serve the shorter ones.
fn ngrams(
    train: &Tokens,
    test: &TestStream,
    vocab_size: usize,
    longest: usize,
) -> impl Iterator<Item = Vec<f32>> {
    let test: Vec<u32> = test.ids().collect();
    let mut counts = Counts::new(&test, longest - 1);
    let mut stretch = Vec::new();
    for range in stretches(train.len()) {
        stretch.clear();
        stretch.extend(train.ids(range));
        counts.count(&stretch, longest - 1);
    }
    (0..longest).map(move |before| {
        let nats = |at| -counts.probability(&test, at, before, vocab_size).ln() as f32;
        (1..test.len()).map(nats).collect()
    })
}

/// The whole range of tokens, or evenly spread stretches of it.
fn stretches(tokens: usize) -> Vec<std::ops::Range<usize>> {
    if tokens <= MOST_TOKENS {
        return std::iter::once(0..tokens).collect();
    }
    let count = MOST_TOKENS / STRETCH;
    (0..count)
        .map(|index| {
            let start = (index as u128 * (tokens - STRETCH) as u128 / (count - 1) as u128) as usize;
            start..start + STRETCH
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Tokenizer;
    use proptest::prelude::*;

    /// The definition of the probability, counted anew from the train tokens at each call.
    fn plainly(train: &[u32], history: &[u32], next: u32, vocab_size: usize) -> f64 {
        let after = |context: &[u32]| -> Vec<u32> {
            (context.len()..train.len())
                .filter(|&at| train[at - context.len()..at] == *context)
                .map(|at| train[at])
                .collect()
        };
        let mut p = 1.0 / vocab_size as f64;
        for length in 0..=history.len() {
            let followers = after(&history[history.len() - length..]);
            if followers.is_empty() {
                break;
            }
            let seen = followers.iter().filter(|&&token| token == next).count() as f64;
            let mut types = followers.clone();
            types.sort_unstable();
            types.dedup();
            let types = types.len() as f64;
            p = (seen + types * p) / (followers.len() as f64 + types);
        }
        p
    }

    proptest! {
        #[test]
        fn n_grams_follow_their_definition(
            train in prop::collection::vec(0u32..4, 1..80), test in prop::collection::vec("[ab]{1,12}", 1..4),
        ) {
            let tokenizer = Tokenizer::bytes();
            let stretches: Vec<&str> = test.iter().map(String::as_str).collect();
            let stream = TestStream::of_stretches(&tokenizer, &stretches).unwrap();
            let ids: Vec<u32> = stream.ids().collect();
            let train: Vec<u32> = train.iter().map(|&id| [0, 97, 98, 99][id as usize]).collect();
            let tokens = Tokens::of_ids(256, &train);
            for (order, nats) in (1..).zip(ngrams(&tokens, &stream, 256, 5)) {
                for (index, &nats) in nats.iter().enumerate() {
                    let at = index + 1;
                    let history = &ids[at - at.min(order - 1)..at];
                    let expected = -plainly(&train, history, ids[at], 256).ln();
                    prop_assert!((f64::from(nats) - expected).abs() < 1e-5, "{} {}", nats, expected);
                }
            }
        }

        #[test]
        fn probabilities_add_up_to_one(train in prop::collection::vec(0u32..6, 1..60)) {
            let test = [0, 1, 2, 3, 1];
            let mut counts = Counts::new(&test, 3);
            counts.count(&train, 3);
            let sum: f64 = (0..6)
                .map(|last| counts.probability(&[0, 1, 2, 3, last], 4, 3, 6))
                .sum();
            prop_assert!((sum - 1.0).abs() < 1e-12, "{}", sum);
        }
    }

    #[test]
    fn a_long_text_is_counted_in_stretches_to_its_end() {
        assert_eq!(stretches(10), vec![0..10]);
        let all = stretches(3 * MOST_TOKENS);
        assert_eq!(all.iter().map(|range| range.len()).sum::<usize>(), MOST_TOKENS);
        assert_eq!((all[0].start, all[all.len() - 1].end), (0, 3 * MOST_TOKENS));
        assert!(all.is_sorted_by(|a, b| a.end <= b.start));
    }
}
