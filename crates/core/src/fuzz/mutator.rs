//! Good samples changed at random.

use crate::rng::below;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Inputs grow to at most this many bytes beyond the longest sample.
const GROWTH: usize = 1 << 17;

/// Numbers that readers have met too seldom.
const NUMBERS: &[&str] = &[
    "0",
    "-0.0",
    "-1",
    "1",
    "1e308",
    "-1e308",
    "1e309",
    "5e-324",
    "1e-400",
    "NaN",
    "Infinity",
    "-inf",
    "255",
    "256",
    "65536",
    "2147483647",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1099511627776",
    "0x10",
    "1_000",
    "null",
    "\"1\"",
    "00000000000000000000000000000001",
];

/// The same as little-endian bytes, cut to the width wanted.
const WORDS: &[u64] = &[
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
    0x7ff0_0000_0000_0000, // infinity
    0x7ff8_0000_0000_0001, // not a number
];

/// Pieces of text that end up in strings, names and between values.
const PIECES: &[&str] = &[
    "\0",
    "\u{1b}[31m",
    "\u{1b}]0;x\u{7}",
    "\\u0000",
    "\\ud800",
    "\\",
    "\"",
    "'",
    "\n",
    "\r\n",
    "\r",
    "\t",
    ",",
    ";",
    ":",
    "{}",
    "[]",
    "{",
    "]",
    "\u{feff}",
    "\u{202e}",
    "\u{fffd}",
    "é",
    "../",
    "/",
    "..",
    "=1+1",
    "%00",
    "null",
    "true",
    "#",
];

/// Changes good samples at random; a seed always gives the same inputs.
#[derive(Clone, Debug)]
pub struct Mutator {
    rng: ChaCha8Rng,
}

