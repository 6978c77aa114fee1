//! Memorised patterns with Zipf weights. Of `K` strings of equal length the k-th occurs with
//! probability proportional to `k^-(1 + a)`. A model that has learnt the commonest `n` still pays
//! for the rest, whose mass falls as `n^-a`; the strings not seen in D tokens have a mass that
//! falls as `D^-(a / (1 + a))` (Hutter 2021, Learning curve theory; Michaud et al. 2023). This is a
//! law with alpha = a and beta = a / (1 + a), as long as n stays well below K.

use super::{EntropyRate, KnownExponents, MEAN_BYTES, binary_entropy, entropy_of};
use isoflop_core::rng::{Purpose, below, stream, uniform};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

pub(super) const SYMBOLS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) struct Patterns {
    strings: Vec<String>,
    places: FxHashMap<String, usize>,
    /// Probability of each string.
    probabilities: Vec<f64>,
    /// Cumulative sums of `probabilities`.
    upto: Vec<f64>,
    length: usize,
    /// `a` of the Zipf law.
    exponent: f64,
    /// Probability that a document ends after a string.
    end: f64,
}

impl Patterns {
    pub(super) fn new(
        patterns: u64,
        exponent: f64,
        length: u64,
        seed: u64,
    ) -> Result<Self, String> {
        if !(2..=1 << 22).contains(&patterns) {
            return Err(format!("patterns = {patterns} does not lie between 2 and 4,194,304"));
        }
        if !(4..=128).contains(&length) {
            return Err(format!("length = {length} does not lie between 4 and 128"));
        }
        if !(exponent > -1.0 && exponent <= 8.0) {
            return Err(format!("exponent = {exponent} does not lie between -1 and 8"));
        }
        let (mut strings, mut places) = (Vec::new(), FxHashMap::default());
        for k in 0..patterns as usize {
            let mut rng = stream(seed, Purpose::Language, k as u64);
            let string = loop {
                let drawn: String =
                    (0..length).map(|_| SYMBOLS[below(&mut rng, 64) as usize] as char).collect();
                if !places.contains_key(&drawn) {
                    break drawn;
                }
            };
            places.insert(string.clone(), k);
            strings.push(string);
        }
        let weights: Vec<f64> = (1..=patterns).map(|k| (k as f64).powf(-1.0 - exponent)).collect();
        let total: f64 = weights.iter().sum();
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let upto = probabilities
            .iter()
            .scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            })
            .collect();
        Ok(Patterns {
            strings,
            places,
            probabilities,
            upto,
            length: length as usize,
            exponent,
            end: length as f64 / MEAN_BYTES,
        })
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        let mut text = String::new();
        loop {
            let place = uniform(rng);
            let k = self.upto.partition_point(|&sum| sum <= place);
            text.push_str(&self.strings[k.min(self.strings.len() - 1)]);
            if uniform(rng) < self.end {
                return text;
            }
        }
    }

    /// Entropy rate of the patterns. A string costs the entropy of the Zipf law and then that of
    /// the choice to end; it takes its length in byte tokens, plus a separator where the document
    /// ends.
    pub(super) fn entropy(&self) -> EntropyRate {
        let choice = entropy_of(self.probabilities.iter().copied());
        let nats = choice + binary_entropy(self.end);
        EntropyRate {
            nats_per_byte_token: nats / (self.length as f64 + self.end),
            bits_per_byte: nats / std::f64::consts::LN_2 / self.length as f64,
        }
    }

    pub(super) fn exponents(&self) -> Option<KnownExponents> {
        KnownExponents::of_zipf(self.exponent)
    }

    pub(super) fn nats(&self, document: &str) -> Option<f64> {
        let bytes = document.as_bytes();
        if bytes.is_empty() || !bytes.len().is_multiple_of(self.length) {
            return None;
        }
        let mut nats = -self.end.ln();
        for (index, string) in bytes.chunks(self.length).enumerate() {
            let k = self.places.get(std::str::from_utf8(string).ok()?)?;
            nats -= self.probabilities[*k].ln();
            if index > 0 {
                nats -= (-self.end).ln_1p();
            }
        }
        Some(nats)
    }
}
