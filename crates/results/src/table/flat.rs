//! A JSON object as a flat list: `{"config": {"n": 1}}` is `config.n`. Keys stand as they are written, so
//! that one that is there twice can be told; of what no cell can hold only the kind is kept.

use super::Cell;
use isoflop_core::text::shown_up_to;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// Values of an object, at most.
const MOST: usize = 10_000;

/// Paths and cells of an object in order.
#[derive(Debug, Default)]
pub(super) struct Flat(pub(super) Vec<(String, Cell)>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Flat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and values")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Flat, M::Error> {
                let mut flat = Flat::default();
                while let Some(key) = map.next_key::<String>()? {
                    map.next_value_seed(Under(&key, &mut flat))?;
                }
                Ok(flat)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The value under a path.
struct Under<'a>(&'a str, &'a mut Flat);

impl Under<'_> {
    fn put<E: Error>(self, cell: Cell) -> Result<(), E> {
        let Under(path, Flat(cells)) = self;
        if cells.len() == MOST {
            return Err(E::custom(format_args!("more than {MOST} values")));
        }
        cells.push((path.to_owned(), cell));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Under<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Under<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(Cell::Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(Cell::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(Cell::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(Cell::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.put(Cell::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(Cell::Missing)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.put(Cell::Text("a list of values".to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Under(path, flat) = self;
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Under(&format!("{path}.{key}"), flat))?;
        }
        Ok(())
    }
}

/// What is wrong with a text that should hold an object, for whoever tells the line.
pub(super) fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column ", error.line());
    let text = text.replacen(&place, " at column ", 1);
    format!("not a JSON object: {}", shown_up_to(200, &text))
}
