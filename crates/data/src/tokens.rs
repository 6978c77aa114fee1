//! The tokenizer, bytes, and the stream that it makes of documents.

/// Name of the tokenizer, part of every data digest.
pub const TOKENIZER: &str = "bytes";

/// Distinct tokens.
pub const VOCAB_SIZE: usize = 256;

/// The token after every document. No document holds it: text with a NUL is refused.
pub const SEPARATOR: u8 = 0;

/// Token ids in order. A byte each in memory, since no tokenizer yet has more than 256; callers
/// see `i32`, the training engine's integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(Vec<u8>);

impl Tokens {
    pub(crate) fn new(ids: Vec<u8>) -> Self {
        Tokens(ids)
    }

    /// Every document followed by the separator.
    pub(crate) fn of_documents<'a>(documents: impl IntoIterator<Item = &'a str>) -> Self {
        let mut ids = Vec::new();
        for document in documents {
            ids.extend_from_slice(document.as_bytes());
            ids.push(SEPARATOR);
        }
        Tokens(ids)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id at `index`, which must lie below the length.
    pub fn at(&self, index: usize) -> i32 {
        i32::from(self.0[index])
    }

    /// The ids of a range that must lie within the stream.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl ExactSizeIterator<Item = i32> {
        self.0[range].iter().map(|&id| i32::from(id))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_ends_in_the_separator() {
        let tokens = Tokens::of_documents(["ab", "é"]);
        assert_eq!(
            tokens.range(0..tokens.len()).collect::<Vec<_>>(),
            [97, 98, 0, 195, 169, 0]
        );
    }
}
