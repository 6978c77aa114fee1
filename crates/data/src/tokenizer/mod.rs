//! Converts text to token ids and back: bytes, OpenAI's vocabularies, any `tokenizer.json`, and BPE
//! trained by this program.

mod cut;
mod file;
mod guard;
mod outline;
#[cfg(test)]
mod reference;
mod train;

pub(crate) use train::{TRAIN_BYTES, train};

use crate::error::DataError;
use crate::limits::LONGEST_DOCUMENT;
use crate::read::bounds::read_bounded;
use cut::pieces;
use file::FileTokenizer;
use isoflop_core::digest::sha256;
use isoflop_core::text::lfs_pointer;
use std::path::Path;
use std::sync::Arc;
use tiktoken_rs::CoreBPE;

/// A tokenizer, which is cheap to clone.
#[derive(Clone)]
pub struct Tokenizer {
    name: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// A token is a byte. NUL is the separator, so no text may hold it.
    Bytes,
    /// An OpenAI vocabulary: its ids from 0, then the separator.
    Tiktoken {
        bpe: &'static CoreBPE,
        separator: u32,
        vocab_size: usize,
    },
    File(Arc<FileTokenizer>),
    /// A tokenizer trained by this program with GPT-2's rules for words; it is run like one from a
    /// file.
    Trained(Arc<FileTokenizer>),
}

/// Tokenizer that a sweep file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Ready(&'static str),
    /// A tokenizer of this many tokens that is trained on the train split.
    Train(usize),
    File(String),
}

impl Wanted {
    pub(crate) fn parse(name: &str) -> Result<Self, DataError> {
        let unknown = || DataError::UnknownTokenizer { name: name.to_owned() };
        if let Some(ready) =
            ["bytes", "gpt2", "cl100k", "o200k"].iter().find(|ready| **ready == name)
        {
            return Ok(Wanted::Ready(ready));
        }
        if let Some(size) = name.strip_prefix("bpe:") {
            let size: usize = size.parse().map_err(|_| unknown())?;
            // The vocabulary begins with 256 bytes and the separator.
            return match size {
                258..=1_000_000 => Ok(Wanted::Train(size)),
                _ => Err(DataError::VocabularySize { size }),
            };
        }
        match name.ends_with(".json") {
            true => Ok(Wanted::File(name.to_owned())),
            false => Err(unknown()),
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokenizer({})", self.name)
    }
}

impl Tokenizer {
    /// A tokenizer whose vocabulary is part of this program.
    pub(crate) fn ready(name: &'static str) -> Self {
        let tiktoken =
            |bpe, separator| Kind::Tiktoken { bpe, separator, vocab_size: separator as usize + 1 };
        let kind = match name {
            "gpt2" => tiktoken(tiktoken_rs::r50k_base_singleton(), 50_256),
            // Id 100,256 is unused.
            "cl100k" => tiktoken(tiktoken_rs::cl100k_base_singleton(), 100_257),
            // Id 199,998 is unused.
            "o200k" => tiktoken(tiktoken_rs::o200k_base_singleton(), 199_999),
            _ => Kind::Bytes,
        };
        Tokenizer { name: name.to_owned(), kind }
    }

    /// The tokenizer whose tokens are single bytes.
    pub fn bytes() -> Self {
        Self::ready("bytes")
    }

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// The file cannot be read or is not a tokenizer.
    pub(crate) fn file(path: &Path) -> Result<Self, DataError> {
        let bad = |why| DataError::BadTokenizer { path: path.to_owned(), why };
        let json = read_bounded(path, LONGEST_DOCUMENT)?
            .ok_or_else(|| bad(format!("it is larger than {} MiB", LONGEST_DOCUMENT >> 20)))?;
        if let Some(bytes) = lfs_pointer(&json) {
            return Err(DataError::LfsPointer { path: path.to_owned(), bytes });
        }
        Self::parse(&json).map_err(bad)
    }

    /// Parses a `tokenizer.json`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let digest = sha256([json]);
        let file = FileTokenizer::new(json)?;
        Ok(Tokenizer {
            name: format!("tokenizer.json:{}", &digest[..8]),
            kind: Kind::File(Arc::new(file)),
        })
    }

