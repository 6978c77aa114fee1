//! Near duplicates by MinHash (Broder 1997) over runs of five words, found by banding: 16 bands of
//! four of 64 numbers, which finds a pair of Jaccard similarity .8 with probability .9998.

use crate::words::runs;
use minhash_rs::prelude::{Fnv, LshIndex, MinHash, MinHasher, QueryState, Store};
use serde::{Deserialize, Serialize};

const NUMBERS: usize = 64;
const BANDS: usize = 16;

/// Words of a run.
const WORDS: usize = 5;

/// Shorter documents resemble one another by chance.
const FEWEST_WORDS: usize = 20;

/// Train documents that are compared with one another, at most.
pub(crate) const SAMPLE: usize = 1 << 14;

/// Pairs that are told by name.
const NAMED: usize = 3;

/// Runs come as hashes: what hashes them again may be quick.
pub(crate) type Sketch = MinHash<u32, NUMBERS, Fnv, u32>;

/// Documents that resemble another: estimated Jaccard similarity of their runs of five words at
/// least [`NearDuplicates::SIMILARITY`]. Documents of fewer than twenty words are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicates {
    /// Test documents with one in the train split.
    pub test: usize,
    /// Train documents that were compared with one another: all, or a sample.
    pub train_compared: usize,
    /// Of these, those with another among them.
    pub train: usize,
    /// Some of the pairs of test and train.
    pub pairs: Vec<NearPair>,
}

/// A test document and one of the train split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NearPair {
    /// The test document.
    pub test: String,
    /// The train document.
    pub train: String,
    /// Estimated Jaccard similarity.
    pub similarity: f64,
}

impl NearDuplicates {
    /// From which on documents are near duplicates.
    pub const SIMILARITY: f64 = 0.8;
}

/// The sketch of a document; none of one that is too short.
pub(crate) fn sketch(words: &[u64]) -> Option<Sketch> {
    if words.len() < FEWEST_WORDS {
        return None;
    }
    Some(runs(words, WORDS).collect())
}

/// Documents to be compared with.
pub(crate) struct Index {
    index: LshIndex<Sketch, NUMBERS, BANDS, Store>,
    /// The document of each sketch.
    documents: Vec<u32>,
}

impl Index {
    pub(crate) fn new(sketches: impl Iterator<Item = (u32, Sketch)>) -> Self {
        let (documents, sketches): (Vec<u32>, Vec<Sketch>) = sketches.unzip();
        Index { index: LshIndex::from_signatures(sketches), documents }
    }

    /// Documents that resemble one, but for `but`, with their similarity.
    pub(crate) fn near(&self, sketch: &Sketch, but: Option<u32>) -> Vec<(u32, f64)> {
        let mut state = QueryState::new();
        self.index
            .candidates(sketch, &mut state)
            .iter()
            .map(|candidate| {
                let known = self.index.signature(candidate.id);
                (self.documents[candidate.id as usize], known.estimate_jaccard_index(sketch))
            })
            .filter(|(document, similarity)| {
                Some(*document) != but && *similarity >= NearDuplicates::SIMILARITY
            })
            .collect()
    }
}

/// Takes up the train documents one after another.
#[derive(Default)]
pub(crate) struct Pairs {
    /// Of each test document that has one, the first train document.
    of_test: rustc_hash::FxHashMap<u32, (u32, f64)>,
    sample: Vec<(u32, Sketch)>,
}

impl Pairs {
    pub(crate) fn note(&mut self, train: u32, near: &[(u32, f64)]) {
        for &(test, similarity) in near {
            self.of_test.entry(test).or_insert((train, similarity));
        }
    }

    pub(crate) fn keep(&mut self, train: u32, sketch: Sketch) {
        self.sample.push((train, sketch));
    }

    /// Names are asked for a side and a place in it.
    pub(crate) fn finish(
        self,
        test_name: &dyn Fn(u32) -> String,
        train_name: &dyn Fn(u32) -> String,
    ) -> NearDuplicates {
        let mut found: Vec<_> = self.of_test.into_iter().collect();
        found.sort_by(|a, b| b.1.1.total_cmp(&a.1.1).then(a.0.cmp(&b.0)));
        let index = Index::new(self.sample.iter().cloned());
        let has_another =
            |(document, sketch): &&(u32, Sketch)| !index.near(sketch, Some(*document)).is_empty();
        NearDuplicates {
            test: found.len(),
            train_compared: self.sample.len(),
            train: self.sample.iter().filter(has_another).count(),
            pairs: found
                .iter()
                .take(NAMED)
                .map(|&(test, (train, similarity))| NearPair {
                    test: test_name(test),
                    train: train_name(train),
                    similarity,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn text(words: impl Iterator<Item = u64>) -> String {
        words.map(|word| format!("w{word} ")).collect()
    }

    #[test]
    fn an_edited_copy_is_found_and_another_text_is_not() {
        let of = |text: String| sketch(&words(&text)).unwrap();
        let original = of(text(0..400));
        // One word changed spoils five runs of 396.
        let edited = of(text((0..400).map(|word| if word == 200 { 9999 } else { word })));
        let other = of(text(1000..1400));
        let index = Index::new([(7, original), (8, other)].into_iter());
        let near = index.near(&edited, None);
        assert_eq!(near.iter().map(|(document, _)| *document).collect::<Vec<_>>(), [7]);
        assert!(near[0].1 > 0.9, "{near:?}");
        assert!(sketch(&words("a few words")).is_none());
    }

    #[test]
    fn the_estimate_is_the_jaccard_similarity() {
        // Runs of five of 1,000 words in common of 1,500.
        let a = sketch(&words(&text(0..1254))).unwrap();
        let b = sketch(&words(&text(250..1504))).unwrap();
        let expected = 1000.0 / 1500.0;
        let seen = a.estimate_jaccard_index(&b);
        // Four standard errors of 64 numbers.
        assert!(
            (seen - expected).abs() < 4.0 * (expected * (1.0 - expected) / 64.0f64).sqrt(),
            "{seen}"
        );
    }
}
