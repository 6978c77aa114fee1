//! One line of JSON lines: its keys as they stand, so that one that is there twice can be told.

use isoflop_core::text::shown_up_to;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Keys and values of an object in order.
pub(crate) struct Pairs(pub(crate) Vec<(String, Value)>);

impl Pairs {
    /// Reads a line.
    ///
    /// # Errors
    /// Why it is no JSON object.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            // The line is told by whoever knows the file.
            let text = text.replacen(" at line 1 column ", " at column ", 1);
            format!("not a JSON object: {}", shown_up_to(200, &text))
        })
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and values")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
