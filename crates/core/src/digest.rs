//! SHA-256, and bytes in hex.

use sha2::{Digest, Sha256};

/// SHA-256 of the parts one after another, 64 hex digits.
pub fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_matches_the_published_vector() {
        // FIPS 180-2, appendix B.1: "abc".
        let digest = sha256([b"a".as_slice(), b"bc"]);
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
    }
}
