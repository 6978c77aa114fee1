//! Sentences of a random context-free grammar: binary trees of equal depth, whose leaves are the symbols of the
//! sentence. Symbols are numbers modulo a prime. A parent `a` draws a change `e`, which is 0 with probability
//! `copy` and uniform otherwise, and has the children `s(a + e)` and `s(a + 2 e)`, with a permutation `s` for
//! each level.
//!
//! Parent and change follow from the children, so that a sentence has one tree and its probability, and with it
//! the entropy rate, is known exactly. So are the correlations: a change that is not a copy leaves the children
//! independent of each other, and either of them of the parent. Two symbols whose paths meet `h` levels above
//! them are equal with probability `copy^(2 h - 1)` beyond chance, and `h` grows as the binary logarithm of
//! their distance: correlations fall as the distance to the power `2 log2(copy)` (Lin & Tegmark 2017, Critical
//! behavior in physics and probabilistic formal languages, has the argument for grammars at large).

use super::{EntropyRate, KnownExponents, MEAN_BYTES, binary_entropy, entropy_of};
use isoflop_core::rng::{Permutation, Purpose, below, stream, uniform};
use rand_chacha::ChaCha8Rng;

/// First symbol; the others follow it in ASCII.
const FIRST: u8 = b'!';

/// Maximum number of symbols, the largest prime with so many printable characters.
const MOST_SYMBOLS: u64 = 89;

/// Maximum number of levels above the leaves.
const MOST_LEVELS: u64 = 12;

pub(super) struct Grammar {
    symbols: u64,
    /// Names of the sums of every level from the top: the permutation `s`.
    names: Vec<Vec<u64>>,
    /// Inverses of `names`.
    sums: Vec<Vec<u64>>,
    copy: f64,
    /// Probability that a document ends after a sentence.
    end: f64,
}

impl Grammar {
    pub(super) fn new(symbols: u64, levels: u64, copy: f64, seed: u64) -> Result<Self, String> {
        let is_prime = (2..symbols).all(|factor| !symbols.is_multiple_of(factor));
        if !(3..=MOST_SYMBOLS).contains(&symbols) || !is_prime {
            return Err(format!(
                "symbols = {symbols} is no prime between 3 and {MOST_SYMBOLS}: only then do the children tell the parent"
            ));
        }
        if !(1..=MOST_LEVELS).contains(&levels) {
            return Err(format!("levels = {levels} does not lie between 1 and {MOST_LEVELS}"));
        }
        if !(0.0..1.0).contains(&copy) {
            return Err(format!("copy = {copy} is no probability below 1"));
        }
        let names: Vec<Vec<u64>> = (0..levels)
            .map(|level| {
                let order = Permutation::new(symbols, &mut stream(seed, Purpose::Language, level));
                (0..symbols).map(|sum| order.at(sum)).collect()
            })
            .collect();
        let inverse = |names: &Vec<u64>| {
            let mut sums = vec![0; names.len()];
            names.iter().zip(0..).for_each(|(name, sum)| sums[*name as usize] = sum);
            sums
        };
        Ok(Grammar {
            symbols,
            sums: names.iter().map(inverse).collect(),
            end: (f64::from(1 << levels) / MEAN_BYTES).min(1.0),
            names,
            copy,
        })
    }

    /// Symbols of a sentence.
    fn length(&self) -> usize {
        1 << self.names.len()
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        let mut text = String::new();
        loop {
            let mut row = vec![below(rng, self.symbols)];
            for names in &self.names {
                row = row.iter().flat_map(|a| self.children(*a, names, rng)).collect();
            }
            text.extend(row.iter().map(|symbol| char::from(FIRST + *symbol as u8)));
            if uniform(rng) < self.end {
                return text;
            }
        }
    }

    fn children(&self, parent: u64, names: &[u64], rng: &mut ChaCha8Rng) -> [u64; 2] {
        let change = match uniform(rng) < self.copy {
            true => 0,
            false => below(rng, self.symbols),
        };
        [1, 2].map(|times| names[((parent + times * change) % self.symbols) as usize])
    }

    /// Probability of a change.
    fn probability(&self, change: u64) -> f64 {
        let drawn = (1.0 - self.copy) / self.symbols as f64;
        match change {
            0 => self.copy + drawn,
            _ => drawn,
        }
    }

