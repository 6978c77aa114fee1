//! Randomness by key: a stream is a function of (seed, purpose, index) and of nothing else, so
//! that initialisation and batches are the same on every device, thread and machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is for. Each draws from streams of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights; the index is [`hash_name`] of the parameter's name.
    Init = 1,
    /// Order of training windows; the index is the epoch.
    WindowOrder = 2,
    /// Which stretches of the test documents are scored.
    TestStretch = 3,
    /// Which documents are held out.
    Split = 4,
    /// Bootstrap replicates; the index is the replicate.
    Bootstrap = 5,
    /// Tokens of a benchmark, where no text is read.
    Benchmark = 6,
    /// Starts of a fit.
    Starts = 7,
    /// Texts of a synthetic language; the index is the document.
    Synthetic = 8,
    /// What a synthetic language is made of.
    Language = 9,
    /// Order in which train documents enter a subset or a mixture; the index is the part.
    Subset = 10,
    /// Masks of dropout; the index is the step.
    Dropout = 11,
}

/// The stream of (seed, purpose, index): ChaCha with 8 rounds, the three words as its key.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    stream_at(seed, purpose, index, [0, 0])
}

/// The stream of (seed, purpose, index, place), of which [`stream`] is that at place 0, 0: the first
/// word of the place is a part of the key, and the second the number of a stream under it.
pub fn stream_at(seed: u64, purpose: Purpose, index: u64, place: [u64; 2]) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (part, word) in key.chunks_mut(8).zip([seed, purpose as u64, index, place[0]]) {
        part.copy_from_slice(&word.to_le_bytes());
    }
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(place[1]);
    rng
}

/// Fills `out` with what `value` makes of the next words of a stream.
pub fn fill(rng: &mut ChaCha8Rng, out: &mut [f32], value: impl Fn(u32) -> f32) {
    const WORDS: usize = 256;
    let mut bytes = [0u8; 4 * WORDS];
    for part in out.chunks_mut(WORDS) {
        let bytes = &mut bytes[..4 * part.len()];
        rng.fill_bytes(bytes);
        for (out, word) in part.iter_mut().zip(bytes.as_chunks().0) {
            *out = value(u32::from_le_bytes(*word));
        }
    }
}

/// Uniform on `[0, 1)` with 53 bits.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * 2f64.powi(-53)
}

/// Uniform on `0..n`, unbiased to 2^-64 n.
pub fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    ((rng.next_u64() as u128 * n as u128) >> 64) as u64
}

/// Two independent standard normal numbers (Box & Muller 1958).
pub fn normal_pair(rng: &mut ChaCha8Rng) -> (f64, f64) {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * uniform(rng)).sin_cos();
    (radius * cos, radius * sin)
}

/// FNV-1a, 64 bit: a stable number for a name.
pub fn hash_name(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A permutation of `0..len` that needs no memory: four Feistel rounds on the smallest even
/// number of bits that holds `len`, walked until the image falls inside.
#[derive(Clone, Debug)]
pub struct Permutation {
    len: u64,
    half_bits: u32,
    keys: [u64; 4],
}

impl Permutation {
    /// The permutation of `0..len` drawn from a stream. `len` must be positive.
    pub fn new(len: u64, rng: &mut ChaCha8Rng) -> Self {
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        Permutation {
            len,
            half_bits: bits.div_ceil(2).max(1),
            keys: [(); 4].map(|()| rng.next_u64()),
        }
    }

    /// Where `index` goes. `index` must lie below `len`.
    pub fn at(&self, index: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let mut image = index;
        loop {
            let (mut left, mut right) = (image >> self.half_bits, image & mask);
            for key in self.keys {
                (left, right) = (right, left ^ (mix(right ^ key) & mask));
            }
            image = left << self.half_bits | right;
            if image < self.len {
                return image;
            }
        }
    }
}

/// The finaliser of SplitMix64 (Steele et al. 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fnv_matches_its_published_vector() {
        // Fowler, Noll, Vo: FNV-1a 64 of "a" and "foobar".
        assert_eq!(hash_name("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash_name("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut rng = stream(0, Purpose::Init, 0);
        let draws: Vec<f64> =
            (0..50_000).flat_map(|_| <[f64; 2]>::from(normal_pair(&mut rng))).collect();
        let n = draws.len() as f64;
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / n;
        // Five standard errors each: 1/sqrt(n), sqrt(2/n), sqrt(96/n).
        assert!(moment(1).abs() < 5.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / n).sqrt());
    }

    #[test]
    fn streams_of_other_purpose_index_or_seed_differ() {
        let first = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let base = first(1, Purpose::Init, 2);
        assert_eq!(base, first(1, Purpose::Init, 2));
        for other in
            [first(2, Purpose::Init, 2), first(1, Purpose::Split, 2), first(1, Purpose::Init, 3)]
        {
            assert_ne!(base, other);
        }
        let at = |place| stream_at(1, Purpose::Init, 2, place).next_u64();
        assert_eq!(at([0, 0]), base);
        let places = [base, at([0, 1]), at([1, 0]), at([1, 1]), at([0, 2]), at([2, 0])];
        for (i, one) in places.iter().enumerate() {
            assert!(!places[..i].contains(one), "place {i}");
        }
    }

    #[test]
    fn filling_takes_every_word_of_a_stream_once() {
        let (mut filled, mut single) = ([0.0; 1000], stream(3, Purpose::Dropout, 1));
        fill(&mut stream(3, Purpose::Dropout, 1), &mut filled, |word| word as f32);
        assert!(filled.iter().all(|found| *found == single.next_u32() as f32));
    }

    proptest! {
        #[test]
        fn a_permutation_visits_every_index_once(len in 1u64..3000, seed: u64) {
            let permutation = Permutation::new(len, &mut stream(seed, Purpose::WindowOrder, 0));
            let mut seen: Vec<_> = (0..len).map(|i| permutation.at(i)).collect();
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..len));
        }
    }
}
