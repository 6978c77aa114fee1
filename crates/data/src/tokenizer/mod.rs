//! From text to token ids and back: bytes, OpenAI's vocabularies, any `tokenizer.json`, and BPE trained here.

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

/// Tokenizes text. Cheap to clone.
#[derive(Clone)]
pub struct Tokenizer {
    name: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// A token a byte; NUL is the separator, which no text may hold.
    Bytes,
    /// Ids from 0, then the separator.
    Tiktoken {
        bpe: &'static CoreBPE,
        separator: u32,
        vocab_size: usize,
    },
    File(Arc<FileTokenizer>),
    /// Of a file too, with the rules of GPT-2.
    Trained(Arc<FileTokenizer>),
}

/// What a sweep file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Ready(&'static str),
    /// Trained on the train split, with so many tokens.
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
            // 256 bytes and the separator come first.
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
    /// One of those whose vocabulary is in this program.
    pub(crate) fn ready(name: &'static str) -> Self {
        let tiktoken =
            |bpe, separator| Kind::Tiktoken { bpe, separator, vocab_size: separator as usize + 1 };
        let kind = match name {
            "gpt2" => tiktoken(tiktoken_rs::r50k_base_singleton(), 50_256),
            // 100,256 is not used.
            "cl100k" => tiktoken(tiktoken_rs::cl100k_base_singleton(), 100_257),
            // 199,998 is not used.
            "o200k" => tiktoken(tiktoken_rs::o200k_base_singleton(), 199_999),
            _ => Kind::Bytes,
        };
        Tokenizer { name: name.to_owned(), kind }
    }

    /// A token a byte.
    pub fn bytes() -> Self {
        Self::ready("bytes")
    }

    /// A `tokenizer.json`.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn file(path: &Path) -> Result<Self, DataError> {
        let bad = |why| DataError::BadTokenizer { path: path.to_owned(), why };
        let json = read_bounded(path, LONGEST_DOCUMENT)?
            .ok_or_else(|| bad(format!("it is larger than {} MiB", LONGEST_DOCUMENT >> 20)))?;
        if let Some(bytes) = lfs_pointer(&json) {
            return Err(DataError::LfsPointer { path: path.to_owned(), bytes });
        }
        Self::parse(&json).map_err(bad)
    }

    /// A `tokenizer.json` in memory.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let digest = sha256([json]);
        let file = FileTokenizer::new(json)?;
        Ok(Tokenizer {
            name: format!("tokenizer.json:{}", &digest[..8]),
            kind: Kind::File(Arc::new(file)),
        })
    }

    /// One that was trained, from its JSON.
    pub(crate) fn trained(vocab_size: usize, json: &[u8]) -> Result<Self, String> {
        Self::named(&format!("bpe:{vocab_size}"), json)
    }

    /// One that was kept beside prepared data, by its name.
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

    /// As part of a data digest: `bytes`, `gpt2`, `bpe:4096`, `tokenizer.json:DIGEST`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Distinct tokens, the separator included.
    pub fn vocab_size(&self) -> usize {
        match &self.kind {
            Kind::Bytes => 256,
            Kind::Tiktoken { vocab_size, .. } => *vocab_size,
            Kind::File(file) | Kind::Trained(file) => file.vocab_size(),
        }
    }

    /// The token after every document. No text gives it.
    pub fn separator(&self) -> u32 {
        match &self.kind {
            Kind::Bytes => 0,
            Kind::Tiktoken { separator, .. } => *separator,
            Kind::File(file) | Kind::Trained(file) => file.separator(),
        }
    }

    /// Whether text that holds a NUL cannot be told from two documents.
    pub(crate) fn refuses_nul(&self) -> bool {
        matches!(self.kind, Kind::Bytes)
    }

    /// Puts the ids of a text after `ids`. Special tokens written out in the text are text.
    ///
    /// # Errors
    /// A tokenizer of a file has no token for some part of the text, not even one for the unknown.
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

    /// The bytes that ids stand for; none where one of them is not of the vocabulary.
    pub(crate) fn decode(&self, ids: &[u32]) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Bytes => ids.iter().map(|&id| u8::try_from(id).ok()).collect(),
            Kind::Tiktoken { bpe, .. } => bpe.decode_bytes(ids).ok(),
            Kind::File(file) | Kind::Trained(file) => file.decode(ids),
        }
    }

    /// What ids come back as, where that is not the text they were made of. Only a tokenizer of a file may lose
    /// any: the others hold every byte.
    pub(crate) fn altered(&self, text: &str, ids: &[u32]) -> Option<Vec<u8>> {
        if !self.may_lose() {
            return None;
        }
        let back = self.text_of(ids).unwrap_or_default();
        (back != text.as_bytes() || self.knows_not(ids)).then_some(back)
    }

    /// The text that ids were made of: without the space that some tokenizers put before every text.
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

    /// Whether a tokenizer may lose text at all.
    pub(crate) fn may_lose(&self) -> bool {
        matches!(self.kind, Kind::File(_))
    }

    /// Whether one of the ids stands for whatever the vocabulary lacks.
    pub(crate) fn knows_not(&self, ids: &[u32]) -> bool {
        match &self.kind {
            Kind::File(file) => file.unknown().is_some_and(|unknown| ids.contains(&unknown)),
            _ => false,
        }
    }

    /// The JSON of a tokenizer that is kept with results: of those whose vocabulary is not in this program.
    pub(crate) fn json(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(file) | Kind::Trained(file) => Some(file.json()),
            _ => None,
        }
    }
}
