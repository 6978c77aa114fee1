//! Reads files of token ids: nanoGPT's `.bin` without a header (uint16), llm.c's with its header
//! (uint16 or uint32), and `.npy`. Documents are divided by separators, whether the writer put the
//! separator before or after each document.

use super::OneFile;
use super::content::{Content, HEAD, content};
use crate::error::DataError;
use crate::limits::LONGEST_DOCUMENT;
use crate::mapped::Bytes;
use crate::tokenizer::Tokenizer;
use crate::tokens::Width;
use isoflop_core::text::shown;

/// Bytes of llm.c's header: 256 little-endian int32, of which the first names the format and the
/// third is the number of ids.
const LLM_C_HEADER: usize = 1024;
const LLM_C_GPT2: u32 = 20_240_520;
const LLM_C_LLAMA3: u32 = 20_240_801;

/// First bytes of NumPy's files.
const NPY: &[u8] = b"\x93NUMPY";

/// Maximum ids of a document. Longer ones are cut, which bounds memory.
const LONGEST: usize = 1 << 20;

/// Position and width of the ids in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    start: usize,
    end: usize,
    width: Width,
}

pub(super) fn read(one: &mut OneFile) -> Result<bool, DataError> {
    let bytes = Bytes::map(&one.file.path).map_err(one.read_error())?;
    parse(one, &bytes)
}

pub(super) fn parse(one: &mut OneFile, bytes: &[u8]) -> Result<bool, DataError> {
    let tokenizer = one.how.tokenizer.expect("a source of tokens is read with its tokenizer");
    let path = || one.file.path.clone();
    if let Content::Lfs(bytes) = content(&bytes[..bytes.len().min(HEAD)]) {
        return Err(DataError::LfsPointer { path: path(), bytes });
    }
    let layout =
        layout(bytes).map_err(|problem| DataError::BadTokenFile { path: path(), problem })?;
    let size = layout.width.bytes();
    let ids = &bytes[layout.start..layout.end];
    let separator = tokenizer.separator();
    let mut document = Vec::new();
    let mut place = 0;
    let mut checked = 0;
    for (at, id) in layout.width.read(ids).chain([separator]).enumerate() {
        if id as usize >= tokenizer.vocab_size() {
            return Err(DataError::TokenBeyondVocabulary {
                path: one.file.path.clone(),
                at,
                id,
                tokenizer: tokenizer.name().to_owned(),
                vocab_size: tokenizer.vocab_size(),
            });
        }
        if id != separator {
            document.push(id);
        }
        if document.is_empty() || (id != separator && document.len() < LONGEST) {
            continue;
        }
        place += 1;
        let ids = std::mem::take(&mut document);
        let text = text_of(one, tokenizer, place, &ids)?;
        if checked < 64 {
            check(one, tokenizer, place, &ids, &text)?;
            checked += 1;
        }
        if !one.give_text(place, text, Some(ids))? {
            return Ok(false);
        }
        (one.step)((layout.start + at * size) as u64);
    }
    match place {
        0 => Err(DataError::EmptyFile { path: one.file.path.clone() }),
        _ => Ok(true),
    }
}

fn text_of(
    one: &OneFile,
    tokenizer: &Tokenizer,
    place: u64,
    ids: &[u32],
) -> Result<String, DataError> {
    let bytes = tokenizer.decode(ids).and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| DataError::OtherTokenizer {
        path: one.file.path.clone(),
        document: place,
        tokenizer: tokenizer.name().to_owned(),
        how: format!("do not decode to UTF-8 of at most {} MiB", LONGEST_DOCUMENT >> 20),
    })
}

/// Checks that the tokenizer gives these ids for their text. A few may differ, since writers differ
/// at the start and the end of a document.
fn check(
    one: &OneFile,
    tokenizer: &Tokenizer,
    place: u64,
    ids: &[u32],
    text: &str,
) -> Result<(), DataError> {
    let mut again = Vec::new();
    tokenizer.encode(text, &mut again)?;
    let off = ids.len().abs_diff(again.len());
    let same = ids.iter().zip(&again).take_while(|(a, b)| a == b).count();
    if again == ids || (off * 50 <= ids.len() && same * 4 >= ids.len()) {
        return Ok(());
    }
    Err(DataError::OtherTokenizer {
        path: one.file.path.clone(),
        document: place,
        tokenizer: tokenizer.name().to_owned(),
        how: format!(
            "are {} where this tokenizer gives {} for the same text",
            ids.len(),
            again.len()
        ),
    })
}

