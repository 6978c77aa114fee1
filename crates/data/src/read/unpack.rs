//! Opens files as UTF-8 text: decompresses what is compressed, whatever the name, converts UTF-16,
//! and counts the bytes of the file that were read.

use super::OneFile;
use super::content::{Content, HEAD, content, is_text};
use super::ending::says_packed;
use super::utf16::{Utf16, order};
use crate::error::DataError;
use flate2::read::MultiGzDecoder;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const BUFFER: usize = 1 << 16;

/// Maximum layers of compression that are undone.
const LAYERS: usize = 3;

/// Shared count of the bytes that were read of a file.
#[derive(Clone, Default)]
pub(super) struct Count(Rc<Cell<u64>>);

impl Count {
    pub(super) fn bytes(&self) -> u64 {
        self.0.get()
    }
}

struct Counted<R> {
    source: R,
    count: Count,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.count.0.set(self.count.0.get() + read as u64);
        Ok(read)
    }
}

/// A file opened for reading.
pub(super) struct Opened<'r> {
    pub(super) reader: Box<dyn BufRead + 'r>,
    /// First bytes of the text.
    pub(super) head: Vec<u8>,
    pub(super) count: Count,
    path: PathBuf,
    packed: bool,
}

impl Opened<'_> {
    /// Converts an error of reading; in a compressed file it mostly means that the file ends early.
    pub(super) fn failed(&self) -> impl Fn(io::Error) -> DataError + use<> {
        failed(&self.path, self.packed)
    }
}

pub(super) fn open(one: &OneFile) -> Result<Opened<'static>, DataError> {
    let file = File::open(&one.file.path).map_err(one.read_error())?;
    opened(&one.file.path, &one.file.name, file)
}

/// Opens a file's bytes as text. The name tells whether the file should be compressed.
pub(super) fn opened<'r>(
    path: &Path,
    name: &str,
    source: impl Read + 'r,
) -> Result<Opened<'r>, DataError> {
    let count = Count::default();
    let mut source: Box<dyn Read + 'r> = Box::new(Counted { source, count: count.clone() });
    let mut packed = false;
    for layer in 0.. {
        let head;
        (head, source) = peek(source).map_err(failed(path, packed))?;
        let path = path.to_owned();
        source = match content(&head) {
            Content::Gzip if layer < LAYERS => {
                let buffered = BufReader::with_capacity(BUFFER, source);
                Box::new(MultiGzDecoder::new(buffered))
            }
            Content::Zstd if layer < LAYERS => {
                Box::new(zstd::Decoder::new(source).map_err(failed(&path, true))?)
            }
            Content::Gzip | Content::Zstd => {
                return Err(DataError::NotText {
                    path,
                    what: "packed again and again",
                    advice: "unpack it first",
                });
            }
            Content::Lfs(bytes) => return Err(DataError::LfsPointer { path, bytes }),
            Content::Foreign(foreign) => {
                return Err(DataError::NotText {
                    path,
                    what: foreign.what,
                    advice: foreign.advice,
                });
            }
            Content::Plain if says_packed(name) && !packed && !is_text(&head) => {
                let cause = io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it does not begin as a packed file does",
                );
                return Err(DataError::Unpack { path, cause });
            }
            Content::Plain => return text(path, count, packed, &head, source),
        };
        packed = true;
    }
    unreachable!("a layer that is not undone ends the loop")
}

/// The text that the bytes of a file hold, decompressed and in UTF-8; `None` where it has more than
/// `most` bytes.
///
/// # Errors
/// The compression is not supported, the file is damaged, or the content is not text.
pub fn unpacked(path: &Path, bytes: &[u8], most: usize) -> Result<Option<Vec<u8>>, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let opened = opened(path, &name, bytes)?;
    let failed = opened.failed();
    let mut text = Vec::new();
    let mut reader = opened.reader.take(most as u64 + 1);
    reader.read_to_end(&mut text).map_err(failed)?;
    Ok((text.len() <= most).then_some(text))
}

/// Opens content that is no longer compressed.
fn text<'r>(
    path: PathBuf,
    count: Count,
    packed: bool,
    head: &[u8],
    source: Box<dyn Read + 'r>,
) -> Result<Opened<'r>, DataError> {
    let source = match order(head) {
        Some(order) => Box::new(Utf16::new(source, order)),
        None => source,
    };
    let (head, source) = peek(source).map_err(failed(&path, packed))?;
    Ok(Opened {
        reader: Box::new(BufReader::with_capacity(BUFFER, source)),
        head,
        count,
        path,
        packed,
    })
}

/// The first bytes of a source, and the source from its beginning again.
fn peek<'r>(mut source: Box<dyn Read + 'r>) -> io::Result<(Vec<u8>, Box<dyn Read + 'r>)> {
    let mut head = Vec::new();
    source.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let again = Cursor::new(head.clone()).chain(source);
    Ok((head, Box::new(again)))
}

fn failed(path: &Path, packed: bool) -> impl Fn(io::Error) -> DataError + use<> {
    let path = path.to_owned();
    move |cause| {
        let path = path.clone();
        match packed {
            true => DataError::Unpack { path, cause },
            false => DataError::Read { path, cause },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
        let mut opened = opened(Path::new(name), name, bytes)?;
        let mut text = Vec::new();
        let failed = opened.failed();
        opened.reader.read_to_end(&mut text).map_err(failed)?;
        Ok(text)
    }

    #[test]
    fn a_file_is_unpacked_by_what_it_is_not_by_its_name() {
        let text = "some words\n".repeat(900).into_bytes();
        let zstd = zstd::bulk::compress(&text, 1).unwrap();
        for name in ["a.txt", "a.txt.GZ", "a.zst", "a"] {
            for bytes in [&text, &gzip(&text), &zstd, &gzip(&zstd)] {
                assert_eq!(read(name, bytes).unwrap(), text, "{name}");
            }
        }
        let error = read("a.gz", b"\x1f\x8a\x08\0\xff").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot unpack a.gz: it does not begin as a packed file does"
        );
        let thrice = gzip(&gzip(&gzip(&gzip(b"text"))));
        assert_eq!(
            read("a.gz", &thrice).unwrap_err().to_string(),
            "a.gz is packed again and again, not text"
        );
    }

    #[test]
    fn a_file_that_unpacks_to_more_than_the_limit_is_not_held() {
        let bomb = gzip(&vec![b'1'; 1 << 22]);
        let path = Path::new("a.csv.gz");
        assert_eq!(unpacked(path, &bomb, 1 << 20).unwrap(), None);
        let whole = unpacked(path, &bomb, 1 << 22).unwrap();
        assert_eq!(whole.map(|text| text.len()), Some(1 << 22));
        assert!(unpacked(path, &bomb[..100], 1 << 22).is_err());
    }

    #[test]
    fn utf_16_is_read_as_its_text_packed_or_not() {
        let text = "Zürich, 世界 and more\n".repeat(300);
        let units = format!("\u{feff}{text}");
        let little: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little, &big, &gzip(&little)] {
            assert_eq!(read("a.txt", bytes).unwrap(), units.as_bytes());
        }
    }
}
