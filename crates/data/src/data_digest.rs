//! Computes the digest of prepared data from its tokens.

use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use isoflop_core::digest::hex;
use sha2::{Digest, Sha256};

/// First 16 hex digits of the SHA-256 of: the tokenizer's name, the length of the train stream, the
/// train tokens and the test tokens.
///
/// # Errors
/// The file that holds the train stream cannot be read.
pub(crate) fn data_digest(
    tokenizer: &str,
    train: &Tokens,
    test: &TestStream,
) -> std::io::Result<String> {
    checked_digest(tokenizer, train, test, &mut |_| {})
}

/// Computes [`data_digest`] and calls `look` with every id of the train stream on the way.
pub(crate) fn checked_digest(
    tokenizer: &str,
    train: &Tokens,
    test: &TestStream,
    look: &mut dyn FnMut(u32),
) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(tokenizer.as_bytes());
    hasher.update(b"\0");
    hasher.update((train.len() as u64).to_le_bytes());
    train.bytes().each_chunk(&mut |chunk| {
        hasher.update(chunk);
        train.width().read(chunk).for_each(&mut *look);
    })?;
    hasher.update(test.as_bytes());
    let mut digest = hex(&hasher.finalize());
    digest.truncate(16);
    Ok(digest)
}
