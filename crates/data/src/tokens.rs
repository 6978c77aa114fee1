//! Stores sequences of token ids in one, two or four bytes each.

use crate::mapped::Bytes;
use std::ops::Range;

/// Bytes that an id takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    One,
    Two,
    Four,
}

impl Width {
    /// The smallest width that holds every id below `vocab_size`.
    pub(crate) fn of(vocab_size: usize) -> Self {
        match vocab_size {
            0..=0x100 => Width::One,
            0x101..=0x1_0000 => Width::Two,
            _ => Width::Four,
        }
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Width::One => 1,
            Width::Two => 2,
            Width::Four => 4,
        }
    }

    /// Appends ids to `bytes`, little-endian.
    pub(crate) fn write(self, ids: &[u32], bytes: &mut Vec<u8>) {
        match self {
            Width::One => bytes.extend(ids.iter().map(|&id| id as u8)),
            Width::Two => bytes.extend(ids.iter().flat_map(|&id| (id as u16).to_le_bytes())),
            Width::Four => bytes.extend(ids.iter().flat_map(|&id| id.to_le_bytes())),
        }
    }

    pub(crate) fn read(self, bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
        let size = self.bytes();
        bytes.chunks_exact(size).map(move |id| match id {
            [a] => u32::from(*a),
            [a, b] => u32::from(u16::from_le_bytes([*a, *b])),
            [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
            _ => unreachable!("chunks of the width"),
        })
    }
}

/// Token ids in order, in memory or in a mapped file. Callers get them as `i32`, the integer type
/// of training.
#[derive(Debug)]
pub struct Tokens {
    width: Width,
    bytes: Bytes,
}

impl Tokens {
    pub(crate) fn new(width: Width, bytes: Bytes) -> Self {
        Tokens { width, bytes }
    }

    pub(crate) fn of_ids(vocab_size: usize, ids: &[u32]) -> Self {
        let width = Width::of(vocab_size);
        let mut bytes = Vec::with_capacity(ids.len() * width.bytes());
        width.write(ids, &mut bytes);
        Tokens::new(width, Bytes::Memory(bytes))
    }

    pub(crate) fn width(&self) -> Width {
        self.width
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width.bytes()
    }

    /// Whether there are no ids.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids in a range, which must lie within the stream.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = i32> + '_ {
        self.ids(range).map(|id| id as i32)
    }

    pub(crate) fn ids(&self, range: Range<usize>) -> impl Iterator<Item = u32> + '_ {
        let size = self.width.bytes();
        self.width.read(&self.bytes[range.start * size..range.end * size])
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        self.width == other.width && *self.bytes == *other.bytes
    }
}

impl Eq for Tokens {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_of_every_width_read_back(ids in prop::collection::vec(0u32..70_000, 0..50), extra in 0usize..3) {
            let vocab_size = [0x100, 0x1_0000, 70_000][extra];
            let ids: Vec<u32> = ids.iter().map(|id| id % vocab_size as u32).collect();
            let tokens = Tokens::of_ids(vocab_size, &ids);
            prop_assert_eq!(tokens.len(), ids.len());
            prop_assert_eq!(tokens.as_bytes().len(), ids.len() << extra);
            prop_assert_eq!(tokens.ids(0..ids.len()).collect::<Vec<_>>(), ids);
        }
    }
}