    /// A tokenizer that this program trained, from its JSON.
    pub(crate) fn trained(vocab_size: usize, json: &[u8]) -> Result<Self, String> {
        Self::named(&format!("bpe:{vocab_size}"), json)
    }

    /// A tokenizer that was stored with prepared data, by its name.
    pub(crate) fn named(name: &str, json: &[u8]) -> Result<Self, String> {
        let file = Arc::new(FileTokenizer::new(json)?);
        Ok(Tokenizer {
            name: name.to_owned(),
            kind: match name.starts_with("bpe:") {
                true => Kind::Trained(file),
                false => Kind::File(file),
            },
        })
    }

    /// Name in a data digest: `bytes`, `gpt2`, `bpe:4096` or `tokenizer.json:DIGEST`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of distinct tokens, including the separator.
    pub fn vocab_size(&self) -> usize {
        match &self.kind {
            Kind::Bytes => 256,
            Kind::Tiktoken { vocab_size, .. } => *vocab_size,
            Kind::File(file) | Kind::Trained(file) => file.vocab_size(),
        }
    }

    /// Id of the token that follows every document. No text encodes to it.
    pub fn separator(&self) -> u32 {
        match &self.kind {
            Kind::Bytes => 0,
            Kind::Tiktoken { separator, .. } => *separator,
            Kind::File(file) | Kind::Trained(file) => file.separator(),
        }
    }

    /// Whether a text must not hold a NUL because it would look like two documents.
    pub(crate) fn refuses_nul(&self) -> bool {
        matches!(self.kind, Kind::Bytes)
    }

    /// Appends the ids of a text to `ids`. A special token that is written out in the text is
    /// ordinary text.
    ///
    /// # Errors
    /// A tokenizer from a file has neither a token for some part of the text nor an unknown token.
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), DataError> {
        let refused = |why| DataError::NoToken { tokenizer: self.name.clone(), why };
        match &self.kind {
            Kind::Bytes => ids.extend(text.bytes().map(u32::from)),
            Kind::Tiktoken { bpe, .. } => {
                for piece in pieces(text) {
                    ids.extend(bpe.encode_ordinary(piece));
                }
            }
            Kind::Trained(file) => {
                for piece in pieces(text) {
                    file.encode(piece, ids).map_err(refused)?;
                }
            }
            Kind::File(file) => file.encode(text, ids).map_err(refused)?,
        }
        Ok(())
    }

    /// The bytes that the ids stand for; `None` where an id is not in the vocabulary.
    pub(crate) fn decode(&self, ids: &[u32]) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Bytes => ids.iter().map(|&id| u8::try_from(id).ok()).collect(),
            Kind::Tiktoken { bpe, .. } => bpe.decode_bytes(ids).ok(),
            Kind::File(file) | Kind::Trained(file) => file.decode(ids),
        }
    }

    /// What the ids decode to, if that differs from the text that they were made of. Only a
    /// tokenizer from a file can lose text; the others have a token for every byte.
    pub(crate) fn altered(&self, text: &str, ids: &[u32]) -> Option<Vec<u8>> {
        if !self.may_lose() {
            return None;
        }
        let back = self.text_of(ids).unwrap_or_default();
        (back != text.as_bytes() || self.knows_not(ids)).then_some(back)
    }

    /// The text that ids were made of, without the space that some tokenizers put before every
    /// text.
    pub(crate) fn text_of(&self, ids: &[u32]) -> Option<Vec<u8>> {
        let mut text = self.decode(ids)?;
        if let Kind::File(file) = &self.kind
            && file.prefix()
            && text.first() == Some(&b' ')
        {
            text.remove(0);
        }
        Some(text)
    }

    /// Whether the tokenizer may lose text at all.
    pub(crate) fn may_lose(&self) -> bool {
        matches!(self.kind, Kind::File(_))
    }

    /// Whether one of the ids is the unknown token, which stands for text that the vocabulary
    /// lacks.
    pub(crate) fn knows_not(&self, ids: &[u32]) -> bool {
        match &self.kind {
            Kind::File(file) => file.unknown().is_some_and(|unknown| ids.contains(&unknown)),
            _ => false,
        }
    }

    /// The tokenizer's JSON, to be stored with results; `None` if its vocabulary is part of this
    /// program.
    pub(crate) fn json(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(file) | Kind::Trained(file) => Some(file.json()),
            _ => None,
        }
    }
}
