//! Hashes words, for measuring overlap and near duplicates. Words are separated by white space.

use isoflop_core::rng::hash_name;

/// Base of the rolling hash; it is odd, so that multiplying by it loses nothing modulo 2^64.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hash of each word.
pub(crate) fn words(text: &str) -> Vec<u64> {
    text.split_whitespace().map(hash_name).collect()
}

/// Hash of each run of `count` words: a polynomial in the hashes of the words, rolled along.
pub(crate) fn runs(words: &[u64], count: usize) -> impl Iterator<Item = u64> + '_ {
    let leaving = BASE.wrapping_pow(count as u32);
    let mut rolled = 0u64;
    words.iter().enumerate().filter_map(move |(at, &word)| {
        rolled = rolled.wrapping_mul(BASE).wrapping_add(word);
        if at >= count {
            rolled = rolled.wrapping_sub(words[at - count].wrapping_mul(leaving));
        }
        (at + 1 >= count).then_some(rolled)
    })
}
