//! Chooses the documents to hold out. They are drawn by a key, without regard to their content.

use isoflop_core::rng::{Permutation, Purpose, stream};
use serde::{Deserialize, Serialize};

/// How the test text was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Split {
    /// Whole families of packages are held out.
    Family {
        /// Test families; all others are in the train split.
        test: Vec<String>,
    },
    /// Whole documents are held out, drawn without regard to their content.
    Document {
        /// Seed of the draw.
        seed: u64,
    },
    /// The end of each document is held out, because there are too few documents.
    Tail {
        /// Share of each document's bytes that is held out, moved to the start of a line.
        share: f64,
    },
    /// The test comes from a source of its own.
    Source {
        /// Test source as written.
        test: String,
    },
    /// Each part of a mixture is split by itself.
    Parts {
        /// Splits of the parts, in the order of the mixture.
        parts: Vec<Split>,
    },
}

/// Side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Train,
    Test,
}

impl Side {
    pub(crate) fn of_test(test: bool) -> Self {
        match test {
            true => Side::Test,
            false => Side::Train,
        }
    }
}

/// Share of the bytes that is held out by default.
pub(crate) const TEST_SHARE: f64 = 0.1;

/// Maximum bytes that are held out by default: more would only take text away from training.
pub(crate) const MOST_BYTES: u64 = 1 << 25;

/// Number of documents below which the end of each is held out instead of whole documents.
pub(crate) const FEWEST_TO_SPLIT: usize = 10;

/// Whether each document is held out, given the documents' lengths in bytes; `None` where they are
/// too few or too unequal. Documents are held out in keyed order until the share is reached,
/// skipping any that would bring the test above twice the share.
pub(crate) fn by_document(lengths: &[u64], share: Option<f64>, seed: u64) -> Option<Vec<bool>> {
    if lengths.len() < FEWEST_TO_SPLIT {
        return None;
    }
    let total: u64 = lengths.iter().sum();
    let wanted = share.unwrap_or(TEST_SHARE) * total as f64;
    let (wanted, most) = match share {
        Some(_) => (wanted, 2.0 * wanted),
        None => (wanted.min(MOST_BYTES as f64), 2.0 * wanted),
    };
    let order = Permutation::new(lengths.len() as u64, &mut stream(seed, Purpose::Split, 0));
    let mut held_out = vec![false; lengths.len()];
    let mut bytes = 0;
    for index in (0..lengths.len() as u64).map(|place| order.at(place) as usize) {
        if bytes as f64 >= wanted {
            break;
        }
        let with = bytes + lengths[index];
        if with as f64 <= most {
            held_out[index] = true;
            bytes = with;
        }
    }
    held_out.contains(&true).then_some(held_out)
}

/// Splits a document into its train part and the end that is held out. The end begins at the first
/// line that starts within the last `share` of the bytes or, if more than half of that share comes
/// before it, at the character where the share begins.
pub(crate) fn by_tail(document: &str, share: f64) -> (&str, &str) {
    let tail = (document.len() as f64 * share).ceil() as usize;
    let aim = document.floor_char_boundary(document.len() - tail);
    let line = document[aim..].find('\n').map(|newline| newline + 1);
    let cut = aim + line.filter(|&line| line <= tail / 2).unwrap_or(0);
    document.split_at(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn about_the_share_is_held_out_and_never_twice_of_it(
            lengths in prop::collection::vec(1u64..2000, 10..200), share in 0.02..0.5f64, seed: u64,
        ) {
            let total: u64 = lengths.iter().sum();
            let Some(held_out) = by_document(&lengths, Some(share), seed) else { return Ok(()) };
            let bytes: u64 = lengths.iter().zip(&held_out).filter(|(_, out)| **out).map(|(bytes, _)| bytes).sum();
            prop_assert!(bytes as f64 <= 2.0 * share * total as f64);
            let longest = *lengths.iter().max().unwrap() as f64;
            if longest < share * total as f64 {
                prop_assert!(bytes as f64 >= share * total as f64, "{} of {}", bytes, total);
            }
        }

        #[test]
        fn a_tail_loses_nothing_and_is_about_the_share(document in "[a-zé]{1,30}(\n[a-zé]{1,30}){4,60}") {
            let (head, tail) = by_tail(&document, TEST_SHARE);
            prop_assert_eq!(format!("{head}{tail}"), &document[..]);
            if document.len() > 40 {
                let share = tail.len() as f64 / document.len() as f64;
                prop_assert!((0.03..0.15).contains(&share), "{}", share);
            }
        }
    }

    #[test]
    fn another_seed_holds_out_other_documents() {
        let lengths = [100; 60];
        let held_out = |seed| by_document(&lengths, None, seed).unwrap();
        assert_eq!(held_out(0), held_out(0));
        assert_ne!(held_out(0), held_out(1));
    }
}
