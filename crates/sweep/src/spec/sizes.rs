//! Parses `sizes`: sizes by name, or `"auto"` for those that the planner chooses.

use super::quantity::Size;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use toml::Spanned;

/// Sizes of models.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// Some about the expected optimum of each budget.
    Auto,
    /// Sizes that the file names.
    Named(Vec<Spanned<Size>>),
}

impl Sizes {
    /// Sizes that the file names.
    pub fn named(&self) -> &[Spanned<Size>] {
        match self {
            Sizes::Auto => &[],
            Sizes::Named(sizes) => sizes,
        }
    }
}

impl<'de> Deserialize<'de> for Sizes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizesVisitor)
    }
}

struct SizesVisitor;

impl<'de> Visitor<'de> for SizesVisitor {
    type Value = Sizes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sizes such as [\"3k\", \"64x4x4\"], or \"auto\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Sizes, E> {
        match text {
            "auto" => Ok(Sizes::Auto),
            _ => Err(E::custom(format!(
                "`{text}` is neither \"auto\" nor a list: write one size as [\"{text}\"]"
            ))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Sizes, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Sizes::Named)
    }
}
