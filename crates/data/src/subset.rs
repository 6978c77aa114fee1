//! Cuts a fixed subset from the train split, for runs that repeat it: whole documents in keyed
//! order, the last one cut. A smaller subset is the beginning of a larger one, so subsets are
//! nested and so are their windows.

use crate::build::scored;
use crate::cache::{Filling, TEST, TRAIN};
use crate::data_digest::data_digest;
use crate::error::DataError;
use crate::loaded::Data;
use crate::measured::measured;
use crate::metadata::{Metadata, Part};
use crate::progress::Progress;
use crate::tokens::Tokens;
use isoflop_core::digest::sha256;
use isoflop_core::rng::{Permutation, Purpose, stream};

/// Checks that a subset of this many tokens exists. One token more is needed, since it is the last
/// window's last target.
pub(crate) fn check(tokens: u64, whole: &Metadata) -> Result<(), DataError> {
    let have = whole.train.tokens as u64;
    match tokens > 0 && tokens < have {
        true => Ok(()),
        false => Err(DataError::SubsetTooLarge { asked: tokens, have: have.saturating_sub(1) }),
    }
}

/// Writes the subset into an entry of the cache.
pub(crate) fn cut(
    tokens: u64,
    whole: &Metadata,
    data: &Data,
    tokenizer_json: Option<Vec<u8>>,
    filling: Filling,
    progress: &dyn Fn(Progress),
) -> Result<Metadata, DataError> {
    let tokenizer = whole.tokenizer_of(tokenizer_json.clone())?;
    let ids = first(&data.train, whole.separator, tokens as usize + 1);
    let train = Tokens::of_ids(whole.vocab_size, &ids);
    let documents: Vec<&[u32]> = ids.split(|&id| id == whole.separator).collect();
    let texts = documents.iter().filter(|document| !document.is_empty());
    let bytes = texts.clone().map(|document| {
        let decoded = tokenizer.decode(document);
        decoded.map_or(0, |bytes| bytes.len() as u64)
    });
    let train_part = Part {
        documents: texts.clone().count(),
        bytes: bytes.sum(),
        tokens: ids.len(),
        sha256: sha256([train.as_bytes()]),
    };
    filling.write(TRAIN, train.as_bytes())?;
    filling.write(TEST, data.test.as_bytes())?;
    let source_row = whole.references.iter().filter(|row| row.name == "source").cloned();
    let mut measures = measured(&train, &data.test, whole.separator, whole.vocab_size, progress);
    measures.references.extend(source_row);
    let metadata = Metadata {
        digest: data_digest(&whole.tokenizer, &train, &data.test).map_err(|cause| {
            let path = filling.path(TRAIN);
            DataError::Read { path, cause }
        })?,
        train: train_part,
        scored: scored(whole.scored.test_tokens, &data.test),
        references: measures.references,
        correlations: Some(measures.correlations),
        ..whole.clone()
    };
    filling.finish(&metadata, tokenizer_json.as_deref())?;
    Ok(metadata)
}

/// The first `count` tokens of the train documents, taken in keyed order.
fn first(train: &Tokens, separator: u32, count: usize) -> Vec<u32> {
    let mut ends: Vec<usize> = Vec::new();
    for (at, id) in train.ids(0..train.len()).enumerate() {
        if id == separator {
            ends.push(at + 1);
        }
    }
    let order = Permutation::new(ends.len() as u64, &mut stream(0, Purpose::Subset, 0));
    let mut ids = Vec::with_capacity(count);
    for place in 0..ends.len() as u64 {
        let document = order.at(place) as usize;
        let start = document.checked_sub(1).map_or(0, |before| ends[before]);
        let room = count - ids.len();
        ids.extend(train.ids(start..ends[document]).take(room));
        if ids.len() == count {
            break;
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn subsets_are_nested_and_made_of_whole_documents_but_the_last(
            lengths in prop::collection::vec(1usize..20, 1..40), count in 1usize..100,
        ) {
            let ids: Vec<u32> = lengths
                .iter()
                .enumerate()
                .flat_map(|(index, &length)| std::iter::repeat_n(1 + index as u32, length).chain([0]))
                .collect();
            let train = Tokens::of_ids(256, &ids);
            let count = count.min(ids.len());
            let (small, all) = (first(&train, 0, count), first(&train, 0, ids.len()));
            prop_assert_eq!(small.len(), count);
            prop_assert_eq!(&small[..], &all[..count]);
            let mut sorted = (all.clone(), ids.clone());
            sorted.0.sort_unstable();
            sorted.1.sort_unstable();
            prop_assert_eq!(sorted.0, sorted.1);
            for document in all.split(|&id| id == 0).filter(|document| !document.is_empty()) {
                prop_assert_eq!(document.len(), lengths[document[0] as usize - 1]);
            }
        }
    }
}
