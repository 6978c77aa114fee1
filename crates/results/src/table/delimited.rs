//! Tables of text: fields between commas, semicolons, tabs, bars or spaces, names in the first line.

use super::build::Builder;
use super::numbers::{Decimal, number};
use super::sniff::{Separator, separator};
use super::{How, Table};
use crate::error::ResultsError;
use ::csv::{ByteRecord, ReaderBuilder};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// Lines of trouble that an error shows.
const MOST_SHOWN: usize = 8;

/// Reads the text of a file.
///
/// # Errors
/// A column named twice, rows with more fields than names, too many cells.
pub(super) fn delimited(path: &Path, bytes: &[u8], how: How) -> Result<Table, ResultsError> {
    let start = Start::of(bytes);
    let separator = start.separator.unwrap_or_else(|| separator(start.rest(bytes)));
    let rest: Cow<[u8]> = match separator {
        Separator::Byte(_) => Cow::Borrowed(start.rest(bytes)),
        Separator::Spaces => Cow::Owned(words_between_tabs(start.rest(bytes), 0)),
        Separator::SpacesAfterNames => Cow::Owned(words_between_tabs(start.rest(bytes), 1)),
    };
    let mut reader = ReaderBuilder::new()
        .delimiter(separator.byte())
        .comment(Some(b'#'))
        .flexible(true)
        .has_headers(false)
        .from_reader(&rest[..]);
    let mut lines = Lines::from(&rest, start.line);
    let mut table = Builder::new(path);
    let mut names: Option<Vec<String>> = None;
    let (mut blank, mut again) = (0, 0);
    let mut trouble = Trouble::default();
    let mut record = ByteRecord::new();
    loop {
        let read = reader.read_byte_record(&mut record);
        match read {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(start.line, |at| lines.at(at.byte()));
                return Err(malformed(path, line, error.to_string()));
            }
        }
        let line = lines.at(record.position().map_or(0, ::csv::Position::byte));
        let fields: Vec<Cow<str>> = record.iter().map(String::from_utf8_lossy).collect();
        let fields: Vec<&str> = fields.iter().map(|field| field.trim()).collect();
        if fields.iter().all(|field| field.is_empty()) {
            blank += usize::from(names.is_some());
            continue;
        }
        let Some(names) = &names else {
            let (found, is_row) = start.names(&fields, separator);
            for name in named_once(path, line, &found)? {
                table.column(name)?;
            }
            if is_row {
                table.row(line, &fields)?;
            }
            names = Some(found);
            continue;
        };
        let rule = fields.iter().all(|field| field.bytes().all(|b| matches!(b, b'-' | b':')));
        let same = fields.len() == names.len() && fields.iter().zip(names).all(|(a, b)| a == b);
        if rule {
            continue;
        }
        if same {
            again += 1;
            continue;
        }
        match fields.iter().skip(names.len()).any(|field| !field.is_empty()) {
            true => trouble.too_many(line, fields.len(), names.len()),
            false => table.row(line, &fields)?,
        }
    }
    trouble.none(path)?;
    let commented = lines.commented;
    table.note(commented, "comment line", "comment lines");
    table.note(blank, "blank row", "blank rows");
    table.note(again, "repeated line of names", "repeated lines of names");
    Ok(table.finished(how.decimal))
}

fn malformed(path: &Path, line: u64, problem: String) -> ResultsError {
    ResultsError::MalformedLine { path: path.to_owned(), line, problem }
}

/// Names as a table has them; those without letters are what spreadsheets leave behind the last one.
fn named_once<'n>(
    path: &Path,
    line: u64,
    names: &'n [String],
) -> Result<&'n [String], ResultsError> {
    let mut places = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        let first = places.insert(name, i);
        if let Some(first) = first.filter(|_| !name.is_empty()) {
            let places = format!("fields {} and {}", first + 1, i + 1);
            return Err(super::build::named_twice(path, line, "column", name, &places));
        }
    }
    Ok(names)
}

/// What comments above the names begin with.
const COMMENTS: [&[u8]; 3] = [b"#", b"%", b"//"];

/// Where the names stand.
#[derive(Default)]
struct Start<'b> {
    /// Bytes before them.
    at: usize,
    /// Their line, from 1.
    line: u64,
    /// The last comment above them.
    comment: Option<&'b [u8]>,
    separator: Option<Separator>,
}

