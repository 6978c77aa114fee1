//! Takes the text out of one JSON value without building the rest.

use isoflop_core::text::{listed, shown};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Maximum number of keys that a message names.
const KEYS: usize = 64;

/// The text found in a value, or a null in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Picked {
    Text(String),
    Null,
}

/// The text of a value that is a string itself, or has one in `field`. `a.b` is a path of keys,
/// unless the object has the key `a.b` itself.
pub(super) fn pick(json: &[u8], field: &str) -> Result<Picked, String> {
    let path: Vec<&str> = field.split('.').collect();
    let mut keys = Vec::new();
    let seek = Seek { whole: Some(field), path: &path, keys: Some(&mut keys) };
    let mut value = serde_json::Deserializer::from_slice(json);
    let found = seek
        .deserialize(&mut value)
        .and_then(|found| value.end().map(|()| found))
        .map_err(|error| not_json(json, &error))?;
    match found {
        Found::Text(text) => Ok(Picked::Text(text)),
        Found::Null => Ok(Picked::Null),
        Found::Kind(kind, true) => Err(format!("{kind}, neither a text nor an object")),
        Found::Kind(kind, false) => Err(format!("`{}` is {kind}, not a text", shown(field))),
        Found::Missing => {
            keys.sort();
            Err(format!("no field `{}`; it has {}", shown(field), listed(&keys)))
        }
    }
}

fn not_json(json: &[u8], error: &serde_json::Error) -> String {
    let said = error.to_string();
    // The value is one line, so the line number says nothing.
    let said = said.replace(" at line 1 column", " at column");
    match error.is_eof() && json.trim_ascii_start().starts_with(b"{") {
        true => format!("not JSON: {said}; a line holds a whole object, as `jq -c` writes it"),
        false => format!("not JSON: {said}"),
    }
}

enum Found {
    Text(String),
    Null,
    /// A value that is not a string: what it is, and whether it is the whole value.
    Kind(&'static str, bool),
    Missing,
}

/// Looks for a text: the value itself where the path is empty, else the value under the path.
struct Seek<'s> {
    /// The whole path as one key; given only at the top.
    whole: Option<&'s str>,
    path: &'s [&'s str],
    /// Keys seen at the top, to be named in a message.
    keys: Option<&'s mut Vec<String>>,
}

impl Seek<'_> {
    fn other<E>(&self, kind: &'static str) -> Result<Found, E> {
        Ok(match (self.whole, self.path) {
            (Some(_), _) => Found::Kind(kind, true),
            (None, []) => Found::Kind(kind, false),
            _ => Found::Missing,
        })
    }

    fn text(&self, text: String) -> Found {
        match self.whole.is_some() || self.path.is_empty() {
            true => Found::Text(text),
            false => Found::Missing,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Found, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        self.other("a boolean")
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        self.other("a number")
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        self.other("a number")
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        self.other("a number")
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        match self.whole.is_some() || self.path.is_empty() {
            true => Ok(Found::Null),
            false => Ok(Found::Missing),
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(self.text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Found, E> {
        Ok(self.text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Found, A::Error> {
        while all.next_element::<IgnoredAny>()?.is_some() {}
        self.other("a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Found, A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.other("an object");
        };
        // If a key occurs twice, the last one counts.
        let (mut whole, mut under) = (None, Found::Missing);
        while let Some(key) = map.next_key::<String>()? {
            let seek = |path| Seek { whole: None, path, keys: None };
            if self.whole == Some(key.as_str()) {
                whole = Some(map.next_value_seed(seek(&[]))?);
            } else if key == *first {
                under = map.next_value_seed(seek(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if let Some(keys) = &mut self.keys
                && keys.len() < KEYS
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        Ok(whole.unwrap_or(under))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str, field: &str) -> String {
        match pick(json.as_bytes(), field).unwrap() {
            Picked::Text(text) => text,
            Picked::Null => panic!("{json} gives null"),
        }
    }

    #[test]
    fn a_field_is_found_by_its_name_or_path() {
        assert_eq!(text(r#"{"text": "a\u00e9\n"}"#, "text"), "aé\n");
        assert_eq!(text(r#"{"a": {"b": "x"}}"#, "a.b"), "x");
        assert_eq!(text(r#"{"a.b": "y", "a": {"b": "x"}}"#, "a.b"), "y");
        assert_eq!(text(r#"{"text": "x", "text": "y"}"#, "text"), "y");
        assert_eq!(text(r#"{"n": 1e999, "text": "x"}"#, "text"), "x");
        assert_eq!(text(r#""a text itself""#, "text"), "a text itself");
        assert_eq!(pick(br#"{"text": null}"#, "text"), Ok(Picked::Null));
        assert_eq!(pick(b"null", "text"), Ok(Picked::Null));
    }

    #[test]
    fn a_line_without_the_text_is_told_apart() {
        let problem = |line: &str| pick(line.as_bytes(), "text").unwrap_err();
        assert_eq!(problem(r#"{"id": 1, "body": "x"}"#), "no field `text`; it has body, id");
        assert_eq!(problem(r#"{"text": 3}"#), "`text` is a number, not a text");
        assert_eq!(problem(r#"{"text": {"a": 1}}"#), "`text` is an object, not a text");
        assert_eq!(problem("[1]"), "a list, neither a text nor an object");
        assert!(problem("{").starts_with("not JSON: EOF"));
        assert!(problem("{").ends_with("as `jq -c` writes it"));
        assert!(problem("{\"text\": \"x\"} y").starts_with("not JSON: trailing"));
        let path = pick(br#"{"a": 3, "c": 1}"#, "a.b").unwrap_err();
        assert_eq!(path, "no field `a.b`; it has a, c");
    }
}
