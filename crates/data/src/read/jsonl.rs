//! Reads JSON lines, where a line is a document, and JSON arrays, where an element is a document. A
//! document is a string, or an object that has the text in one field.

use super::OneFile;
use super::bounds::{Line, next_line};
use super::elements::Elements;
use super::pick::{Picked, pick};
use super::unpack::{Opened, open};
use crate::error::DataError;
use crate::limits::LONGEST_DOCUMENT;

const MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) fn read(one: &mut OneFile, field: &str) -> Result<bool, DataError> {
    let opened = open(one)?;
    parse(one, opened, field)
}

pub(super) fn parse(one: &mut OneFile, opened: Opened, field: &str) -> Result<bool, DataError> {
    let head = opened.head.strip_prefix(MARK).unwrap_or(&opened.head);
    match head.trim_ascii_start().first() {
        Some(b'[') => array(one, opened, field),
        _ => lines(one, opened, field),
    }
}

fn lines(one: &mut OneFile, mut opened: Opened, field: &str) -> Result<bool, DataError> {
    let failed = opened.failed();
    let mut line = Vec::new();
    for number in 1.. {
        match next_line(&mut opened.reader, LONGEST_DOCUMENT, &mut line).map_err(&failed)? {
            Line::End => break,
            Line::TooLong => return Err(one.too_long(number, "a line")),
            Line::Read => {}
        }
        // Files that were concatenated keep their byte order marks at the start of lines.
        let text = line.strip_prefix(MARK).unwrap_or(&line);
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if !give(one, number, number, text, field)? {
            return Ok(false);
        }
        if number % 64 == 0 {
            (one.step)(opened.count.bytes());
        }
    }
    (one.step)(opened.count.bytes());
    Ok(true)
}

fn array(one: &mut OneFile, opened: Opened, field: &str) -> Result<bool, DataError> {
    let failed = opened.failed();
    let mut elements = Elements::new(opened.reader);
    for number in 1.. {
        let element = match elements.next(LONGEST_DOCUMENT).map_err(&failed)? {
            Ok(Some(element)) => element,
            Ok(None) => break,
            Err(problem) if problem.is_empty() => {
                return Err(one.too_long(elements.line(), "an element"));
            }
            Err(problem) => return Err(bad(one, elements.line(), problem)),
        };
        let (line, element) = (element.line, element.json);
        if !give(one, number, line, element, field)? {
            return Ok(false);
        }
        if number % 64 == 0 {
            (one.step)(opened.count.bytes());
        }
    }
    (one.step)(opened.count.bytes());
    Ok(true)
}

/// Hands over the text of the JSON value on a line; a null counts as a document without text.
fn give(
    one: &mut OneFile,
    place: u64,
    line: u64,
    json: &[u8],
    field: &str,
) -> Result<bool, DataError> {
    match pick(json, field) {
        Ok(Picked::Text(text)) => one.give(place, text.into_bytes()),
        Ok(Picked::Null) => {
            one.skipped.empty += 1;
            Ok(true)
        }
        Err(problem) => Err(bad(one, line, problem)),
    }
}

fn bad(one: &OneFile, line: u64, problem: String) -> DataError {
    DataError::BadLine { path: one.file.path.clone(), line, problem }
}
