//! Synthetic languages whose entropy rate is known, so that a fitted irreducible loss has something
//! to be compared with. Documents are independent draws keyed by their number, and their length is
//! geometric.

mod grammar;
mod markov;
mod patterns;
#[cfg(test)]
mod tests;
mod walk;

use crate::document::{Document, Origin, Reading, Take};
use crate::error::DataError;
use grammar::Grammar;
use isoflop_core::data::Language;
use isoflop_core::rng::{Purpose, stream};
use markov::Markov;
use patterns::Patterns;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use walk::Walk;

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

/// Exponents that the construction of a language gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownExponents {
    /// Exponent of the excess loss in the number of strings or edges that a learner holds: alpha, where a
    /// parameter holds a fixed share of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Exponent of the excess loss in the tokens seen, beta of L(N, D), for a learner that knows what it has
    /// seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Exponent with which correlations fall by distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
}

impl KnownExponents {
    /// Exponents of memorising what occurs by the Zipf law `k^-(1 + a)`, of which a learner that holds the
    /// commonest `n` misses a mass of `n^-a`, and one that has drawn D times a mass of `D^-(a / (1 + a))`
    /// (Hutter 2021, Learning curve theory; Michaud et al. 2023). `None` where no such law holds.
    fn of_zipf(a: f64) -> Option<Self> {
        let known = KnownExponents { alpha: Some(a), beta: Some(a / (1.0 + a)), correlation: None };
        (a > 0.0).then_some(known)
    }
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
    Walk(Walk),
    Grammar(Grammar),
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
            Language::Walk { nodes, degree, exponent, bytes, seed } => {
                let exponent = exponent.map(|a| a.0);
                let made = Walk::new(nodes, degree, exponent, seed).map_err(refused)?;
                (bytes, seed, Model::Walk(made))
            }
            Language::Grammar { symbols, levels, copy, bytes, seed } => {
                let made = Grammar::new(symbols, levels, copy.0, seed).map_err(refused)?;
                (bytes, seed, Model::Grammar(made))
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
            Model::Walk(walk) => walk.entropy(),
            Model::Grammar(grammar) => grammar.entropy(),
        }
    }

    /// Exponents that the construction gives; `None` where it gives none.
    pub(crate) fn exponents(&self) -> Option<KnownExponents> {
        match &self.model {
            Model::Patterns(patterns) => patterns.exponents(),
            Model::Markov(_) => None,
            Model::Walk(walk) => walk.exponents(),
            Model::Grammar(grammar) => grammar.exponents(),
        }
    }

    /// Nats of a whole document and its end under the language itself; `None` for a document that
    /// the language cannot produce.
    pub(crate) fn nats(&self, document: &str) -> Option<f64> {
        match &self.model {
            Model::Patterns(patterns) => patterns.nats(document),
            Model::Markov(markov) => markov.nats(document),
            Model::Walk(walk) => walk.nats(document),
            Model::Grammar(grammar) => grammar.nats(document),
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        match &self.model {
            Model::Patterns(patterns) => patterns.draw(rng),
            Model::Markov(markov) => markov.draw(rng),
            Model::Walk(walk) => walk.draw(rng),
            Model::Grammar(grammar) => grammar.draw(rng),
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
    match end < 1.0 {
        true => -end * end.ln() - (1.0 - end) * (-end).ln_1p(),
        false => 0.0,
    }
}

/// Entropy in nats of a distribution.
fn entropy_of(probabilities: impl IntoIterator<Item = f64>) -> f64 {
    probabilities.into_iter().filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
}
