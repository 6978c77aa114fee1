use super::*;
use isoflop_core::data::Real;

/// Scores documents by the language that made them and checks that the mean is its entropy
/// rate.
fn check(language: Language) {
    let source = Source::new(&language).unwrap();
    let (mut nats, mut bytes, mut documents) = (0.0, 0usize, 0usize);
    let how =
        Reading { invalid: Default::default(), refuses_nul: true, tokenizer: None, step: &|_| {} };
    source
        .each(&how, &mut |document| {
            nats += source.nats(&document.text).unwrap();
            bytes += document.text.len();
            documents += 1;
            Ok(true)
        })
        .unwrap();
    let rate = source.entropy();
    let seen = nats / (bytes + documents) as f64;
    assert!(
        (seen / rate.nats_per_byte_token - 1.0).abs() < 0.01,
        "{seen} seen, {} in closed form",
        rate.nats_per_byte_token
    );
    let bits = nats / 2f64.ln() / bytes as f64;
    assert!((bits / rate.bits_per_byte - 1.0).abs() < 0.01, "{bits}");
}

#[test]
fn text_costs_its_entropy_under_the_language_that_made_it() {
    for exponent in [0.25, 1.0] {
        check(Language::Patterns {
            patterns: 1000,
            exponent: Real(exponent),
            length: 12,
            bytes: 3_000_000,
            seed: 1,
        });
    }
    for (symbols, order, branching) in [(16, 1, 4), (8, 2, 3), (90, 1, 90)] {
        check(Language::Markov { symbols, order, branching, bytes: 2_000_000, seed: 2 });
    }
    for (nodes, degree, exponent) in [(60, 4, None), (1000, 8, Some(Real(0.5))), (5000, 2, None)] {
        check(Language::Walk { nodes, degree, exponent, bytes: 2_000_000, seed: 2 });
    }
    for (symbols, levels, copy) in [(3, 2, 0.5), (11, 6, 0.75), (89, 9, 0.9)] {
        let copy = Real(copy);
        check(Language::Grammar { symbols, levels, copy, bytes: 2_000_000, seed: 2 });
    }
}

#[test]
fn a_chain_of_one_successor_costs_only_its_ends() {
    let source =
        Source::new(&Language::Markov { symbols: 5, order: 1, branching: 1, bytes: 1, seed: 0 });
    // One token in 257 is a separator. Every other token is followed by the choice to end.
    let share = 1.0 / (1.0 + MEAN_BYTES);
    let expected = binary_entropy(1.0 / MEAN_BYTES) * (1.0 - share);
    let rate = source.unwrap().entropy();
    assert!((rate.nats_per_byte_token - expected).abs() < 1e-9);
}

#[test]
fn what_cannot_be_a_language_is_refused() {
    let refusal = |symbols, order, branching| {
        let language = Language::Markov { symbols, order, branching, bytes: 1, seed: 0 };
        Source::new(&language).err().unwrap().to_string()
    };
    assert!(refusal(95, 1, 2).contains("symbols = 95"));
    assert!(refusal(10, 1, 11).contains("branching = 11"));
    assert!(refusal(64, 4, 2).contains("order = 4"));
    let refusal = |language| Source::new(&language).err().unwrap().to_string();
    let walk = |nodes, degree, a: f64| {
        refusal(Language::Walk { nodes, degree, exponent: Some(Real(a)), bytes: 1, seed: 0 })
    };
    assert!(walk(2, 2, 1.0).contains("nodes = 2 "));
    assert!(walk(10, 10, 1.0).contains("degree = 10 does not lie between 1 and 9"));
    assert!(walk(10, 2, -1.0).contains("exponent = -1 "));
    let grammar = |symbols, levels, copy: f64| {
        refusal(Language::Grammar { symbols, levels, copy: Real(copy), bytes: 1, seed: 0 })
    };
    for symbols in [2, 9, 97] {
        assert!(grammar(symbols, 3, 0.5).contains(&format!("symbols = {symbols} is no prime")));
    }
    assert!(grammar(5, 13, 0.5).contains("levels = 13"));
    assert!(grammar(5, 3, 1.0).contains("copy = 1 "));
}
