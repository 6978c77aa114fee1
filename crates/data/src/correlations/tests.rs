//! Sources whose correlations are known.

use super::*;
use crate::document::Reading;
use crate::synthetic::Source;
use isoflop_core::data::{Language, Real};
use isoflop_core::rng::{Purpose, below, stream, uniform};

/// Correlations of a text of documents, a separator 0 after each.
fn of(documents: &[Vec<u32>]) -> Vec<Correlation> {
    let ids: Vec<u32> = documents.iter().flat_map(|ids| ids.iter().copied().chain([0])).collect();
    correlations(&Tokens::of_ids(256, &ids), 0, 256, &|_, _| {})
}

/// Documents of 1,000 tokens, each drawn behind the one before it.
fn drawn(documents: u64, next: impl Fn(u32, f64) -> u32) -> Vec<Vec<u32>> {
    let document = |index| {
        let mut rng = stream(5, Purpose::Synthetic, index);
        let first = 1 + below(&mut rng, 2) as u32;
        std::iter::successors(Some(first), |&before| Some(next(before, uniform(&mut rng))))
            .take(1000)
            .collect()
    };
    (0..documents).map(document).collect()
}

#[test]
fn independent_tokens_are_not_correlated_at_any_distance() {
    let found = of(&drawn(300, |_, x| 1 + (200.0 * x * x) as u32));
    assert_eq!(found.len(), DISTANCES.len());
    for Correlation { distance, strength, standard_error } in &found {
        assert!(strength.abs() < 4.5 * standard_error, "{strength} at {distance}");
        assert!(strength.abs() < 1e-3, "{strength} at {distance}");
    }
    let mean = found.iter().map(|found| found.strength / found.standard_error).sum::<f64>();
    assert!(mean.abs() < 4.0 * (found.len() as f64).sqrt(), "{mean} standard errors in all");
    let signs = found.iter().filter(|found| found.strength > 0.0).count();
    assert!((5..24).contains(&signs), "{signs} of {} are above zero", found.len());
}

/// Two states, of which one follows the other with probability .1: the covariance at distance n is
/// `.8^n / 4` times `(1, -1)` with itself, of which the singular value is `.8^n / 2`.
#[test]
fn a_chain_of_two_states_loses_a_fixed_share_at_each_step() {
    let found = of(&drawn(1000, |before, x| if x < 0.1 { 3 - before } else { before }));
    for Correlation { distance, strength, standard_error } in found {
        let expected = 0.8f64.powi(distance as i32) / 2.0;
        let off = (strength - expected).abs();
        assert!(off < 5.0 * standard_error + 1e-4, "{strength} not {expected} at {distance}");
        if distance <= 8 {
            assert!(off < 0.03 * expected, "{strength} not {expected} at {distance}");
        }
    }
}

/// Covariance of two symbols of a grammar by distance: of a pair whose paths meet `h` levels above it,
/// `copy^(2 h - 1) / p` in every direction but that of the mean, over all pairs of a sentence.
fn of_grammar(symbols: f64, levels: u32, copy: f64, distance: usize) -> f64 {
    let starts = (1usize << levels) - distance;
    let meet = |at: usize| (usize::BITS - (at ^ (at + distance)).leading_zeros()) as i32;
    let sum: f64 = (0..starts).map(|at| copy.powi(2 * meet(at) - 1)).sum();
    sum / starts as f64 / symbols
}

#[test]
fn a_grammar_has_the_correlations_of_its_closed_form() {
    let copy = Real(0.75);
    let language = Language::Grammar { symbols: 5, levels: 9, copy, bytes: 1_500_000, seed: 1 };
    let mut documents: Vec<Vec<u32>> = Vec::new();
    let how =
        Reading { invalid: Default::default(), refuses_nul: true, tokenizer: None, step: &|_| {} };
    let take = &mut |document: crate::document::Document| {
        documents.push(document.text.bytes().map(u32::from).collect());
        Ok(true)
    };
    Source::new(&language).unwrap().each(&how, take).unwrap();
    let found = of(&documents);
    assert_eq!(found[found.len() - 1].distance, 256);
    for Correlation { distance, strength, standard_error } in found {
        let expected = of_grammar(5.0, 9, 0.75, distance);
        let off = (strength - expected).abs();
        assert!(off < 5.0 * standard_error, "{strength} not {expected} at {distance}");
        assert!(distance > 32 || off < 0.1 * expected, "{strength} not {expected} at {distance}");
    }
    // The closed form falls by the known power at each doubling while a sentence is long.
    let slope = (of_grammar(5.0, 12, 0.75, 1) / of_grammar(5.0, 12, 0.75, 16)).log2() / 4.0;
    assert!((slope + 2.0 * 0.75f64.log2()).abs() < 0.02, "{slope}");
}

#[test]
fn pairs_lie_in_one_document_and_a_short_text_is_not_measured() {
    // Documents of one letter each: within a document a letter tells every other.
    let documents: Vec<Vec<u32>> = (0..5000u32).map(|k| vec![1 + k % 2; 20]).collect();
    let found = of(&documents);
    let last = found[found.len() - 1];
    // A document of 20 tokens has pairs at a distance of 16, and none at 20.
    assert_eq!(last.distance, 16);
    assert!(found.iter().all(|found| (found.strength - 0.5).abs() < 0.01), "{found:?}");
    assert!(of(&documents[..1000]).is_empty());
}
