//! Finds near duplicates by MinHash (Broder 1997) over runs of five words, with banding: 16 bands
//! of four of the 64 hashes find a pair of Jaccard similarity 0.8 with probability 0.9998.

use crate::words::runs;
use minhash_rs::prelude::{Fnv, LshIndex, MinHash, MinHasher, QueryState, Store};
use serde::{Deserialize, Serialize};

const NUMBERS: usize = 64;
const BANDS: usize = 16;

/// Number of words in a run.
const WORDS: usize = 5;

/// Minimum words of a document; shorter ones resemble one another by chance.
const FEWEST_WORDS: usize = 20;

/// Maximum number of train documents that are compared with one another.
pub(crate) const SAMPLE: usize = 1 << 14;

/// Number of pairs that are reported by name.
const NAMED: usize = 3;

/// MinHash of a document. The runs are hashes already, so a quick second hash is enough.
pub(crate) type Sketch = MinHash<u32, NUMBERS, Fnv, u32>;

/// Counts of documents that resemble another: the estimated Jaccard similarity of their runs of
/// five words is at least [`NearDuplicates::SIMILARITY`]. Documents of fewer than twenty words are
/// left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicates {
    /// Number of test documents that resemble a train document.
    pub test: usize,
    /// Number of train documents that were compared with one another: all, or a sample.
    pub train_compared: usize,
    /// Number of the compared train documents that resemble another one of them.
    pub train: usize,
    /// Examples of test documents with the train document that they resemble.
    pub pairs: Vec<NearPair>,
}

/// A test document and a train document that resemble each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NearPair {
    /// Name of the test document.
    pub test: String,
    /// Name of the train document.
    pub train: String,
    /// Estimated Jaccard similarity of the two.
    pub similarity: f64,
}

impl NearDuplicates {
    /// Jaccard similarity from which on two documents are near duplicates.
    pub const SIMILARITY: f64 = 0.8;
}

/// Sketch of a document; `None` where the document is too short.
pub(crate) fn sketch(words: &[u64]) -> Option<Sketch> {
    if words.len() < FEWEST_WORDS {
        return None;
    }
    Some(runs(words, WORDS).collect())
}

/// Sketches of documents, to be searched for near duplicates.
pub(crate) struct Index {
    index: LshIndex<Sketch, NUMBERS, BANDS, Store>,
    /// Document that each sketch belongs to.
    documents: Vec<u32>,
}

impl Index {
    pub(crate) fn new(sketches: impl Iterator<Item = (u32, Sketch)>) -> Self {
        let (documents, sketches): (Vec<u32>, Vec<Sketch>) = sketches.unzip();
        Index { index: LshIndex::from_signatures(sketches), documents }
    }

    /// Documents that resemble the one of `sketch`, with their similarity; `but` itself is left
    /// out.
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

/// Collects near duplicates while the train documents are read one after another.
#[derive(Default)]
pub(crate) struct Pairs {
    /// First train document that resembles a test document, with the similarity, by test document.
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

    /// Counts of near duplicates. The two functions give the names of documents by their number.
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
        // A text of 400 words has 396 runs; changing one word changes five of them.
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
        // The two texts of about 1,250 words share about 1,000 of about 1,500 distinct runs.
        let a = sketch(&words(&text(0..1254))).unwrap();
        let b = sketch(&words(&text(250..1504))).unwrap();
        let expected = 1000.0 / 1500.0;
        let seen = a.estimate_jaccard_index(&b);
        // The tolerance is four standard errors of an estimate from 64 hashes.
        assert!(
            (seen - expected).abs() < 4.0 * (expected * (1.0 - expected) / 64.0f64).sqrt(),
            "{seen}"
        );
    }
}
