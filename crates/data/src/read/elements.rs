//! Reads the elements of a JSON array one at a time, however long the array is.

use std::io::{self, BufRead};

/// The source text of one element.
pub(super) struct Element<'e> {
    /// Line on which the element begins, from 1.
    pub(super) line: u64,
    pub(super) json: &'e [u8],
}

/// Position of the reader within the array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// Before the first element, which may be missing.
    First,
    Next,
    End,
}

pub(super) struct Elements<R> {
    reader: R,
    at: At,
    line: u64,
    element: Vec<u8>,
}

/// State of scanning an element: its open brackets and whether a string is open.
#[derive(Default)]
struct Nesting {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    /// Takes the next byte and returns whether the element ended before it.
    fn ends(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'[' | b'{' => self.depth = self.depth.saturating_add(1),
            b']' | b'}' | b',' if self.depth == 0 => return true,
            b']' | b'}' => self.depth -= 1,
            _ => {}
        }
        false
    }
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(reader: R) -> Self {
        Elements { reader, at: At::Start, line: 1, element: Vec::new() }
    }

    /// Number of the line that is being read, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next element; `None` after the last. The inner error says what is wrong; it is empty for
    /// an element of more than `limit` bytes.
    pub(super) fn next(&mut self, limit: usize) -> io::Result<Result<Option<Element<'_>>, String>> {
        let wrong = |what: &str| Ok(Err(format!("not a JSON array: {what}")));
        if self.at == At::Start {
            while self.peek()?.is_some_and(|byte| b"\xef\xbb\xbf".contains(&byte)) {
                self.reader.consume(1);
            }
            if self.skip_space()? != Some(b'[') {
                return wrong("it does not begin with `[`");
            }
            self.reader.consume(1);
            self.at = At::First;
        }
        let first = self.skip_space()?;
        match (self.at, first) {
            (At::First, Some(b']')) => {
                self.reader.consume(1);
                self.at = At::End;
            }
            (At::First | At::Next, None) => return wrong("it ends before its `]`"),
            _ => {}
        }
        if self.at == At::End {
            return match self.skip_space()? {
                None => Ok(Ok(None)),
                Some(_) => wrong("something follows its `]`"),
            };
        }
        let line = self.line;
        if !self.fill(limit)? {
            return Ok(Err(String::new()));
        }
        match self.peek()? {
            Some(b',') => self.at = At::Next,
            Some(b']') => self.at = At::End,
            Some(_) => return wrong("a `}` closes nothing"),
            None => return wrong("it ends within an element"),
        }
        self.reader.consume(1);
        if self.element.trim_ascii().is_empty() {
            return wrong("an element is missing between commas");
        }
        Ok(Ok(Some(Element { line, json: &self.element })))
    }

    /// Reads an element up to the byte that ends it; `false` where it is longer than the limit.
    fn fill(&mut self, limit: usize) -> io::Result<bool> {
        self.element.clear();
        let mut nesting = Nesting::default();
        loop {
            let bytes = self.reader.fill_buf()?;
            let end = bytes.iter().position(|&byte| nesting.ends(byte));
            let taken = &bytes[..end.unwrap_or(bytes.len())];
            self.element.extend_from_slice(taken);
            self.line += taken.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let count = taken.len();
            let done = end.is_some() || bytes.is_empty();
            self.reader.consume(count);
            if self.element.len() > limit {
                return Ok(false);
            }
            if done {
                return Ok(true);
            }
        }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    /// The next byte that is not white space; it stays unread.
    fn skip_space(&mut self) -> io::Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.line += u64::from(byte == b'\n');
            self.reader.consume(1);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::io::BufReader;

    fn all(text: &str, buffer: usize) -> Result<Vec<(u64, String)>, String> {
        let mut elements = Elements::new(BufReader::with_capacity(buffer, text.as_bytes()));
        let mut found = Vec::new();
        while let Some(element) = elements.next(1 << 20).unwrap()? {
            let json = std::str::from_utf8(element.json).unwrap();
            found.push((element.line, json.to_owned()));
        }
        Ok(found)
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            "[a-z\\[\\]{},\"\\\\\n]{0,9}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn elements_are_those_that_a_parser_of_the_whole_finds(
            values in prop::collection::vec(value(), 0..6), pretty: bool, buffer in 1usize..40,
        ) {
            let text = match pretty {
                true => serde_json::to_string_pretty(&values),
                false => serde_json::to_string(&values),
            };
            let found = all(&text.unwrap(), buffer).unwrap();
            let read: Vec<Value> = found.iter().map(|(_, json)| serde_json::from_str(json).unwrap()).collect();
            prop_assert_eq!(read, values);
        }
    }

    #[test]
    fn lines_are_counted_and_what_is_no_array_is_said() {
        let found = all("\u{feff} [\n1,\n {\"a\":\n2} ]\n", 7).unwrap();
        let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3]);
        for (text, problem) in [
            ("{}", "it does not begin with `[`"),
            ("[1, 2", "it ends within an element"),
            ("[1,", "it ends before its `]`"),
            ("[1,,2]", "an element is missing between commas"),
            ("[1,]", "an element is missing between commas"),
            ("[1}", "a `}` closes nothing"),
            ("[1] [2]", "something follows its `]`"),
        ] {
            assert_eq!(all(text, 3).unwrap_err(), format!("not a JSON array: {problem}"));
        }
    }

    #[test]
    fn an_element_beyond_the_limit_is_not_held() {
        let text = format!("[1, \"{}\"]", "x".repeat(500));
        let mut elements = Elements::new(text.as_bytes());
        assert!(elements.next(100).unwrap().is_ok());
        assert_eq!(elements.next(100).unwrap().err(), Some(String::new()));
    }
}