impl<'b> Start<'b> {
    /// Behind comments, blank lines and the `sep=;` of a spreadsheet.
    fn of(bytes: &'b [u8]) -> Self {
        let mut start = Start { line: 1, ..Start::default() };
        while start.at < bytes.len() {
            let rest = &bytes[start.at..];
            let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let text = rest[..end.unwrap_or(rest.len())].trim_ascii();
            let comment = COMMENTS.iter().find(|mark| text.starts_with(mark));
            match (comment, text.strip_prefix(b"sep=")) {
                (Some(mark), _) => start.comment = Some(&text[mark.len()..]),
                (_, Some(&[byte])) => start.separator = Some(Separator::Byte(byte)),
                _ if text.is_empty() => {}
                _ => break,
            }
            let Some(end) = end else {
                start.at = bytes.len();
                break;
            };
            start.at += end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
            start.line += 1;
        }
        start
    }

    fn rest(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[self.at..]
    }

    /// The names of the columns, and whether the first fields are a row already: where a number is
    /// among them and the comment above has as many words, the comment names them.
    fn names(&self, fields: &[&str], separator: Separator) -> (Vec<String>, bool) {
        let numbers = fields.iter().any(|field| is_number(field));
        let comment = self.comment.filter(|_| numbers).map(String::from_utf8_lossy);
        if let Some(comment) = comment {
            let words: Vec<&str> = match separator {
                Separator::Byte(byte) => comment.split(char::from(byte)).map(str::trim).collect(),
                Separator::Spaces | Separator::SpacesAfterNames => {
                    comment.split_whitespace().collect()
                }
            };
            if words.len() == fields.len() {
                return (words.into_iter().map(str::to_owned).collect(), true);
            }
        }
        let mark = |name: &&str| name.trim_start_matches('\u{feff}').trim().to_owned();
        (fields.iter().map(mark).collect(), false)
    }
}

fn is_number(field: &str) -> bool {
    number(field, Decimal::Point).is_some() || number(field, Decimal::Comma).is_some()
}

/// Lines of a text by their place in it, as an editor counts them, asked for in ascending order.
struct Lines<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u64,
    /// Lines passed over that are comments.
    commented: usize,
}

impl<'b> Lines<'b> {
    fn from(bytes: &'b [u8], line: u64) -> Self {
        Lines { bytes, at: 0, line, commented: 0 }
    }

    /// The line of the record that a reader says begins at a byte: it may say so of the line breaks
    /// and comments before.
    fn at(&mut self, byte: u64) -> u64 {
        self.until((byte as usize).min(self.bytes.len()));
        loop {
            match self.bytes.get(self.at) {
                Some(b'\n' | b'\r') => self.until(self.at + 1),
                Some(b'#') => {
                    let rest = &self.bytes[self.at..];
                    let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
                    self.commented += 1;
                    self.until(self.at + end.unwrap_or(rest.len()));
                }
                _ => return self.line,
            }
        }
    }

    fn until(&mut self, end: usize) {
        while self.at < end {
            let pair = self.bytes[self.at..].starts_with(b"\r\n");
            let breaks = matches!(self.bytes[self.at], b'\n' | b'\r');
            self.line += u64::from(breaks);
            self.at += if pair { 2 } else { 1 };
        }
    }
}

/// Rows that do not fit under the names.
#[derive(Default)]
struct Trouble {
    lines: Vec<(u64, String)>,
    count: usize,
}

impl Trouble {
    fn too_many(&mut self, line: u64, fields: usize, names: usize) {
        self.count += 1;
        if self.lines.len() < MOST_SHOWN {
            let problem = format!("it has {fields} fields, and the first line names {names}");
            self.lines.push((line, problem));
        }
    }

    fn none(self, path: &Path) -> Result<(), ResultsError> {
        match self.lines.is_empty() {
            true => Ok(()),
            false => Err(ResultsError::Ragged {
                path: path.to_owned(),
                more: self.count - self.lines.len(),
                lines: self.lines,
            }),
        }
    }
}

/// Lines of words with a tab between the words, and so many before those of the first line.
fn words_between_tabs(bytes: &[u8], before_the_first: usize) -> Vec<u8> {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let end = if line.ends_with(b"\r") { &b"\r"[..] } else { b"" };
        let words = line.split(u8::is_ascii_whitespace);
        let words = words.filter(|word| !word.is_empty());
        let mut line = words.collect::<Vec<_>>().join(&b'\t');
        line.extend_from_slice(end);
        line
    });
    let mut text = vec![b'\t'; before_the_first];
    text.extend(lines.collect::<Vec<_>>().join(&b'\n'));
    text
}
