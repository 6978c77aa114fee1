//! Computes SHA-256 digests, as hex digits or as numbers.

use sha2::{Digest, Sha256};

/// SHA-256 of the concatenated parts, as 64 hex digits.
pub(crate) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hex(hasher)
}

/// The hasher's digest, as 64 hex digits.
pub(crate) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// First 128 bits of the SHA-256, as a number.
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
        // The digest of "abc" is given in FIPS 180-2, appendix B.1.
        let digest = sha256([b"a".as_slice(), b"bc"]);
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(key(b"abc").to_le_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