impl Mutator {
    /// A stream of inputs.
    pub fn new(seed: u64) -> Self {
        Mutator { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// One of the samples with one to eight changes; without samples, bytes at random.
    pub fn mutate(&mut self, samples: &[&[u8]]) -> Vec<u8> {
        if samples.is_empty() || self.below(500) == 0 {
            return self.noise(64);
        }
        let mut bytes = samples[self.below(samples.len())].to_vec();
        let most = GROWTH + samples.iter().map(|sample| sample.len()).max().unwrap_or(0);
        let changes = [1, 1, 1, 1, 2, 2, 4, 8][self.below(8)];
        for _ in 0..changes {
            self.change(&mut bytes, samples);
            bytes.truncate(most);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, samples: &[&[u8]]) {
        match self.below(16) {
            0..=2 => self.flip(bytes),
            3 => self.replace_byte(bytes),
            4 => self.replace_word(bytes),
            5 => {
                let end = self.below(bytes.len() + 1);
                bytes.truncate(end);
            }
            6 => {
                let (from, to) = self.span(bytes.len());
                bytes.drain(from..to);
            }
            7 => self.duplicate(bytes),
            8 => self.swap(bytes),
            9 => {
                let other = samples[self.below(samples.len())];
                let (from, start) = (self.below(other.len() + 1), self.below(bytes.len() + 1));
                bytes.truncate(start);
                bytes.extend_from_slice(&other[from..]);
            }
            10..=12 => self.replace_number(bytes),
            13 | 14 => self.insert_piece(bytes),
            _ => self.nest(bytes),
        }
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
    }

    fn replace_byte(&mut self, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            let at = self.below(bytes.len());
            bytes[at] = self.rng.next_u64() as u8;
        }
    }

    fn replace_word(&mut self, bytes: &mut [u8]) {
        let width = [1, 2, 4, 8][self.below(4)];
        if bytes.len() >= width {
            let at = self.below(bytes.len() - width + 1);
            let word = WORDS[self.below(WORDS.len())].to_le_bytes();
            bytes[at..at + width].copy_from_slice(&word[..width]);
        }
    }

    fn duplicate(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = self.span(bytes.len());
        let piece = bytes[from..to].to_vec();
        let at = self.below(bytes.len() + 1);
        let times = [1, 1, 1, 2, 50][self.below(5)];
        for _ in 0..times.min(1 + GROWTH / (1 + piece.len())) {
            bytes.splice(at..at, piece.iter().copied());
        }
    }

    fn swap(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = self.span(bytes.len());
        let piece: Vec<u8> = bytes.drain(from..to).collect();
        let at = self.below(bytes.len() + 1);
        bytes.splice(at..at, piece);
    }

    /// Puts an extreme in the place of a written number.
    fn replace_number(&mut self, bytes: &mut Vec<u8>) {
        let start = self.below(bytes.len() + 1);
        let Some(digit) = bytes[start..].iter().position(u8::is_ascii_digit) else {
            return self.replace_word(bytes);
        };
        let part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let at = start + digit;
        let from = bytes[..at].iter().rposition(|byte| !part(byte));
        let to = bytes[at..].iter().position(|byte| !part(byte));
        let span = from.map_or(0, |i| i + 1)..to.map_or(bytes.len(), |i| at + i);
        let number = NUMBERS[self.below(NUMBERS.len())];
        bytes.splice(span, number.bytes());
    }

    /// Puts a piece of text anywhere, or just behind a quotation mark, sometimes very often.
    fn insert_piece(&mut self, bytes: &mut Vec<u8>) {
        let mut at = self.below(bytes.len() + 1);
        if self.below(2) == 0 {
            let quote = bytes[at..].iter().position(|byte| *byte == b'"');
            at = quote.map_or(at, |i| at + i + 1);
        }
        let times = [1, 1, 1, 1, 3, 1000][self.below(6)];
        let piece = match self.below(8) {
            0 => self.noise(6),
            _ => PIECES[self.below(PIECES.len())].into(),
        };
        bytes.splice(at..at, piece.repeat(times));
    }

    /// Wraps the input, or opens far more brackets than anybody closes.
    fn nest(&mut self, bytes: &mut Vec<u8>) {
        let depth = [1, 2, 150, 20_000][self.below(4)];
        let (open, close): (&[u8], &[u8]) =
            [(&b"["[..], &b"]"[..]), (b"{\"a\":", b"}")][self.below(2)];
        let at = match self.below(2) {
            0 => 0,
            _ => self.below(bytes.len() + 1),
        };
        bytes.splice(at..at, open.repeat(depth));
        if self.below(2) == 0 {
            bytes.extend(close.repeat(depth));
        }
    }

    /// A stretch of at most a few hundred bytes, or, seldom, of any length.
    fn span(&mut self, len: usize) -> (usize, usize) {
        let from = self.below(len + 1);
        let most = match self.below(4) {
            0 => len,
            1 => 300,
            _ => 12,
        };
        (from, from + self.below((len - from).min(most) + 1))
    }

    fn noise(&mut self, most: usize) -> Vec<u8> {
        let len = self.below(most);
        (0..len).map(|_| self.rng.next_u64() as u8).collect()
    }

    fn below(&mut self, n: usize) -> usize {
        below(&mut self.rng, n as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: &[&[u8]] = &[b"{\"a\": 12.5, \"b\": \"text\"}", b"n,loss\n100,3.5\n"];

    #[test]
    fn a_seed_gives_the_same_inputs_each_time_and_another_seed_others() {
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..200).map(|_| mutator.mutate(SAMPLES)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(3), inputs(3));
        assert_ne!(inputs(3), inputs(4));
    }

    #[test]
    fn inputs_are_cut_flipped_nested_and_hold_extremes_and_escapes() {
        let mut mutator = Mutator::new(0);
        let inputs: Vec<Vec<u8>> = (0..5000).map(|_| mutator.mutate(SAMPLES)).collect();
        let some = |found: &dyn Fn(&[u8]) -> bool| inputs.iter().any(|input| found(input));
        let has =
            |input: &[u8], piece: &[u8]| input.windows(piece.len()).any(|window| window == piece);
        assert!(some(&|input| SAMPLES[0].starts_with(input) && input.len() > 2));
        assert!(some(&|input| input.len() == SAMPLES[0].len()
            && has(input, b"\"b\": \"text\"}")
            && input != SAMPLES[0]));
        for piece in
            [&b"1e308"[..], b"NaN", b"9223372036854775808", b"\x1b[31m", b"\0", b"[[[[[[[["]
        {
            assert!(some(&|input| has(input, piece)), "{piece:?}");
        }
        let longest = inputs.iter().map(Vec::len).max().unwrap();
        assert!(longest <= GROWTH + SAMPLES[0].len(), "{longest}");
        let unchanged = inputs.iter().filter(|i| SAMPLES.contains(&i.as_slice()));
        assert!(unchanged.count() < 500);
    }

    #[test]
    fn without_samples_and_with_empty_ones_there_are_still_inputs() {
        let mut mutator = Mutator::new(1);
        let mut lengths = [0; 2];
        for _ in 0..2000 {
            lengths[0] += mutator.mutate(&[]).len();
            lengths[1] += mutator.mutate(&[b""]).len();
        }
        assert!(lengths.iter().all(|sum| *sum > 2000), "{lengths:?}");
    }
}
