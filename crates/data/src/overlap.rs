//! How much of the test text was seen in training, by word 13-grams.

use isoflop_core::rng::hash_name;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Words of an n-gram: GPT-3's choice for contamination (Brown et al. 2020, appendix C).
const WORDS: usize = 13;

/// Odd, so that multiplying by it loses nothing modulo 2^64.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Word 13-grams of the test split, words being what stands between white space, and how many of
/// them occur in the train split. Counted by position: a 13-gram that the test repeats counts
/// each time. None spans two documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// In the test split.
    pub ngrams: u64,
    /// Of these, in the train split too.
    pub in_train: u64,
}

impl Overlap {
    /// Measures two splits. `step` is told after each document of either.
    pub(crate) fn of(train: &[String], test: &[String], step: &dyn Fn()) -> Self {
        let wanted: HashSet<u64> = test.iter().flat_map(|document| ngrams(document)).collect();
        let mut shared = HashSet::new();
        for document in train {
            shared.extend(
                ngrams(document)
                    .into_iter()
                    .filter(|gram| wanted.contains(gram)),
            );
            step();
        }
        let mut overlap = Overlap::default();
        for document in test {
            let grams = ngrams(document);
            overlap.ngrams += grams.len() as u64;
            overlap.in_train += grams.iter().filter(|gram| shared.contains(gram)).count() as u64;
            step();
        }
        overlap
    }

    /// Share of the test's 13-grams that occur in train; none where it has no 13-gram.
    pub fn share(&self) -> Option<f64> {
        (self.ngrams > 0).then(|| self.in_train as f64 / self.ngrams as f64)
    }
}

/// Hashes of a document's 13-grams: a polynomial in the words' hashes, rolled along.
fn ngrams(document: &str) -> Vec<u64> {
    let words: Vec<u64> = document.split_whitespace().map(hash_name).collect();
    let leaving = BASE.wrapping_pow(WORDS as u32);
    let mut rolled = 0u64;
    let mut grams = Vec::with_capacity(words.len().saturating_sub(WORDS - 1));
    for (at, &word) in words.iter().enumerate() {
        rolled = rolled.wrapping_mul(BASE).wrapping_add(word);
        if at >= WORDS {
            rolled = rolled.wrapping_sub(words[at - WORDS].wrapping_mul(leaving));
        }
        if at + 1 >= WORDS {
            grams.push(rolled);
        }
    }
    grams
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted_plainly(train: &[String], test: &[String]) -> Overlap {
        let grams = |documents: &[String]| -> Vec<Vec<String>> {
            let words = documents
                .iter()
                .map(|d| d.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
            words
                .flat_map(|words| {
                    words
                        .windows(WORDS)
                        .map(<[String]>::to_vec)
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let (train, test) = (grams(train), grams(test));
        let in_train = test.iter().filter(|gram| train.contains(gram)).count() as u64;
        Overlap {
            ngrams: test.len() as u64,
            in_train,
        }
    }

    #[test]
    fn a_planted_sentence_is_found() {
        let sentence =
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
        let train = [format!("before {sentence} after")];
        let test = [
            format!("other\n{}", sentence.replace(' ', "\n ")),
            "too short".to_owned(),
        ];
        let overlap = Overlap::of(&train, &test, &|| {});
        assert_eq!(
            overlap,
            Overlap {
                ngrams: 3,
                in_train: 2
            }
        );
        assert_eq!(Overlap::default().share(), None);
    }

    proptest! {
        #[test]
        fn rolling_hashes_count_as_comparing_words_does(
            train in prop::collection::vec("[ab]( [ab]){0,40}", 0..4),
            test in prop::collection::vec("[ab]( [ab]){0,40}", 0..4),
        ) {
            prop_assert_eq!(Overlap::of(&train, &test, &|| {}), counted_plainly(&train, &test));
        }
    }
}
