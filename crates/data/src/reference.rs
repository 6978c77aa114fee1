//! What needs no model: a uniform guess, the frequencies of tokens, and an n-gram model with back-off.
//! Their losses on the scored test text are reference lines beside the models.

use crate::test_loss::TestLoss;
use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Tokens of the longest n-gram.
const ORDER: usize = 5;

/// Train tokens that n-grams are counted over, at most; of a longer text in stretches spread evenly.
const MOST_TOKENS: usize = 1 << 25;

/// Tokens of a stretch of a longer text.
const STRETCH: usize = 1 << 15;

/// A loss that needs no model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// `uniform`, `unigram`, `5-gram`, or `source`: the language itself that made a synthetic text.
    pub name: String,
    /// Loss on the scored test tokens.
    #[serde(flatten)]
    pub loss: TestLoss,
}

/// The references of a train and a scored test text.
///
/// N-grams are interpolated after Witten & Bell (1991): with `c(h)` the count of a context, `t(h)` the distinct
/// tokens seen after it and `h'` the context without its first token,
/// `p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))`, ending in the uniform guess `1 / V` (Chen & Goodman 1999,
/// section 2.6). Counted only for contexts of the test, which bounds memory.
pub(crate) fn references(train: &Tokens, test: &TestStream, vocab_size: usize) -> Vec<Reference> {
    let uniform = (vocab_size as f64).ln();
    let mut rows = vec![row("uniform", test, &vec![uniform as f32; test.len()])];
    for (name, order) in [("unigram", 1), ("5-gram", ORDER)] {
        let nats = ngram(train, test, vocab_size, order);
        rows.push(row(name, test, &nats));
    }
    rows
}

pub(crate) fn row(name: &str, test: &TestStream, nats: &[f32]) -> Reference {
    Reference { name: name.to_owned(), loss: test.score(nats) }
}

/// Counts after one context.
#[derive(Clone, Copy, Default)]
struct Context {
    /// Of tokens after it.
    tokens: u32,
    /// Of distinct ones.
    types: u32,
}

struct Counts {
    /// Contexts of the test by their number, which is that of their tokens.
    places: FxHashMap<u64, u32>,
    contexts: Vec<Context>,
    /// How often a token came after a context.
    pairs: FxHashMap<(u32, u32), u32>,
}

/// A number for no tokens.
const EMPTY: u64 = 0x9ae1_6a3b_2f90_404f;

/// The number of a context with one more token before it.
fn longer(context: u64, before: u32) -> u64 {
    let mixed = (context ^ u64::from(before)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

impl Counts {
    /// Of every context of up to `longest` tokens before a test token, with nothing counted yet.
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
                // Whatever ends in a context that the test lacks, it lacks too.
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

/// Nats of every scored test token under n-grams of up to `order` tokens.
fn ngram(train: &Tokens, test: &TestStream, vocab_size: usize, order: usize) -> Vec<f32> {
    let test: Vec<u32> = test.ids().collect();
    let mut counts = Counts::new(&test, order - 1);
    let mut stretch = Vec::new();
    for range in stretches(train.len()) {
        stretch.clear();
        stretch.extend(train.ids(range));
        counts.count(&stretch, order - 1);
    }
    (1..test.len())
        .map(|at| -counts.probability(&test, at, order - 1, vocab_size).ln() as f32)
        .collect()
}

/// The whole, or stretches spread evenly.
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

    /// The definition, read off the train tokens anew for each question.
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
            for order in [1, 2, 5] {
                let nats = ngram(&tokens, &stream, 256, order);
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