    /// Nats of a sentence without the choice to end; `None` if it has other symbols.
    fn sentence(&self, sentence: &[u8]) -> Option<f64> {
        let symbol = |byte: &u8| {
            let symbol = u64::from(byte.checked_sub(FIRST)?);
            (symbol < self.symbols).then_some(symbol)
        };
        let mut row: Vec<u64> = sentence.iter().map(symbol).collect::<Option<_>>()?;
        let mut nats = (self.symbols as f64).ln();
        for sums in self.sums.iter().rev() {
            let parent = |children: &[u64]| {
                let [left, right] = [0, 1].map(|child| sums[children[child] as usize]);
                let change = (right + self.symbols - left) % self.symbols;
                nats -= self.probability(change).ln();
                (left + self.symbols - change) % self.symbols
            };
            row = row.chunks(2).map(parent).collect();
        }
        Some(nats)
    }

    /// Entropy rate: of a sentence the entropy of its root, of every change and of the choice to end. It takes
    /// its length in byte tokens, plus a separator where the document ends.
    pub(super) fn entropy(&self) -> EntropyRate {
        let change = entropy_of((0..self.symbols).map(|change| self.probability(change)));
        let length = self.length() as f64;
        let nats = (self.symbols as f64).ln() + (length - 1.0) * change + binary_entropy(self.end);
        EntropyRate {
            nats_per_byte_token: nats / (length + self.end),
            bits_per_byte: nats / std::f64::consts::LN_2 / length,
        }
    }

    pub(super) fn exponents(&self) -> Option<KnownExponents> {
        let correlation = Some(-2.0 * self.copy.log2());
        (self.copy > 0.0).then_some(KnownExponents { correlation, ..KnownExponents::default() })
    }

    pub(super) fn nats(&self, document: &str) -> Option<f64> {
        let bytes = document.as_bytes();
        let sentences = bytes.len() / self.length();
        let whole = bytes.len().is_multiple_of(self.length());
        if sentences == 0 || !whole || (sentences > 1 && self.end == 1.0) {
            return None;
        }
        let mut nats = -self.end.ln();
        for (index, sentence) in bytes.chunks(self.length()).enumerate() {
            nats += self.sentence(sentence)?;
            if index > 0 {
                nats -= (-self.end).ln_1p();
            }
        }
        Some(nats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every string of four of three symbols.
    fn all() -> impl Iterator<Item = Vec<u8>> {
        (0..81u8).map(|k| [k / 27, k / 9 % 3, k / 3 % 3, k % 3].map(|s| FIRST + s).to_vec())
    }

    proptest! {
        /// Sums over all sentences of a small grammar: the probability, the entropy, and how often two places
        /// are equal beyond chance, which the levels up to where their paths meet tell.
        #[test]
        fn a_small_grammar_is_what_its_closed_forms_say(copy in 0.0..0.99f64, seed: u64) {
            let grammar = Grammar::new(3, 2, copy, seed).unwrap();
            let nats: Vec<f64> = all().map(|text| grammar.sentence(&text).unwrap()).collect();
            let sum = |value: &dyn Fn(usize) -> f64| -> f64 {
                (0..nats.len()).map(|k| (-nats[k]).exp() * value(k)).sum()
            };
            prop_assert!((sum(&|_| 1.0) - 1.0).abs() < 1e-12);
            let rate = grammar.entropy();
            let of_ends = binary_entropy(grammar.end);
            let expected = rate.nats_per_byte_token * (4.0 + grammar.end) - of_ends;
            prop_assert!((sum(&|k| nats[k]) - expected).abs() < 1e-9);
            let texts: Vec<Vec<u8>> = all().collect();
            for (i, j, levels) in [(0, 1, 1), (2, 3, 1), (0, 2, 2), (0, 3, 2), (1, 2, 2), (1, 3, 2)] {
                let equal = sum(&|k| f64::from(u8::from(texts[k][i] == texts[k][j])));
                let beyond = (equal - 1.0 / 3.0) / (1.0 - 1.0 / 3.0);
                prop_assert!((beyond - copy.powi(2 * levels - 1)).abs() < 1e-12, "{} {}", i, j);
            }
        }
    }

    #[test]
    fn a_sentence_as_long_as_a_document_ends_it() {
        let grammar = Grammar::new(5, 8, 0.5, 0).unwrap();
        let text = grammar.draw(&mut stream(0, Purpose::Synthetic, 1));
        assert_eq!((text.len(), grammar.end), (256, 1.0));
        let rate = grammar.entropy();
        assert!(
            (rate.nats_per_byte_token * 257.0 / 256.0 / 2f64.ln() - rate.bits_per_byte).abs()
                < 1e-12
        );
        assert_eq!(grammar.nats(&text.repeat(2)), None);
    }
}
