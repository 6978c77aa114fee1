//! Reads text files. A file is one document; a file that is too large is read in pieces that end at
//! a line, and each piece is a document.

use super::OneFile;
use super::unpack::{Opened, open};
use crate::error::DataError;
use std::io::{BufRead, Read};

/// Bytes of a file above which it is read in pieces.
const LARGEST: u64 = 1 << 25;

/// Approximate bytes of such a piece.
const PIECE: u64 = 1 << 20;

pub(super) fn read(one: &mut OneFile) -> Result<bool, DataError> {
    let opened = open(one)?;
    parse(one, opened)
}

pub(super) fn parse(one: &mut OneFile, opened: Opened) -> Result<bool, DataError> {
    read_pieces(one, opened, LARGEST, PIECE)
}

fn read_pieces(
    one: &mut OneFile,
    mut opened: Opened,
    largest: u64,
    piece: u64,
) -> Result<bool, DataError> {
    let failed = opened.failed();
    let count = opened.count.clone();
    let reader = &mut opened.reader;
    let mut bytes = Vec::new();
    let read = |reader: &mut dyn BufRead, limit, bytes: &mut Vec<u8>| {
        reader.take(limit).read_to_end(bytes)
    };
    read(reader, largest + 1, &mut bytes).map_err(&failed)?;
    if bytes.len() as u64 <= largest {
        (one.step)(count.bytes());
        return one.give(0, bytes);
    }
    let mut place = 0;
    loop {
        // Fewer bytes than a piece are left only at the end of the file.
        let have = bytes.len() as u64;
        if have < 2 * piece {
            read(reader, 2 * piece - have, &mut bytes).map_err(&failed)?;
        }
        if bytes.is_empty() {
            return Ok(true);
        }
        let rest = match bytes.len() as u64 >= 2 * piece {
            true => bytes.split_off(end_of_piece(&bytes, piece as usize)),
            false => Vec::new(),
        };
        place += 1;
        if !one.give(place, std::mem::replace(&mut bytes, rest))? {
            return Ok(false);
        }
        (one.step)(count.bytes());
    }
}

/// End of a piece: just after the first line feed from `aim` on or, without one, before the first
/// character that begins there.
fn end_of_piece(bytes: &[u8], aim: usize) -> usize {
    let line = bytes[aim..].iter().position(|&byte| byte == b'\n');
    line.map_or_else(
        || (aim..bytes.len()).find(|&at| bytes[at] & 0xc0 != 0x80).unwrap_or(bytes.len()),
        |line| aim + line + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_end_at_lines_or_characters(text in "[a-zé世\n]{8,200}", piece in 1usize..8) {
            let mut rest = text.as_bytes();
            let mut whole = Vec::new();
            while rest.len() >= 2 * piece {
                let end = end_of_piece(rest, piece);
                prop_assert!(end >= piece);
                prop_assert!(std::str::from_utf8(&rest[..end]).is_ok());
                whole.extend_from_slice(&rest[..end]);
                rest = &rest[end..];
            }
            whole.extend_from_slice(rest);
            prop_assert_eq!(whole, text.as_bytes());
        }
    }
}