fn layout(bytes: &[u8]) -> Result<Layout, String> {
    if bytes.starts_with(NPY) {
        return npy(bytes);
    }
    let word = |index: usize| {
        let at = 4 * index;
        let word = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(word.try_into().expect("four bytes")))
    };
    let width = match word(0) {
        Some(LLM_C_GPT2) => Width::Two,
        Some(LLM_C_LLAMA3) => Width::Four,
        _ => return header_less(bytes),
    };
    let count = word(2).ok_or("its header is cut off")?;
    ids_of(bytes, LLM_C_HEADER, Some(count as usize), width)
}

/// A file without a header is read as uint16, unless its first bytes are those of another known
/// format.
fn header_less(bytes: &[u8]) -> Result<Layout, String> {
    match content(&bytes[..bytes.len().min(HEAD)]) {
        Content::Gzip => {
            return Err("it is packed with gzip; unpack it with `gunzip -k`".to_owned());
        }
        Content::Zstd => return Err("it is packed with zstd; unpack it with `unzstd`".to_owned()),
        Content::Foreign(foreign) => {
            return Err(format!("it is {}; {}", foreign.what, foreign.advice));
        }
        Content::Plain | Content::Lfs(_) => {}
    }
    match bytes.len().is_multiple_of(2) {
        true => Ok(Layout { start: 0, end: bytes.len(), width: Width::Two }),
        false => Err("an odd number of bytes, and uint16 ids take two each".to_owned()),
    }
}

/// Layout of the ids from `start` on, after checking that they are exactly as many as the header
/// says: with fewer the file is cut off, and more would be ignored silently.
fn ids_of(
    bytes: &[u8],
    start: usize,
    count: Option<usize>,
    width: Width,
) -> Result<Layout, String> {
    let held = bytes.len().saturating_sub(start) / width.bytes();
    let end = count
        .and_then(|count| count.checked_mul(width.bytes()))
        .and_then(|length| length.checked_add(start));
    match (count, end) {
        (Some(_), Some(end)) if end == bytes.len() => Ok(Layout { start, end, width }),
        (Some(count), _) => Err(format!("its header promises {count} ids and it has {held}")),
        (None, _) => {
            Err(format!("its header promises more ids than can be counted and it has {held}"))
        }
    }
}

