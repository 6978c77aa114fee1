//! Which documents are held out: drawn by a key without regard to their content.

use isoflop_core::rng::{Permutation, Purpose, stream};
use serde::{Deserialize, Serialize};

/// How the test text was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Split {
    /// Whole families of packages.
    Family {
        /// The test families; all others train.
        test: Vec<String>,
    },
    /// Whole documents, drawn without regard to their content.
    Document {
        /// Seed of the draw.
        seed: u64,
    },
    /// Too few documents to hold any out: the end of each.
    Tail {
        /// Share of each document's bytes, to the next line.
        share: f64,
    },
    /// A source of its own.
    Source {
        /// As written.
        test: String,
    },
    /// Each part of a mixture by itself.
    Parts {
        /// In the order of the mixture.
        parts: Vec<Split>,
    },
}

/// A side of a split.
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

/// Share of the bytes held out unless asked otherwise.
pub(crate) const TEST_SHARE: f64 = 0.1;

/// Bytes held out at most unless a share is asked for: more would only take text from training.
pub(crate) const MOST_BYTES: u64 = 1 << 25;

/// With fewer documents, the end of each is held out.
pub(crate) const FEWEST_TO_SPLIT: usize = 10;

/// Of documents of these lengths, whether each is held out; nothing where they are too few or too unequal.
/// Documents are held out in keyed order until they make the share, but none that would bring the test
/// above twice that.
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

/// The end of a document held out, from the first line that starts in its last share, or from the character
/// there where the line is longer than half of that.
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
