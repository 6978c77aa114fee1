//! Counts n-grams of the train text, and scores the test text by them each time that four times as much of
//! the train text has been counted.

use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use isoflop_core::rng::{Permutation, Purpose, stream};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Length of the longest n-gram, in tokens.
pub(crate) const LONGEST: usize = 8;

/// Maximum train tokens over which n-grams are counted; of a longer text, evenly spread stretches
/// are used.
const MOST_TOKENS: usize = 1 << 25;

/// Length of such a stretch, in tokens.
const STRETCH: usize = 1 << 15;

/// Tokens that are counted at once. Pieces of the text come in a random order, as windows do in training.
const PIECE: usize = 128;

/// Train tokens after which the test is first scored.
const FIRST: usize = 1 << 13;

/// Factor from there to the next time.
const FACTOR: usize = 4;

/// Pieces between two reports of progress.
const STEP: usize = 1024;

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

    /// Counts the tokens at `from` and after it, each behind the tokens before it.
    fn count(&mut self, tokens: &[u32], from: usize, longest: usize) {
        for at in from..tokens.len() {
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

    /// Gives `each` the probability of a test token behind no token, behind one, and so on up to `longest`.
    fn probabilities(
        &self,
        tokens: &[u32],
        at: usize,
        (longest, vocab_size): (usize, usize),
        mut each: impl FnMut(usize, f64),
    ) {
        let mut context = EMPTY;
        let mut p = 1.0 / vocab_size as f64;
        let mut known = true;
        for back in 0..=longest {
            known = known && back <= at;
            if known && back > 0 {
                context = longer(context, tokens[at - back]);
            }
            let place = self.places.get(&context).filter(|_| known);
            let counts = place.map(|place| (*place, self.contexts[*place as usize]));
            match counts.filter(|(_, context)| context.tokens > 0) {
                Some((place, Context { tokens: all, types })) => {
                    let seen = self.pairs.get(&(place, tokens[at])).copied().unwrap_or(0);
                    let (all, types) = (f64::from(all), f64::from(types));
                    p = (f64::from(seen) + types * p) / (all + types);
                }
                // Nothing is known of any longer context either.
                None => known = false,
            }
            each(back, p);
        }
    }

    /// Nats of every test token but the first, under models of n-grams of up to 1, 2, ... `longest` tokens.
    fn nats(&self, test: &[u32], longest: usize, vocab_size: usize) -> Vec<Vec<f32>> {
        let mut nats = vec![Vec::with_capacity(test.len()); longest];
        for at in 1..test.len() {
            let mut push = |back: usize, p: f64| nats[back].push(-p.ln() as f32);
            self.probabilities(test, at, (longest - 1, vocab_size), &mut push);
        }
        nats
    }
}

/// Nats of every scored token under models of n-grams of up to 1, 2, ... `longest` tokens, each time with the
/// number of train tokens counted so far, the last time with all. The counts of the longest serve the
/// shorter ones. `step` gets the work done and the whole of it.
///
/// N-grams are interpolated after Witten & Bell (1991): with `c(h)` the count of a context, `t(h)`
/// the number of distinct tokens seen after it and `h'` the context without its first token, `p(w |
/// h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))`, ending in the uniform guess `1 / V` (Chen &
/// Goodman 1999, section 2.6). Only contexts of the test are counted, which bounds memory.
pub(crate) fn ngrams(
    train: &Tokens,
    test: &TestStream,
    vocab_size: usize,
    longest: usize,
    step: &dyn Fn(u64, u64),
    mut each: impl FnMut(usize, &[Vec<f32>]),
) {
    let test: Vec<u32> = test.ids().collect();
    let before = longest - 1;
    let mut counts = Counts::new(&test, before);
    let pieces = Pieces::of(train.len());
    let rungs = rungs(pieces.tokens());
    let total = (pieces.tokens() + rungs.len() * test.len()) as u64;
    let (mut next, mut counted) = (0, 0);
    let mut tokens = Vec::new();
    for (scored, rung) in rungs.into_iter().enumerate() {
        let done = |counted: usize, scored: usize| (counted + scored * test.len()) as u64;
        let mut part: Vec<_> = (next..rung.div_ceil(PIECE)).map(|k| pieces.at(k)).collect();
        next += part.len();
        // Until the test is scored the order does not matter, and that of the text is a third faster.
        part.sort_unstable_by_key(|(_, piece)| piece.start);
        for (k, (start, piece)) in part.into_iter().enumerate() {
            let from = start.max(piece.start.saturating_sub(before));
            tokens.clear();
            tokens.extend(train.ids(from..piece.end));
            counts.count(&tokens, piece.start - from, before);
            counted += piece.len();
            if k % STEP == 0 {
                step(done(counted, scored), total);
            }
        }
        each(counted, &counts.nats(&test, longest, vocab_size));
        step(done(counted, scored + 1), total);
    }
}

/// Numbers of tokens after which the test is scored; the last is `tokens`.
fn rungs(tokens: usize) -> Vec<usize> {
    let ladder = std::iter::successors(Some(FIRST), |rung| rung.checked_mul(FACTOR));
    ladder.take_while(|rung| *rung < tokens).chain([tokens]).collect()
}

/// The pieces of what is counted, in a random order that is always the same. What is left over at the end of
/// the text comes last.
struct Pieces {
    stretches: Vec<Range<usize>>,
    /// Whole pieces of a stretch; all stretches have as many.
    each: usize,
    order: Option<Permutation>,
}

impl Pieces {
    fn of(tokens: usize) -> Self {
        let stretches = stretches(tokens, MOST_TOKENS);
        let each = stretches[0].len() / PIECE;
        let whole = (each * stretches.len()) as u64;
        let order = || Permutation::new(whole, &mut stream(0, Purpose::WindowOrder, 0));
        Pieces { each, order: (whole > 0).then(order), stretches }
    }

    fn tokens(&self) -> usize {
        self.stretches.iter().map(Range::len).sum()
    }

    /// Where the stretch begins in which a piece lies, and the piece.
    fn at(&self, index: usize) -> (usize, Range<usize>) {
        let whole = self.each * self.stretches.len();
        match self.order.as_ref().filter(|_| index < whole) {
            Some(order) => {
                let drawn = order.at(index as u64) as usize;
                let stretch = &self.stretches[drawn / self.each];
                let start = stretch.start + drawn % self.each * PIECE;
                (stretch.start, start..start + PIECE)
            }
            None => {
                let stretch = &self.stretches[0];
                (stretch.start, stretch.start + self.each * PIECE..stretch.end)
            }
        }
    }
}

/// The whole range of tokens, or evenly spread stretches of it that hold `most` tokens.
pub(crate) fn stretches(tokens: usize, most: usize) -> Vec<Range<usize>> {
    if tokens <= most {
        return std::iter::once(0..tokens).collect();
    }
    let count = most / STRETCH;
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

    fn count(pieces: &Pieces) -> usize {
        pieces.tokens().div_ceil(PIECE)
    }

    /// The definition of the probability, counted anew from the counted places of the train tokens at each
    /// call.
    fn plainly(
        train: &[u32],
        counted: &[usize],
        history: &[u32],
        next: u32,
        vocab_size: usize,
    ) -> f64 {
        let after = |context: &[u32]| -> Vec<u32> {
            let follows =
                |at: &usize| *at >= context.len() && train[at - context.len()..*at] == *context;
            counted.iter().copied().filter(follows).map(|at| train[at]).collect()
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

    /// Checks the nats of every order, each time that the test is scored, against the definition over the
    /// tokens counted by then.
    fn follows_its_definition(train: &[u32], stretches: &[&str], longest: usize) -> Vec<usize> {
        let stream = TestStream::of_stretches(&Tokenizer::bytes(), stretches).unwrap();
        let ids: Vec<u32> = stream.ids().collect();
        let pieces = Pieces::of(train.len());
        let places: Vec<usize> = (0..count(&pieces)).flat_map(|k| pieces.at(k).1).collect();
        let mut rungs = Vec::new();
        ngrams(&Tokens::of_ids(256, train), &stream, 256, longest, &|_, _| {}, |counted, all| {
            rungs.push(counted);
            assert_eq!(all.len(), longest);
            for (order, nats) in (1..).zip(all) {
                assert_eq!(nats.len(), ids.len() - 1);
                for (index, &nats) in nats.iter().enumerate() {
                    let at = index + 1;
                    let history = &ids[at - at.min(order - 1)..at];
                    let p = plainly(train, &places[..counted], history, ids[at], 256);
                    let expected = -p.ln();
                    assert!((f64::from(nats) - expected).abs() < 1e-5, "{nats} {expected}");
                }
            }
        });
        rungs
    }

    proptest! {
        #[test]
        fn n_grams_follow_their_definition(
            train in prop::collection::vec(0u32..4, 1..400), test in prop::collection::vec("[ab]{1,12}", 1..4),
        ) {
            let stretches: Vec<&str> = test.iter().map(String::as_str).collect();
            let train: Vec<u32> = train.iter().map(|&id| [0, 97, 98, 99][id as usize]).collect();
            prop_assert_eq!(follows_its_definition(&train, &stretches, 5), [train.len()]);
        }

        #[test]
        fn probabilities_add_up_to_one(train in prop::collection::vec(0u32..6, 1..60)) {
            let test = [0, 1, 2, 3, 1];
            let mut counts = Counts::new(&test, 3);
            counts.count(&train, 0, 3);
            let mut sums = [0.0; 4];
            for last in 0..6 {
                let tokens = [0, 1, 2, 3, last];
                counts.probabilities(&tokens, 4, (3, 6), |back, p| sums[back] += p);
            }
            prop_assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12), "{:?}", sums);
        }

        #[test]
        fn every_token_is_in_one_piece(tokens in 1usize..5000) {
            let pieces = Pieces::of(tokens);
            let mut places: Vec<usize> = (0..count(&pieces)).flat_map(|k| pieces.at(k).1).collect();
            prop_assert!(tokens <= 3 * PIECE || !places.is_sorted(), "in the order of the text");
            places.sort_unstable();
            prop_assert!(places.into_iter().eq(0..tokens));
        }
    }

    #[test]
    fn each_part_of_a_text_follows_the_definition_over_its_own_tokens() {
        let train: Vec<u32> = (0..9000u64).map(|k| 97 + (k * k / 11 % 4) as u32).collect();
        assert_eq!(follows_its_definition(&train, &["abcd", "ca"], 4), [FIRST, 9000]);
    }

    #[test]
    fn a_long_text_is_counted_in_stretches_to_its_end() {
        assert_eq!(stretches(10, MOST_TOKENS), vec![0..10]);
        let all = stretches(3 * MOST_TOKENS, MOST_TOKENS);
        assert_eq!(all.iter().map(|range| range.len()).sum::<usize>(), MOST_TOKENS);
        assert_eq!((all[0].start, all[all.len() - 1].end), (0, 3 * MOST_TOKENS));
        assert!(all.is_sorted_by(|a, b| a.end <= b.start));
        let pieces = Pieces::of(3 * MOST_TOKENS);
        let inside = |(start, piece): (usize, Range<usize>)| {
            let stretch = pieces.stretches.iter().find(|stretch| stretch.start == start).unwrap();
            piece.len() == PIECE && piece.start >= start && piece.end <= stretch.end
        };
        assert!((0..count(&pieces)).step_by(997).all(|index| inside(pieces.at(index))));
        assert_eq!(count(&pieces) * PIECE, MOST_TOKENS);
    }

    #[test]
    fn the_test_is_scored_each_time_that_four_times_as_much_has_been_counted() {
        assert_eq!(rungs(40_000), [8192, 32_768, 40_000]);
        assert_eq!((rungs(8192), rungs(8193), rungs(1)), (vec![8192], vec![8192, 8193], vec![1]));
    }

    #[test]
    fn progress_grows_to_the_whole_of_the_work() {
        let stream = TestStream::of_stretches(&Tokenizer::bytes(), &["abc"]).unwrap();
        let train = Tokens::of_ids(256, &[97; 300_000]);
        let said = std::cell::RefCell::new(Vec::new());
        ngrams(
            &train,
            &stream,
            256,
            2,
            &|done, total| said.borrow_mut().push((done, total)),
            |_, _| {},
        );
        let said = said.into_inner();
        let last = said[said.len() - 1];
        assert!(said.len() > 3 && said.is_sorted() && last.0 == last.1, "{said:?}");
        assert!(said.iter().all(|(_, total)| *total == last.1));
    }
}
