//! Reads a source for the first time: records every document's length and key and decides its fate.

use crate::batches::in_batches;
use crate::digest::key;
use crate::document::{Origin, Reading};
use crate::dropped::Dropped;
use crate::error::DataError;
use crate::quality;
use crate::source::Part;
use crate::split::{Side, Split};
use crate::split::{TEST_SHARE, by_document, by_tail};
use isoflop_core::data::DataOptions;
use isoflop_core::rng::{Permutation, Purpose, stream};
use rustc_hash::FxHashSet;

/// Use of a document, as the survey decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Train,
    Test,
    /// The end of the document is held out and the rest is trained on.
    Tail,
    /// The document equals an earlier one and is dropped.
    Repeated,
    /// The document would be trained on, but is outside the bounds of the quality filter.
    Poor,
    /// The document is left out so that a mixture keeps its weights.
    Left,
}

/// Facts about a document that are kept after the first reading.
#[derive(Clone, Copy)]
pub(crate) struct Fact {
    /// Hash of the text, by which a later reading notices that the source has changed.
    pub(crate) key: u64,
    bytes: u32,
    file: u32,
    place: u32,
    pub(crate) fate: Fate,
    poor: bool,
}

impl Fact {
    pub(crate) fn origin(&self) -> Origin {
        Origin { file: self.file, place: u64::from(self.place) }
    }
}

/// Survey of one part of a source.
pub(crate) struct Survey {
    pub(crate) facts: Vec<Fact>,
    pub(crate) split: Split,
    pub(crate) dropped: Dropped,
}

impl Survey {
    /// Bytes of all documents that have the given fate.
    pub(crate) fn bytes(&self, fate: Fate) -> u64 {
        let of = self.facts.iter().filter(|fact| fact.fate == fate);
        of.map(|fact| u64::from(fact.bytes)).sum()
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.facts.iter().map(|fact| u64::from(fact.bytes)).sum()
    }
}

/// Reads a part. `seen` holds the hashes of the texts in the parts before it.
pub(crate) fn survey(
    part: &Part,
    options: &DataOptions,
    reading: &Reading,
    seen: &mut FxHashSet<u128>,
) -> Result<Survey, DataError> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut sides: Vec<Option<Side>> = Vec::new();
    let mut dropped = part.built().map(|built| built.dropped).unwrap_or_default();
    // Built-in corpora hold no repeated documents, and independent draws from a language may
    // repeat.
    let distinct = !part.is_built() && !part.is_synthetic();
    let skipped = in_batches(
        &part.input,
        reading,
        |_| true,
        |_, document| {
            Ok((key(document.text.as_bytes()), !quality::keeps(&options.quality, &document.text)))
        },
        |_, document, (key, poor)| {
            let repeated = distinct && !seen.insert(key);
            dropped.repeated_documents += usize::from(repeated);
            sides.push(document.side);
            facts.push(Fact {
                key: key as u64,
                bytes: u32::try_from(document.text.len()).unwrap_or(u32::MAX),
                file: document.origin.file,
                place: u32::try_from(document.origin.place).unwrap_or(u32::MAX),
                fate: match repeated {
                    true => Fate::Repeated,
                    false => Fate::Train,
                },
                poor,
            });
            Ok(())
        },
    )?;
    dropped.invalid_documents += skipped.invalid;
    dropped.empty_documents += skipped.empty;
    if facts.is_empty() {
        return Err(DataError::NoDocuments { name: part.name.clone() });
    }
    let split = hold_out(part, options, &mut facts, &sides);
    for fact in &mut facts {
        if fact.poor && matches!(fact.fate, Fate::Train | Fate::Tail) {
            // The end of a document stays held out, since it is all the test that a short source
            // has.
            fact.fate = match fact.fate {
                Fate::Tail => Fate::Tail,
                _ => Fate::Poor,
            };
            dropped.poor_documents += usize::from(fact.fate == Fate::Poor);
        }
    }
    Ok(Survey { facts, split, dropped })
}

/// Decides which documents are held out and returns how that was done.
fn hold_out(
    part: &Part,
    options: &DataOptions,
    facts: &mut [Fact],
    sides: &[Option<Side>],
) -> Split {
    if sides.iter().any(Option::is_some) {
        for (fact, side) in facts.iter_mut().zip(sides) {
            if fact.fate == Fate::Train && *side == Some(Side::Test) {
                fact.fate = Fate::Test;
            }
        }
        return match part.built() {
            Some(built) => built.split.clone(),
            None => Split::Source { test: options.test.clone().unwrap_or_default() },
        };
    }
    let share = options.test_fraction.map(|share| share.0);
    let kept: Vec<usize> =
        (0..facts.len()).filter(|&index| facts[index].fate == Fate::Train).collect();
    let lengths: Vec<u64> = kept.iter().map(|&index| u64::from(facts[index].bytes)).collect();
    let seed = options.split_seed;
    match by_document(&lengths, share, seed) {
        Some(held_out) => {
            for (index, out) in kept.into_iter().zip(held_out) {
                if out {
                    facts[index].fate = Fate::Test;
                }
            }
            Split::Document { seed }
        }
        None => {
            for index in kept {
                facts[index].fate = Fate::Tail;
            }
            Split::Tail { share: share.unwrap_or(TEST_SHARE) }
        }
    }
}

/// The train text and the test text of a document; `None` for a side that it has no part in.
pub(crate) fn sides<'t>(
    fact: &Fact,
    split: &Split,
    text: &'t str,
) -> (Option<&'t str>, Option<&'t str>) {
    match (fact.fate, split) {
        (Fate::Train, _) => (Some(text), None),
        (Fate::Test, _) => (None, Some(text)),
        (Fate::Tail, Split::Tail { share }) => {
            let (train, test) = by_tail(text, *share);
            match train.is_empty() || test.is_empty() {
                true => (None, None),
                false => (Some(train), Some(test)),
            }
        }
        _ => (None, None),
    }
}

/// Leaves documents out until the bytes of the parts are in proportion to their weights, separately
/// for train and test: as many as the scarcest part allows without repeating any.
pub(crate) fn weigh(parts: &[Part], surveys: &mut [Survey]) {
    if parts.len() < 2 {
        return;
    }
    for fates in [&[Fate::Train, Fate::Tail][..], &[Fate::Test]] {
        let have: Vec<u64> = surveys
            .iter()
            .map(|survey| fates.iter().map(|&fate| survey.bytes(fate)).sum())
            .collect();
        let total = parts
            .iter()
            .zip(&have)
            .map(|(part, &have)| have as f64 / part.weight)
            .fold(f64::INFINITY, f64::min);
        for (index, (part, survey)) in parts.iter().zip(surveys.iter_mut()).enumerate() {
            let room = total * part.weight;
            let count = survey.facts.len() as u64;
            let order = Permutation::new(count, &mut stream(0, Purpose::Subset, 1 + index as u64));
            let mut bytes = 0u64;
            for place in 0..count {
                let fact = &mut survey.facts[order.at(place) as usize];
                if !fates.contains(&fact.fate) {
                    continue;
                }
                // The document that crosses the limit is kept if that brings the share nearer to
                // the weight.
                let with = bytes + u64::from(fact.bytes);
                if with as f64 - room > room - bytes as f64 {
                    fact.fate = Fate::Left;
                    survey.dropped.left_documents += 1;
                } else {
                    bytes = with;
                }
            }
        }
    }
}