/// Layout of NumPy's format, versions 1 to 3: a magic string, a length, a Python dictionary and the
/// numbers.
fn npy(bytes: &[u8]) -> Result<Layout, String> {
    let truncated = || "its header is cut off".to_owned();
    let version = *bytes.get(6).ok_or_else(truncated)?;
    let (length, from) = match version {
        1 => {
            let length = bytes.get(8..10).ok_or_else(truncated)?;
            (usize::from(u16::from_le_bytes([length[0], length[1]])), 10)
        }
        2 | 3 => {
            let length = bytes.get(8..12).ok_or_else(truncated)?;
            (u32::from_le_bytes(length.try_into().expect("four bytes")) as usize, 12)
        }
        _ => {
            return Err(format!("its format has version {version}, and 1 to 3 are known"));
        }
    };
    let header = bytes.get(from..from + length).ok_or_else(truncated)?;
    let header = String::from_utf8_lossy(header);
    let kind = header.split("'descr'").nth(1).and_then(|rest| rest.split('\'').nth(1));
    let width = match kind {
        Some("<u2") => Width::Two,
        Some("<u4") => Width::Four,
        Some("|u1") => Width::One,
        Some(other) => {
            return Err(format!(
                "its numbers are `{}`, not uint16 (<u2) or uint32 (<u4)",
                shown(other)
            ));
        }
        None => return Err("its header names no type".to_owned()),
    };
    let shape = header
        .split("'shape'")
        .nth(1)
        .and_then(|rest| rest.split(['(', ')']).nth(1))
        .unwrap_or_default();
    // Python 2 wrote long integers with an L at the end.
    let sizes: Vec<&str> = shape
        .split(',')
        .map(|size| size.trim().trim_end_matches('L'))
        .filter(|size| !size.is_empty())
        .collect();
    match sizes[..] {
        [size] if size.bytes().all(|digit| digit.is_ascii_digit()) => {
            ids_of(bytes, from + length, size.parse().ok(), width)
        }
        _ => Err(format!("its shape is ({}), not one row of ids", shown(shape))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy_file(header: &str, ids: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(ids);
        bytes
    }

    #[test]
    fn the_layouts_of_nanogpt_llm_c_and_numpy_are_told_apart() {
        assert_eq!(layout(&[1, 0, 2, 0]).unwrap(), Layout { start: 0, end: 4, width: Width::Two });
        for (magic, version, width) in [(LLM_C_GPT2, 1, Width::Two), (LLM_C_LLAMA3, 7, Width::Four)]
        {
            let mut bytes: Vec<u8> =
                [magic, version, 3].iter().flat_map(|x: &u32| x.to_le_bytes()).collect();
            bytes.resize(LLM_C_HEADER + 3 * width.bytes(), 0);
            let expected = Layout { start: 1024, end: bytes.len(), width };
            assert_eq!(layout(&bytes).unwrap(), expected);
            bytes.pop();
            assert_eq!(layout(&bytes).unwrap_err(), "its header promises 3 ids and it has 2");
        }
        let file = npy_file("{'descr': '<u4', 'fortran_order': False, 'shape': (2,), }\n", &[0; 8]);
        let found = layout(&file).unwrap();
        assert_eq!((found.end - found.start, found.width), (8, Width::Four));
    }

    #[test]
    fn numbers_that_are_no_ids_are_refused() {
        let refusal = |header: &str| layout(&npy_file(header, &[])).unwrap_err();
        assert_eq!(
            refusal("{'descr': '<f4', 'shape': (0,)}"),
            "its numbers are `<f4`, not uint16 (<u2) or uint32 (<u4)"
        );
        assert_eq!(
            refusal("{'descr': '<u2', 'shape': (2, 3)}"),
            "its shape is (2, 3), not one row of ids"
        );
        assert!(layout(b"abc").unwrap_err().starts_with("an odd number"));
    }

    #[test]
    fn a_shape_that_the_file_does_not_bear_out_is_refused() {
        let refusal = |shape: &str, ids: usize| {
            let header =
                format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({shape}), }}");
            layout(&npy_file(&header, &vec![0; 2 * ids])).unwrap_err()
        };
        // Two bytes times the second of these numbers overflows to 100 in 64 bits.
        for huge in ["9223372036854775807,", "9223372036854775858,", "4611686018427387954,"] {
            let count = huge.trim_end_matches(',');
            assert_eq!(
                refusal(huge, 200),
                format!("its header promises {count} ids and it has 200")
            );
        }
        assert_eq!(
            refusal("99999999999999999999999,", 3),
            "its header promises more ids than can be counted and it has 3"
        );
        assert_eq!(refusal("50,", 200), "its header promises 50 ids and it has 200");
        assert_eq!(refusal("-1,", 2), "its shape is (-1,), not one row of ids");
        assert_eq!(refusal("2, x", 2), "its shape is (2, x), not one row of ids");
        let mut llm: Vec<u8> =
            [LLM_C_GPT2, 1, u32::MAX].iter().flat_map(|x| x.to_le_bytes()).collect();
        llm.resize(LLM_C_HEADER + 4, 0);
        assert_eq!(layout(&llm).unwrap_err(), "its header promises 4294967295 ids and it has 2");
    }

    #[test]
    fn a_packed_token_file_is_not_read_as_ids() {
        let refusal = layout(b"\x1f\x8b\x08\0\0\0").unwrap_err();
        assert_eq!(refusal, "it is packed with gzip; unpack it with `gunzip -k`");
    }
}
