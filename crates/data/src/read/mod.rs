//! Reads every kind of source into documents, one document in memory at a time.

pub(crate) mod bounds;
mod content;
mod elements;
pub(crate) mod ending;
pub(crate) mod files;
mod jsonl;
mod lines;
mod looks;
mod parquet;
mod pick;
mod token_file;
mod unpack;
mod utf16;

pub use ending::Ending;
pub use unpack::unpacked;

use crate::document::{Document, Origin, Reading, Take};
use crate::documents::Documents;
use crate::error::DataError;
use crate::limits::LONGEST_DOCUMENT;
use crate::looks::Looks;
use crate::split::Side;
use crate::synthetic::Source as Synthetic;
use content::{Content, HEAD, content};
use files::SourceFile;
use isoflop_core::data::Invalid;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use unpack::opened;

/// The files of a source and the way in which they are read.
pub(crate) struct Input {
    pub(crate) kind: Kind,
    /// Files of train text, followed by those of a separate test.
    pub(crate) files: Vec<SourceFile>,
    /// Index in `files` of the first test file; `None` without a separate test.
    pub(crate) test_from: Option<usize>,
}

/// Kind of a source, by which its reader is chosen.
#[derive(Clone)]
pub(crate) enum Kind {
    Text,
    Jsonl {
        field: String,
    },
    Parquet {
        column: String,
    },
    Tokens,
    /// A built-in corpus, which is already split.
    Built(Arc<Documents>),
    Synthetic(Arc<Synthetic>),
}

/// Counts of the documents that reading left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Number of documents that were dropped as invalid.
    pub(crate) invalid: usize,
    /// Number of documents without text.
    pub(crate) empty: usize,
}

impl Input {
    /// Bytes that reading the source takes.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.kind {
            Kind::Built(documents) => documents.bytes(),
            Kind::Synthetic(source) => source.bytes(),
            _ => self.files.iter().map(|file| file.bytes).sum(),
        }
    }

    /// Name of a document's place, for people: `notes/a.md` or `a.jsonl:17`.
    pub(crate) fn name(&self, origin: Origin) -> String {
        match self.files.get(origin.file as usize) {
            None => format!("document {}", origin.place),
            Some(file) if origin.place == 0 => file.name.clone(),
            Some(file) => format!("{}:{}", file.name, origin.place),
        }
    }

    /// Hands over every document, in the order of the source.
    pub(crate) fn read(&self, how: &Reading, take: &mut Take) -> Result<Skipped, DataError> {
        let mut skipped = Skipped::default();
        match &self.kind {
            Kind::Built(documents) => {
                documents.each(how, take)?;
                return Ok(skipped);
            }
            Kind::Synthetic(source) => {
                source.each(how, take)?;
                return Ok(skipped);
            }
            _ => {}
        }
        let mut before = 0;
        for (index, file) in self.files.iter().enumerate() {
            let step = |bytes: u64| (how.step)(before + bytes);
            let side = self.test_from.map(|from| Side::of_test(index >= from));
            let mut one = OneFile {
                file,
                index: index as u32,
                side,
                how,
                step: &step,
                skipped: &mut skipped,
                take,
            };
            let more = match &self.kind {
                Kind::Text => lines::read(&mut one)?,
                Kind::Jsonl { field } => jsonl::read(&mut one, field)?,
                Kind::Parquet { column } => {
                    one.refuse_pointer()?;
                    parquet::read(&mut one, column)?
                }
                Kind::Tokens => token_file::read(&mut one)?,
                Kind::Built(_) | Kind::Synthetic(_) => unreachable!("returned above"),
            };
            if !more {
                break;
            }
            before += file.bytes;
        }
        Ok(skipped)
    }
}

