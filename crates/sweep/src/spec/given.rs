//! Values of options of `[model]` as people write them.

use isoflop_model::Ratio;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// `64`, or `"full"` for all tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenWindow {
    /// All tokens up to itself.
    Full,
    /// So many.
    Tokens(usize),
}

/// `32`, or `{ block = 32, columns = 4 }`; an eighth of the block unless given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenFixed {
    /// Tokens of a block.
    pub block: usize,
    /// Last tokens of a block that later blocks attend to.
    pub columns: usize,
}

/// `4`, `2.5` or `"8/3"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GivenRatio(pub Ratio);

impl<'de> Deserialize<'de> for GivenWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Window;
        impl Visitor<'_> for Window {
            type Value = GivenWindow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of tokens, such as 64, or \"full\"")
            }

            fn visit_i64<E: Error>(self, tokens: i64) -> Result<GivenWindow, E> {
                match usize::try_from(tokens) {
                    Ok(tokens) => Ok(GivenWindow::Tokens(tokens)),
                    Err(_) => {
                        Err(E::custom(format!("a window of {tokens} tokens is not possible")))
                    }
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<GivenWindow, E> {
                match text {
                    "full" => Ok(GivenWindow::Full),
                    _ => Err(E::custom(format!(
                        "`{text}` is no window: give a number of tokens, or \"full\""
                    ))),
                }
            }
        }
        deserializer.deserialize_any(Window)
    }
}

impl<'de> Deserialize<'de> for GivenFixed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            block: usize,
            columns: Option<usize>,
        }
        struct Fixed;
        impl<'de> Visitor<'de> for Fixed {
            type Value = GivenFixed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tokens of a block, such as 32, or { block = 32, columns = 4 }")
            }

            fn visit_i64<E: Error>(self, block: i64) -> Result<GivenFixed, E> {
                match usize::try_from(block) {
                    Ok(block) => Ok(GivenFixed { block, columns: (block / 8).max(1) }),
                    Err(_) => Err(E::custom(format!("a block of {block} tokens is not possible"))),
                }
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<GivenFixed, M::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                let columns = table.columns.unwrap_or((table.block / 8).max(1));
                Ok(GivenFixed { block: table.block, columns })
            }
        }
        deserializer.deserialize_any(Fixed)
    }
}

impl<'de> Deserialize<'de> for GivenRatio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;
        impl Visitor<'_> for Given {
            type Value = GivenRatio;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number such as 4 or 2.5, or a fraction such as \"8/3\"")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<GivenRatio, E> {
                Ratio::try_from(value).map(GivenRatio).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<GivenRatio, E> {
                self.visit_f64(value as f64)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<GivenRatio, E> {
                let number = |text: &str| text.trim().parse::<f64>().ok();
                let value = match text.split_once('/') {
                    Some((over, under)) => number(over).zip(number(under)).map(|(a, b)| a / b),
                    None => number(text),
                };
                match value {
                    Some(value) => self.visit_f64(value),
                    None => Err(E::custom(format!(
                        "`{text}` is no ratio: give a number such as 4, or a fraction such as \"8/3\""
                    ))),
                }
            }
        }
        deserializer.deserialize_any(Given)
    }
}
