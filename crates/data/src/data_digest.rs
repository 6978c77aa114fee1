//! The digest of prepared data, from its tokens.

use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use isoflop_core::digest::hex;
use sha2::{Digest, Sha256};

/// First 16 hex digits over tokenizer, length of the train stream, train and test.
///
/// # Errors
/// The train stream lies in a file that cannot be read.
pub(crate) fn data_digest(
    tokenizer: &str,
    train: &Tokens,
    test: &TestStream,
) -> std::io::Result<String> {
    checked_digest(tokenizer, train, test, &mut |_| {})
}

/// The same, with every id of the train stream shown to `look` on the way.
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
