//! Parses numbers as people write them (`30000`, `3e4`, `"30k"`), and sizes, which may also be
//! shapes.

use isoflop_core::Params;
use isoflop_core::units::{parse_quantity, short};
use isoflop_model::{ModelConfig, Shape, ShapeError};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A positive number, with the text that gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// Value of the quantity.
    pub value: f64,
    /// Text as written, for labels.
    pub text: String,
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a positive quantity such as 30000, 3e4 or \"30k\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::of_text(text)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Quantity, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Quantity, E> {
        Quantity::of_number(value)
    }
}

impl Quantity {
    pub(super) fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        let value = parse_quantity(text).map_err(E::custom)?;
        Ok(Quantity { value, text: text.trim().to_owned() })
    }

    pub(super) fn of_number<E: Error>(value: f64) -> Result<Self, E> {
        let value = parse_quantity(&value.to_string()).map_err(E::custom)?;
        Ok(Quantity { value, text: short(value) })
    }
}

/// Size of a model: a number of non-embedding parameters, or a shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Size {
    /// A number such as `"30k"`, which stands for the nearest rung of the ladder.
    Rung(Quantity),
    /// A shape such as `"64x4x4"` (width x layers x heads, of which the heads may be left out) or
    /// `{ d_model = 64, n_layers = 4, n_heads = 4 }`.
    Shape(GivenShape),
}

/// A shape as written, which is not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenShape {
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// Number of heads; by default the mixer's rule decides.
    pub n_heads: Option<usize>,
}

impl GivenShape {
    /// Parses `64x4x4` (width x layers x heads) or `64x4`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split('x').map(|part| part.trim().parse::<usize>().ok());
        match numbers.collect::<Option<Vec<usize>>>()?[..] {
            [d_model, n_layers] => Some(GivenShape { d_model, n_layers, n_heads: None }),
            [d_model, n_layers, heads] => {
                Some(GivenShape { d_model, n_layers, n_heads: Some(heads) })
            }
            _ => None,
        }
    }

    /// The checked shape, for a model that otherwise equals `like`, with heads of width `d_head` where
    /// neither the shape nor the mixer's rule is to give their number.
    ///
    /// # Errors
    /// The same as those of [`Shape::new`], or heads of width `d_head` do not divide the width.
    pub fn shape(&self, like: &ModelConfig, d_head: Option<usize>) -> Result<Shape, ShapeError> {
        let d_model = self.d_model;
        let heads = match (self.n_heads, d_head) {
            (Some(heads), _) => heads,
            (None, Some(d_head)) if d_head == 0 || !d_model.is_multiple_of(d_head) => {
                return Err(ShapeError::HeadWidth { d_model, d_head });
            }
            (None, Some(d_head)) => d_model / d_head,
            (None, None) => like.mixer.half().heads(d_model),
        };
        Shape::new(d_model, self.n_layers, heads)
    }
}

impl Size {
    /// Text as the size was written.
    pub fn label(&self) -> String {
        match self {
            Size::Rung(quantity) => quantity.text.clone(),
            Size::Shape(GivenShape { d_model, n_layers, n_heads }) => {
                let heads = n_heads.map_or(String::new(), |heads| format!("x{heads}"));
                format!("{d_model}x{n_layers}{heads}")
            }
        }
    }

    /// The shape that the size stands for in a model that otherwise equals `like`, with heads of width
    /// `d_head` where it is given.
    ///
    /// # Errors
    /// The size is below the ladder, or the heads do not divide the width.
    pub fn shape(&self, like: &ModelConfig, d_head: Option<usize>) -> Result<Shape, ShapeError> {
        match self {
            Size::Rung(quantity) => like.shape_with_heads(Params(quantity.value), d_head),
            Size::Shape(given) => given.shape(like, d_head),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a size such as \"30k\", \"64x4x4\" or { d_model = 64, n_layers = 4, n_heads = 4 }",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        match GivenShape::parse(text) {
            Some(given) => Ok(Size::Shape(given)),
            None => QuantityVisitor.visit_str(text).map(Size::Rung),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Size, E> {
        QuantityVisitor.visit_i64(value).map(Size::Rung)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Size, E> {
        QuantityVisitor.visit_f64(value).map(Size::Rung)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Size, M::Error> {
        GivenShape::deserialize(MapAccessDeserializer::new(map)).map(Size::Shape)
    }
}

/// Either `"auto"` or a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Auto<T> {
    /// Value that the rule of [`crate::rules`] gives.
    #[default]
    Auto,
    /// Value that the file gives.
    Given(T),
}

impl<'de> Deserialize<'de> for Auto<f64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AutoVisitor)
    }
}

struct AutoVisitor;

impl Visitor<'_> for AutoVisitor {
    type Value = Auto<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\" or a positive number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Auto<f64>, E> {
        match text {
            "auto" => Ok(Auto::Auto),
            _ => QuantityVisitor.visit_str(text).map(|quantity| Auto::Given(quantity.value)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Auto<f64>, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Auto<f64>, E> {
        QuantityVisitor.visit_f64(value).map(|quantity| Auto::Given(quantity.value))
    }
}
