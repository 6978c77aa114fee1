//! Measures by word 13-grams how much of the test text occurs in the train text.

use crate::words::{runs, words};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

/// Number of words in an n-gram, as in GPT-3's test of contamination (Brown et al. 2020, appendix
/// C).
const WORDS: usize = 13;

/// Approximate maximum of distinct n-grams that are searched for. Of a longer test only a sample is
/// used, chosen by the hashes of the n-grams.
const MOST: u64 = 1 << 23;

/// Number of documents that are reported by name.
const NAMED: usize = 3;

/// Number of word 13-grams of the test split, and how many of them occur in the train split. Words
/// are separated by white space. Each position counts, so a 13-gram that the test repeats counts
/// each time; none spans two documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// Number of 13-grams in the test split.
    pub ngrams: u64,
    /// Number of the test's 13-grams that also occur in the train split.
    pub in_train: u64,
}

impl Overlap {
    /// Share of the test's 13-grams that occur in the train split; `None` where the test has no
    /// 13-gram.
    pub fn share(&self) -> Option<f64> {
        (self.ngrams > 0).then(|| self.in_train as f64 / self.ngrams as f64)
    }
}

/// A test document whose 13-grams occur in the train split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Name of the test document.
    pub test: String,
    /// Name of the train document in which most of the shared 13-grams occur first.
    pub train: String,
    /// Share of the test document's 13-grams that occur in the train split.
    pub share: f64,
}

/// The test's 13-grams, to be searched for in the train split.
pub(crate) struct Search {
    /// Divisor by which n-grams are sampled: only those whose hash is a multiple of it are used.
    every: u64,
    wanted: FxHashSet<u64>,
    /// First train document in which each n-gram that was found occurs.
    found: FxHashMap<u64, u32>,
}

impl Search {
    pub(crate) fn of_test<'t>(test: impl Iterator<Item = &'t str> + Clone) -> Self {
        let bytes: u64 = test.clone().map(|text| text.len() as u64).sum();
        // A word takes about six bytes.
        let every = (bytes / 6).div_ceil(MOST).max(1);
        let mut wanted = FxHashSet::default();
        for text in test {
            wanted.extend(runs(&words(text), WORDS).filter(|gram| gram % every == 0));
        }
        Search { every, wanted, found: FxHashMap::default() }
    }

    /// The n-grams of a train document that occur in the test.
    pub(crate) fn hits(&self, words: &[u64]) -> Vec<u64> {
        runs(words, WORDS).filter(|gram| self.wanted.contains(gram)).collect()
    }

    /// Records the n-grams that a train document shares with the test.
    pub(crate) fn note(&mut self, document: u32, hits: &[u64]) {
        for &gram in hits {
            self.found.entry(gram).or_insert(document);
        }
    }

    /// The overlap, and the test documents that leak most: each with its number in the test, a
    /// train document and the share.
    pub(crate) fn finish<'t>(
        &self,
        test: impl Iterator<Item = &'t str>,
    ) -> (Overlap, Vec<(usize, u32, f64)>) {
        let mut overlap = Overlap::default();
        let mut leaks = Vec::new();
        for (place, text) in test.enumerate() {
            let (mut all, mut shared) = (0, 0);
            let mut of = FxHashMap::<u32, u64>::default();
            for gram in runs(&words(text), WORDS).filter(|gram| gram % self.every == 0) {
                all += 1;
                if let Some(&document) = self.found.get(&gram) {
                    shared += 1;
                    *of.entry(document).or_default() += 1;
                }
            }
            overlap.ngrams += all;
            overlap.in_train += shared;
            if let Some((&document, _)) =
                of.iter().max_by_key(|(document, count)| (**count, u32::MAX - **document))
            {
                leaks.push((place, document, shared as f64 / all as f64));
            }
        }
        leaks.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        leaks.truncate(NAMED);
        (overlap, leaks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overlap(train: &[String], test: &[String]) -> Overlap {
        let mut search = Search::of_test(test.iter().map(String::as_str));
        for (index, text) in train.iter().enumerate() {
            let hits = search.hits(&words(text));
            search.note(index as u32, &hits);
        }
        search.finish(test.iter().map(String::as_str)).0
    }

    fn counted_plainly(train: &[String], test: &[String]) -> Overlap {
        let grams = |documents: &[String]| -> Vec<Vec<String>> {
            let words = documents
                .iter()
                .map(|d| d.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
            words
                .flat_map(|words| words.windows(WORDS).map(<[String]>::to_vec).collect::<Vec<_>>())
                .collect()
        };
        let (train, test) = (grams(train), grams(test));
        let in_train = test.iter().filter(|gram| train.contains(gram)).count() as u64;
        Overlap { ngrams: test.len() as u64, in_train }
    }

    #[test]
    fn a_planted_sentence_is_found_and_its_documents_named() {
        let sentence =
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
        let train = ["nothing".to_owned(), format!("before {sentence} after")];
        let test = ["too short".to_owned(), format!("other\n{}", sentence.replace(' ', "\n "))];
        assert_eq!(overlap(&train, &test), Overlap { ngrams: 3, in_train: 2 });
        assert_eq!(Overlap::default().share(), None);
        let mut search = Search::of_test(test.iter().map(String::as_str));
        let hits = search.hits(&words(&train[1]));
        search.note(1, &hits);
        let (_, leaks) = search.finish(test.iter().map(String::as_str));
        assert_eq!(leaks, [(1, 1, 2.0 / 3.0)]);
    }

    proptest! {
        #[test]
        fn rolling_hashes_count_as_comparing_words_does(
            train in prop::collection::vec("[ab]( [ab]){0,40}", 0..4),
            test in prop::collection::vec("[ab]( [ab]){0,40}", 0..4),
        ) {
            prop_assert_eq!(overlap(&train, &test), counted_plainly(&train, &test));
        }
    }
}
