//! Synthetic languages whose entropy rate is known, so that a fitted irreducible loss has something
//! to be compared with. Documents are independent draws keyed by their number, and their length is
//! geometric.

mod markov;
mod patterns;

use crate::document::{Document, Origin, Reading, Take};
use crate::error::DataError;
use isoflop_core::data::Language;
use isoflop_core::rng::{Purpose, stream};
use markov::Markov;
use patterns::Patterns;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Approximate mean length of a document, in bytes.
const MEAN_BYTES: f64 = 256.0;

/// Entropy rate of a language.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntropyRate {
    /// Nats per token when a token is a byte, separators included: the irreducible loss of a model
    /// of bytes.
    pub nats_per_byte_token: f64,
    /// Bits per byte of text, where separators do not count as text: the irreducible loss under any
    /// tokenizer.
    pub bits_per_byte: f64,
}

/// A language that documents can be drawn from.
pub(crate) struct Source {
    bytes: u64,
    seed: u64,
    model: Model,
}

enum Model {
    Patterns(Patterns),
    Markov(Markov),
}

impl Source {
    pub(crate) fn new(language: &Language) -> Result<Self, DataError> {
        let refused = |why| DataError::BadLanguage { why };
        let (bytes, seed, model) = match *language {
            Language::Patterns { patterns, exponent, length, bytes, seed } => {
                let made = Patterns::new(patterns, exponent.0, length, seed).map_err(refused)?;
                (bytes, seed, Model::Patterns(made))
            }
            Language::Markov { symbols, order, branching, bytes, seed } => {
                let made = Markov::new(symbols, order, branching, seed).map_err(refused)?;
                (bytes, seed, Model::Markov(made))
            }
        };
        Ok(Source { bytes, seed, model })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn entropy(&self) -> EntropyRate {
        match &self.model {
            Model::Patterns(patterns) => patterns.entropy(),
            Model::Markov(markov) => markov.entropy(),
        }
    }

    /// Nats of a whole document and its end under the language itself; `None` for a document that
    /// the language cannot produce.
    pub(crate) fn nats(&self, document: &str) -> Option<f64> {
        match &self.model {
            Model::Patterns(patterns) => patterns.nats(document),
            Model::Markov(markov) => markov.nats(document),
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        match &self.model {
            Model::Patterns(patterns) => patterns.draw(rng),
            Model::Markov(markov) => markov.draw(rng),
        }
    }

    pub(crate) fn each(&self, how: &Reading, take: &mut Take) -> Result<(), DataError> {
        let mut drawn = 0;
        for place in 1.. {
            if drawn >= self.bytes {
                break;
            }
            let text = self.draw(&mut stream(self.seed, Purpose::Synthetic, place));
            drawn += text.len() as u64;
            let document =
                Document { text, ids: None, origin: Origin { file: 0, place }, side: None };
            if !take(document)? {
                break;
            }
            (how.step)(drawn);
        }
        Ok(())
    }
}

/// Entropy in nats of the choice to end, which has probability `end`, or to go on.
fn binary_entropy(end: f64) -> f64 {
    -end * end.ln() - (1.0 - end) * (-end).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::data::Real;

    /// Scores documents by the language that made them and checks that the mean is its entropy
    /// rate.
    fn check(language: Language) {
        let source = Source::new(&language).unwrap();
        let (mut nats, mut bytes, mut documents) = (0.0, 0usize, 0usize);
        let how = Reading {
            invalid: Default::default(),
            refuses_nul: true,
            tokenizer: None,
            step: &|_| {},
        };
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
    }

    #[test]
    fn a_chain_of_one_successor_costs_only_its_ends() {
        let source = Source::new(&Language::Markov {
            symbols: 5,
            order: 1,
            branching: 1,
            bytes: 1,
            seed: 0,
        });
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
    }
}
