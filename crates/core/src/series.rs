//! A series: the combination of axis values that a run belongs to.

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// Axis and value of every axis of a sweep file, in the order of that file; empty without axes.
///
/// As text (which it derefs to) it is `key=value, key=value`. A value that could be taken for more than
/// one pair stands in quotes there. It serializes as that text, and is read from text or from a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    label: String,
    pairs: Vec<(String, String)>,
}

impl Series {
    /// The series of these axes and values.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        let words = pairs.iter().map(|(key, value)| match is_plain(value) {
            true => format!("{key}={value}"),
            false => format!("{key}={}", quoted(value)),
        });
        Series { label: words.collect::<Vec<_>>().join(", "), pairs }
    }

    /// Reads `key=value, key=value`; text of another form is a name without axes.
    pub fn parse(label: &str) -> Self {
        Series { label: label.to_owned(), pairs: pairs(label).unwrap_or_default() }
    }

    /// `key=value, key=value`, or the empty text without axes.
    pub fn as_str(&self) -> &str {
        &self.label
    }

    /// Axes and their values, in the order of the sweep file.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// What serializes as a map from axis to value, in the order of the sweep file.
    pub fn as_map(&self) -> impl Serialize + '_ {
        Map(self)
    }

    /// The value of an axis.
    pub fn value(&self, axis: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(key, _)| key == axis)?;
        Some(&pair.1)
    }

    /// The series without an axis.
    #[must_use]
    pub fn without(&self, axis: &str) -> Self {
        Series::new(self.pairs.iter().filter(|(key, _)| key != axis).cloned().collect())
    }

    /// The series with one more axis.
    #[must_use]
    pub fn with(&self, axis: &str, value: String) -> Self {
        let mut pairs = self.pairs.clone();
        pairs.push((axis.to_owned(), value));
        Series::new(pairs)
    }
}

/// Whether a value needs no quotes.
fn is_plain(value: &str) -> bool {
    !value.starts_with('"') && next_pair(value).is_none()
}

/// In double quotes, with a backslash before a quote and a backslash.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Where the next `, key=` begins.
fn next_pair(text: &str) -> Option<usize> {
    text.match_indices(", ").map(|(at, _)| at).find(|at| {
        let key = text[at + 2..].split_once('=').map(|(key, _)| key);
        key.is_some_and(is_key)
    })
}

fn is_key(key: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !key.is_empty() && key.chars().all(known)
}

fn pairs(label: &str) -> Option<Vec<(String, String)>> {
    let (mut rest, mut found) = (label, Vec::new());
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').filter(|(key, _)| is_key(key))?;
        let (value, left) = match after.strip_prefix('"') {
            Some(inside) => unquoted(inside)?,
            None => {
                let end = next_pair(after).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        found.push((key.to_owned(), value));
        rest = match left {
            "" => "",
            left => left.strip_prefix(", ")?,
        };
    }
    Some(found)
}

/// A value up to its closing quote, and what follows.
fn unquoted(inside: &str) -> Option<(String, &str)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in inside.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((value, &inside[at + 1..])),
            _ => {
                value.push(c);
                escaped = false;
            }
        }
    }
    None
}

impl Deref for Series {
    type Target = str;

    fn deref(&self) -> &str {
        &self.label
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.label)
    }
}

impl From<&str> for Series {
    fn from(label: &str) -> Self {
        Series::parse(label)
    }
}

impl PartialEq<str> for Series {
    fn eq(&self, label: &str) -> bool {
        self.label == label
    }
}

impl PartialEq<&str> for Series {
    fn eq(&self, label: &&str) -> bool {
        self.label == *label
    }
}

impl PartialEq<String> for Series {
    fn eq(&self, label: &String) -> bool {
        self.label == *label
    }
}

impl Serialize for Series {
    /// As text, which keeps the order of the axes wherever maps are sorted.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.label)
    }
}

/// A series as a map from axis to value.
struct Map<'a>(&'a Series);

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.pairs.len()))?;
        for (key, value) in &self.0.pairs {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Series;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from axis to value, or `key=value` pairs as text")
            }

            fn visit_str<E: de::Error>(self, label: &str) -> Result<Series, E> {
                Ok(Series::parse(label))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Series, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Series::new(pairs))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_of_earlier_versions_is_read() {
        let series = Series::parse("data.corpus=a, b.txt, train.learning_rate=0.01");
        assert_eq!(series.value("data.corpus"), Some("a, b.txt"));
        assert_eq!(series.value("train.learning_rate"), Some("0.01"));
        assert_eq!(series.without("data.corpus").as_str(), "train.learning_rate=0.01");
        assert_eq!(Series::parse("").pairs(), []);
        let name = Series::parse("my runs");
        assert_eq!((name.as_str(), name.pairs()), ("my runs", &[][..]));
    }

    #[test]
    fn plain_values_are_written_as_they_always_were() {
        let series = Series::default().with("a", "1".to_owned()).with("b", "x, y".to_owned());
        assert_eq!(series.as_str(), "a=1, b=x, y");
        let sly = Series::default().with("a", "1, b=2".to_owned());
        assert_eq!(sly.as_str(), "a=\"1, b=2\"");
    }

    proptest! {
        #[test]
        fn every_value_comes_back(values in proptest::collection::vec(".*", 0..4)) {
            let pairs: Vec<_> =
                values.into_iter().enumerate().map(|(k, v)| (format!("axis.k-{k}"), v)).collect();
            let series = Series::new(pairs);
            prop_assert_eq!(&Series::parse(series.as_str()), &series);
        }

        #[test]
        fn commas_equals_signs_and_quotes_come_back(values in proptest::collection::vec("[a=\", \\\\]{0,9}", 1..4)) {
            let pairs: Vec<_> =
                values.into_iter().enumerate().map(|(k, v)| (format!("k{k}"), v)).collect();
            let series = Series::new(pairs);
            prop_assert_eq!(&Series::parse(series.as_str()), &series);
        }
    }
}
