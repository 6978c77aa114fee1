//! Tables of JSON: an object a line or one behind another, an array of objects, an object of columns.

use super::build::{Builder, named_twice};
use super::flat::{Flat, problem};
use super::json_columns::{self, Whole};
use super::{Cell, How, Table};
use crate::error::ResultsError;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// Bytes of the longest line or object that is read as JSON.
const LONGEST: usize = 1 << 24;

/// Reads the text of a file.
///
/// # Errors
/// It is not JSON (with the line), a key is there twice, there are too many cells.
pub(super) fn json(path: &Path, bytes: &[u8], how: How) -> Result<Table, ResultsError> {
    let bytes = &*as_json(bytes);
    let start = bytes.trim_ascii_start();
    let first_line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let whole_line = serde_json::from_slice::<Flat>(first_line).is_ok();
    let several = start[first_line.len()..].iter().any(|byte| !byte.is_ascii_whitespace());
    let objects = Objects::new(path);
    match start.first() {
        Some(b'[') => objects.array(bytes, how),
        Some(b'{') if !(whole_line && several) && bytes.len() <= LONGEST => {
            match json_columns::of(path, bytes)? {
                Whole::Columns(columns) => Builder::new(path).of_columns(columns, how.decimal),
                Whole::Rows(rows) => objects.rows(rows, how),
                Whole::Row if whole_line => objects.lines(bytes, how),
                Whole::Row | Whole::Several => objects.stream(bytes, how),
            }
        }
        Some(b'{') if !whole_line && first_line.trim_ascii() == b"{" => objects.stream(bytes, how),
        _ => objects.lines(bytes, how),
    }
}

/// Numbers that Python writes and JSON does not have become texts; no line changes its place.
fn as_json(bytes: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let holds = |word: &&[u8]| bytes.windows(word.len()).any(|window| window == *word);
    if !WORDS[1..].iter().any(holds) {
        return Cow::Borrowed(bytes);
    }
    let (mut out, mut at) = (Vec::with_capacity(bytes.len() + 64), 0);
    let (mut in_text, mut escaped) = (false, false);
    while let Some(&byte) = bytes.get(at) {
        let word = WORDS.iter().find(|word| !in_text && bytes[at..].starts_with(word));
        if let Some(word) = word {
            out.push(b'"');
            out.extend_from_slice(word);
            out.push(b'"');
            at += word.len();
            continue;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            // A text ends with its line, also where a quote is missing.
            b'\n' => in_text = false,
            _ => {}
        }
        out.push(byte);
        at += 1;
    }
    Cow::Owned(out)
}

/// A table that objects are put into.
struct Objects {
    table: Builder,
    places: HashMap<String, usize>,
}

impl Objects {
    fn new(path: &Path) -> Self {
        Objects { table: Builder::new(path), places: HashMap::new() }
    }

    /// An object a line.
    fn lines(mut self, bytes: &[u8], how: How) -> Result<Table, ResultsError> {
        for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let line = index as u64 + 1;
            if text.len() > LONGEST {
                return Err(ResultsError::TooLarge {
                    path: self.table.path().to_owned(),
                    problem: format!("a line of {} MB (line {line})", text.len() >> 20),
                });
            }
            let flat = serde_json::from_slice(text);
            let flat = flat.map_err(|error| self.malformed(line, problem(&error)))?;
            self.push(line, flat)?;
        }
        Ok(self.table.finished(how.decimal))
    }

    /// Rows that were taken apart, by their number.
    fn rows(mut self, rows: Vec<Flat>, how: How) -> Result<Table, ResultsError> {
        for (i, row) in rows.into_iter().enumerate() {
            self.push(i as u64 + 1, row)?;
        }
        Ok(self.table.finished(how.decimal))
    }

    /// Objects with white space between, which may stand on several lines.
    fn stream(mut self, bytes: &[u8], how: How) -> Result<Table, ResultsError> {
        let mut text = Text { bytes, at: 0, line: 1 };
        while text.peek().is_some() {
            self.next(&mut text)?;
        }
        Ok(self.table.finished(how.decimal))
    }

    /// An array of objects.
    fn array(mut self, bytes: &[u8], how: How) -> Result<Table, ResultsError> {
        let mut text = Text { bytes, at: 0, line: 1 };
        text.peek();
        text.skip(1);
        if text.peek() == Some(b']') {
            return Ok(self.table.finished(how.decimal));
        }
        loop {
            self.next(&mut text)?;
            match text.peek() {
                Some(b',') => text.skip(1),
                Some(b']') => return Ok(self.table.finished(how.decimal)),
                _ => {
                    let problem = "neither a comma nor the end of the array follows an object";
                    return Err(self.malformed(text.line, problem.to_owned()));
                }
            }
            text.peek();
        }
    }

    fn next(&mut self, text: &mut Text) -> Result<(), ResultsError> {
        let line = text.line;
        let rest = &text.bytes[text.at..];
        let rest = &rest[..rest.len().min(LONGEST)];
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Flat>();
        match values.next() {
            Some(Ok(flat)) => {
                let taken = values.byte_offset();
                text.skip(taken);
                self.push(line, flat)
            }
            Some(Err(error)) => {
                let line = line + error.line().saturating_sub(1) as u64;
                Err(self.malformed(line, problem(&error)))
            }
            None => Err(self.malformed(line, "the text ends before an object".to_owned())),
        }
    }

    fn push(&mut self, line: u64, Flat(pairs): Flat) -> Result<(), ResultsError> {
        self.table.begin(line)?;
        // Columns in the order of the keys of this line.
        let mut order: HashMap<usize, usize> = HashMap::with_capacity(pairs.len());
        for (i, (name, cell)) in pairs.into_iter().enumerate() {
            let at = match self.places.get(&name) {
                Some(at) => *at,
                None => {
                    self.table.column(&name)?;
                    self.places.insert(name, self.table.names().len() - 1);
                    self.table.names().len() - 1
                }
            };
            if let Some(first) = order.insert(at, i) {
                let both = format!("values {} and {} of the line", first + 1, i + 1);
                let name = &self.table.names()[at];
                return Err(named_twice(self.table.path(), line, "key", name, &both));
            }
            let cell = match cell {
                Cell::Text(text) => self.table.heard(at, &text),
                other => other,
            };
            self.table.put(at, cell);
        }
        Ok(())
    }

    fn malformed(&self, line: u64, problem: String) -> ResultsError {
        ResultsError::MalformedLine { path: self.table.path().to_owned(), line, problem }
    }
}

/// A text and where reading stands in it.
struct Text<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u64,
}

impl Text<'_> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at)?.is_ascii_whitespace() {
            self.skip(1);
        }
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, bytes: usize) {
        let passed = &self.bytes[self.at..self.at + bytes];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at += bytes;
    }
}
