//! Words as numbers: what overlap and near duplicates are measured on. A word is what stands between
//! white space.

use isoflop_core::rng::hash_name;

/// Odd, so that multiplying by it loses nothing modulo 2^64.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number for each word.
pub(crate) fn words(text: &str) -> Vec<u64> {
    text.split_whitespace().map(hash_name).collect()
}

/// A number for each run of `count` words: a polynomial in theirs, rolled along.
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
