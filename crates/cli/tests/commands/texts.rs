//! Tests of `data show` on languages of which everything is known.

use crate::workshop::{SWEEP, Workshop, stdout};
use isoflop_core::rng::{Purpose, stream, uniform};
use std::fs;

fn shown(language: &str) -> String {
    let sweep = SWEEP.replace("text = \"text/*.md\"", &format!("synthetic = {{ {language} }}"));
    let shop = Workshop::new(&sweep);
    stdout(&shop.isoflop().args(["data", "show", "sweep.toml"]).assert().code(0))
}

/// The number behind a few words.
fn number(text: &str, words: &str) -> f64 {
    let rest = &text[text.find(words).unwrap_or_else(|| panic!("{words}: {text}")) + words.len()..];
    let end = rest.trim_start().find(|c: char| !c.is_ascii_digit() && c != '.').unwrap();
    rest.trim_start()[..end].parse().unwrap()
}

/// A chain of order 1 forgets: neither decay is a power law.
#[test]
fn a_markov_source_has_an_entropy_and_forecasts_no_exponent() {
    let text = shown("language = \"markov\", symbols = 12, branching = 3, bytes = \"1M\"");
    assert!(number(&text, "entropy") > 0.5, "{text}");
    assert!(
        text.contains(
            "gamma is not identified: the entropy falls no more beyond a context of 1 token"
        ),
        "{text}"
    );
    assert!(text.contains("beta is not identified: "), "{text}");
    assert!(text.contains("the text alone forecasts no data exponent"), "{text}");
}

/// Correlations of a grammar fall by a known power; its entropy is `ln p` for the root and the entropy of a
/// change for each of 255 parents, over 257 tokens.
#[test]
fn a_grammar_shows_the_exponent_of_its_correlations() {
    let language = "language = \"grammar\", symbols = 3, levels = 8, copy = 0.75, bytes = \"1M\"";
    let text = shown(language);
    let built = number(&text, "gives correlations by distance an exponent of");
    assert!((built - 2.0 * (4.0f64 / 3.0).log2()).abs() < 1e-3, "{built}");
    let found = number(&text, "correlations fall as n^-");
    assert!((found / built - 1.0).abs() < 0.15, "{found} {built}");
    let change =
        -(0.75 + 0.25 / 3.0) * f64::ln(0.75 + 0.25 / 3.0) - 0.5 / 3.0 * f64::ln(0.25 / 3.0);
    let entropy = (3f64.ln() + 255.0 * change) / 257.0;
    assert!((number(&text, "entropy") - entropy).abs() < 1e-4, "{text}");
}

/// Runs of one letter and then of the other that are longer than `k` with probability `(1 + k)^-1.3`, so that
/// the entropy nears its limit as about `n^-1.3`; its closed form has an exponent of 1.25 at these contexts.
#[test]
fn runs_of_a_power_law_show_its_exponent_in_their_entropies() {
    let shop = Workshop::new(SWEEP);
    for document in 0..12 {
        let mut rng = stream(1, Purpose::Synthetic, document);
        let mut text = String::new();
        for letter in ["a", "b"].into_iter().cycle() {
            let longest = 100_000 - text.len();
            let run = ((1.0 - uniform(&mut rng)).powf(-1.0 / 1.3) - 1.0).floor() as usize + 1;
            text.push_str(&letter.repeat(run.min(longest)));
            if run >= longest {
                break;
            }
        }
        fs::write(shop.path(&format!("text/{document}.md")), text).unwrap();
    }
    let text = stdout(&shop.isoflop().args(["data", "show", "text/*.md"]).assert().code(0));
    let found = number(&text, "the entropy falls towards its limit as n^-");
    assert!((found - 1.25).abs() < 0.2, "{text}");
}
