//! A digest short enough to be kept for every document.

use sha2::{Digest, Sha256};

/// The first half of SHA-256 as a number.
pub(crate) fn key(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    let half: [u8; 16] = digest[..16].try_into().expect("half of 32 bytes");
    u128::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_matches_the_published_vector() {
        // FIPS 180-2, appendix B.1: "abc".
        assert_eq!(key(b"abc").to_le_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
