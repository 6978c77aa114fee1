//! Limits how much of a user's file is held in memory at a time.

use crate::error::DataError;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

/// All bytes of a file; `None` where it has more than `limit`.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, DataError> {
    let failed = |cause| DataError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let read = file.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(failed)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// Outcome of reading a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Read,
    /// The input has ended.
    End,
    /// The line has more bytes than the limit.
    TooLong,
}

/// Reads a line, including its line feed, into `buffer`, which is emptied first.
pub(super) fn next_line(
    reader: &mut dyn BufRead,
    limit: usize,
    line: &mut Vec<u8>,
) -> io::Result<Line> {
    line.clear();
    reader.take(limit as u64 + 1).read_until(b'\n', line)?;
    Ok(match line.len() {
        0 => Line::End,
        length if length > limit => Line::TooLong,
        _ => Line::Read,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_beyond_the_limit_is_not_held() {
        let mut reader: &[u8] = b"abc\n\nabcdefgh";
        let mut line = Vec::new();
        let mut next = |line: &mut Vec<u8>| next_line(&mut reader, 4, line).unwrap();
        assert_eq!((next(&mut line), line.as_slice()), (Line::Read, &b"abc\n"[..]));
        assert_eq!((next(&mut line), line.as_slice()), (Line::Read, &b"\n"[..]));
        assert_eq!((next(&mut line), line.len()), (Line::TooLong, 5));
        assert_eq!(next(&mut line), Line::Read);
        assert_eq!(next(&mut line), Line::End);
    }
}