/// Hands over the documents of a file in memory, just as [`Input::read`] does for files on disk.
/// Parquet is not supported, since another crate reads it.
pub(crate) fn parse(
    kind: &Kind,
    name: &str,
    bytes: &[u8],
    how: &Reading,
    take: &mut Take,
) -> Result<Skipped, DataError> {
    let mut skipped = Skipped::default();
    let file = SourceFile {
        name: name.to_owned(),
        path: PathBuf::from(name),
        bytes: bytes.len() as u64,
        modified: 0,
    };
    let mut one = OneFile {
        file: &file,
        index: 0,
        side: None,
        how,
        step: how.step,
        skipped: &mut skipped,
        take,
    };
    let opened = || opened(&file.path, name, bytes);
    match kind {
        Kind::Jsonl { field } => jsonl::parse(&mut one, opened()?, field)?,
        Kind::Tokens => token_file::parse(&mut one, bytes)?,
        _ => lines::parse(&mut one, opened()?)?,
    };
    Ok(skipped)
}

/// A file while it is read, with all that handing over its documents needs.
pub(crate) struct OneFile<'a, 't> {
    pub(crate) file: &'a SourceFile,
    index: u32,
    side: Option<Side>,
    pub(crate) how: &'a Reading<'a>,
    pub(crate) step: &'a dyn Fn(u64),
    skipped: &'a mut Skipped,
    take: &'a mut Take<'t>,
}

impl OneFile<'_, '_> {
    /// Hands over the bytes of a document as text. A place of 0 is the whole file, which must not
    /// be empty.
    pub(crate) fn give(&mut self, place: u64, bytes: Vec<u8>) -> Result<bool, DataError> {
        if bytes.len() > LONGEST_DOCUMENT {
            return Err(self.too_long(place, "a document"));
        }
        match self.text(place, bytes)? {
            Some(text) if text.trim().is_empty() => match place {
                0 => Err(DataError::EmptyFile { path: self.file.path.clone() }),
                _ => {
                    self.skipped.empty += 1;
                    Ok(true)
                }
            },
            Some(text) => self.give_text(place, text, None),
            None => {
                self.skipped.invalid += 1;
                Ok(true)
            }
        }
    }

    /// Refuses a Git LFS pointer where another crate would read the file.
    fn refuse_pointer(&self) -> Result<(), DataError> {
        let mut head = Vec::new();
        let read = File::open(&self.file.path)
            .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
        read.map_err(self.read_error())?;
        match content(&head) {
            Content::Lfs(bytes) => {
                Err(DataError::LfsPointer { path: self.file.path.clone(), bytes })
            }
            _ => Ok(()),
        }
    }

    /// The error for a line, element or document that is longer than is held in memory.
    fn too_long(&self, place: u64, what: &'static str) -> DataError {
        DataError::TooLong { path: self.at(place), what }
    }

    /// Path of the file, with the place in it if there is one.
    fn at(&self, place: u64) -> PathBuf {
        match place {
            0 => self.file.path.clone(),
            _ => format!("{}:{place}", self.file.path.display()).into(),
        }
    }

    /// Hands over text that has been checked before.
    pub(crate) fn give_text(
        &mut self,
        place: u64,
        text: String,
        ids: Option<Vec<u32>>,
    ) -> Result<bool, DataError> {
        (self.take)(Document {
            text,
            ids,
            origin: Origin { file: self.index, place },
            side: self.side,
        })
    }

    /// The bytes as UTF-8, with lines ended by LF and no byte order mark; `None` for an invalid
    /// document that is to be dropped.
    fn text(&self, place: u64, bytes: Vec<u8>) -> Result<Option<String>, DataError> {
        let path = || self.at(place);
        let refused = |error: DataError| match self.how.invalid {
            Invalid::Error => Err(error),
            _ => Ok(None),
        };
        let replace = self.how.invalid == Invalid::Replace;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if replace => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Err(error) => {
                return refused(DataError::NotUtf8 {
                    path: path(),
                    offset: error.utf8_error().valid_up_to(),
                    looks: Looks::of(error.as_bytes()),
                });
            }
        };
        let nul = text.find('\0').filter(|_| self.how.refuses_nul);
        let text = match nul {
            None => text,
            Some(_) if replace => text.replace('\0', "\u{fffd}"),
            Some(offset) => {
                return refused(DataError::Nul { path: path(), offset });
            }
        };
        Ok(Some(crate::clean::lf(text)))
    }

    pub(crate) fn read_error(&self) -> impl Fn(std::io::Error) -> DataError + use<> {
        let path = self.file.path.clone();
        move |cause| DataError::Read { path: path.clone(), cause }
    }
}
