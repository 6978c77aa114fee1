//! Chooses the part of the test split that is scored: at most one stretch of each document, so that
//! evaluation is cheap and no long document outweighs the rest.
//!
//! The choice depends only on the test documents and the cap, never on a run's seed, context or
//! tokenizer, so that the losses of all runs on a corpus are measured on the same text.

use isoflop_core::rng::{Permutation, Purpose, below, stream};

/// Default cap on the scored text, in bytes of text and separators.
pub const DEFAULT_TEST_TOKENS: usize = 1 << 18;

/// Maximum bytes of a document's stretch.
const LONGEST_STRETCH: usize = 4096;

/// Seed of the choice. Changing it would make new losses incomparable with earlier ones.
const SEED: u64 = 0;

/// Stretches of the documents, in keyed order, until the cap is reached. A stretch counts its bytes
/// and one for its separator. The last stretch is cut to fit or, with `whole_only`, left out.
pub(crate) fn sample<'d>(
    documents: &[&'d str],
    test_tokens: usize,
    whole_only: bool,
) -> Vec<&'d str> {
    let mut stretches = Vec::new();
    let mut left = test_tokens;
    if documents.is_empty() {
        return stretches;
    }
    let mut order = stream(SEED, Purpose::TestStretch, 0);
    let order = Permutation::new(documents.len() as u64, &mut order);
    for place in 0..documents.len() as u64 {
        let index = order.at(place);
        let document = documents[index as usize];
        let whole = stretch(document, index);
        let cut = &whole[..whole.floor_char_boundary(left.saturating_sub(1))];
        if !cut.is_empty() && (cut.len() == document.len() || !whole_only) {
            left -= cut.len() + 1;
            stretches.push(cut);
        }
        if cut.len() < whole.len() {
            break;
        }
    }
    stretches
}

/// A short document in whole. Of a long one, a stretch from the start of the line that holds a
/// keyed byte, or from that byte itself if the line begins more than a stretch before it.
fn stretch(document: &str, index: u64) -> &str {
    let Some(spare) = document.len().checked_sub(LONGEST_STRETCH).filter(|&spare| spare > 0) else {
        return document;
    };
    let mut draw = stream(SEED, Purpose::TestStretch, 1 + index);
    let keyed = document.floor_char_boundary(below(&mut draw, spare as u64 + 1) as usize);
    let line = document[..keyed].rfind('\n').map_or(0, |newline| newline + 1);
    let start = if keyed - line > LONGEST_STRETCH { keyed } else { line };
    &document[start..document.floor_char_boundary(start + LONGEST_STRETCH)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_documents_are_taken_whole_and_long_ones_from_the_start_of_a_line() {
        let long = "a line of words\n".repeat(1000);
        let documents = ["short", long.as_str()];
        let mut stretches = sample(&documents, DEFAULT_TEST_TOKENS, false);
        stretches.sort_by_key(|stretch| stretch.len());
        assert_eq!(stretches[0], "short");
        assert_eq!(stretches[1], &long[..LONGEST_STRETCH]);
    }

    proptest! {
        #[test]
        fn the_cap_holds_and_is_met_where_text_suffices(
            documents in prop::collection::vec("[a-zé€\n]{1,9000}", 1..6), cap in 2usize..20_000,
        ) {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            let stretches = sample(&documents, cap, false);
            let spent: usize = stretches.iter().map(|stretch| stretch.len() + 1).sum();
            prop_assert!(spent <= cap);
            let all = sample(&documents, usize::MAX, false);
            prop_assert_eq!(all.len(), documents.len());
            let available: usize = all.iter().map(|stretch| stretch.len() + 1).sum();
            // Cutting may lose up to three bytes of a character, and a remainder of one byte holds
            // no text.
            prop_assert!(spent + 5 > available.min(cap), "{spent} of {available} under {cap}");
            for (stretch, whole) in stretches.iter().zip(&all) {
                prop_assert!(whole.starts_with(stretch) && stretch.len() <= LONGEST_STRETCH);
            }
        }

        #[test]
        fn one_line_without_end_is_cut_at_characters(chars in 1usize..5000) {
            let document = "é".repeat(chars);
            let stretch = sample(&[document.as_str()], usize::MAX, false)[0];
            prop_assert_eq!(stretch.len(), (2 * chars).min(LONGEST_STRETCH));
        }
    }
}
