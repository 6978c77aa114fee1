//! Parses `learning_rate`: a rule, a number, a number a size, or a stage that searches the best rate.

use super::quantity::{Quantity, Size};
use isoflop_core::units::parse_quantity;
use serde::de::value::StrDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Peak learning rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Rate {
    /// Rate that the rule of [`crate::rules`] gives.
    #[default]
    Auto,
    /// Rate that the file gives for every size.
    Given(f64),
    /// Rate that the file gives for each size: `{ "16x2x1" = 0.016, "64x4x4" = 0.002 }`.
    BySize(Vec<(Size, f64)>),
    /// Best rate of a stage of short runs, for every size.
    Tune(TuneSpec),
}

/// The value `{ tune = { tokens = "500k", rates = 5, factor = 2 } }`.
#[derive(Clone, Debug, PartialEq)]
pub struct TuneSpec {
    /// Training tokens of a trial; by default [`TuneSpec::STEPS`] steps.
    pub tokens: Option<f64>,
    /// Number of rates that are tried for each size, centred on that of the rule.
    pub rates: u32,
    /// Factor from one rate to the next.
    pub factor: f64,
}

impl TuneSpec {
    /// Default number of steps of a trial.
    pub const STEPS: u64 = 1000;
    const RATES: u32 = 5;
    const FACTOR: f64 = 2.0;
}

/// Maximum number of rates that are tried for a size.
const MOST_RATES: u32 = 99;

/// Maximum factor between the outermost rates and that of the rule.
const MOST_REACH: f64 = 1e6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    tokens: Option<Quantity>,
    rates: Option<u32>,
    factor: Option<f64>,
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl<'de> Visitor<'de> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "\"auto\", a positive number, a number for each size such as { \"64x4x4\" = 0.002 }, or { tune = {} }",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
        match text {
            "auto" => Ok(Rate::Auto),
            "tune" => Err(E::custom("a stage that looks for the rate is written `{ tune = {} }`")),
            _ => parse_quantity(text).map(Rate::Given).map_err(E::custom),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Rate, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Rate, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Rate, M::Error> {
        let mut by_size: Vec<(Size, f64)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "tune" {
                let tune = map.next_value::<Inner>()?.checked().map_err(M::Error::custom)?;
                return match by_size.is_empty() && map.next_entry::<String, IgnoredAny>()?.is_none()
                {
                    true => Ok(Rate::Tune(tune)),
                    false => {
                        Err(M::Error::custom("`tune` stands alone: it tries rates for every size"))
                    }
                };
            }
            let size = Size::deserialize(StrDeserializer::<M::Error>::new(&key)).map_err(|_| {
                let message = format!("`{key}` is neither `tune` nor a size such as 30k or 64x4x4");
                M::Error::custom(message)
            })?;
            if by_size.iter().any(|(known, _)| *known == size) {
                return Err(M::Error::custom(format!("the size `{key}` has two rates")));
            }
            by_size.push((size, map.next_value::<Quantity>()?.value));
        }
        match by_size.is_empty() {
            true => Err(M::Error::custom("no rate is given: write a number for each size")),
            false => Ok(Rate::BySize(by_size)),
        }
    }
}

impl Inner {
    fn checked(self) -> Result<TuneSpec, &'static str> {
        let rates = self.rates.unwrap_or(TuneSpec::RATES);
        if !(3..=MOST_RATES).contains(&rates) || rates.is_multiple_of(2) {
            return Err(
                "`rates` is odd and from 3 to 99: that of the rule, and as many on either side",
            );
        }
        let factor = self.factor.unwrap_or(TuneSpec::FACTOR);
        // The outermost rates must remain finite and positive.
        let reach = factor.powi((rates / 2) as i32);
        if !(factor > 1.0 && reach <= MOST_REACH) {
            return Err(
                "`factor` leads from one rate to the next, is above 1, and must not lead beyond a \
                        millionth or a million times the rate of the rule",
            );
        }
        Ok(TuneSpec { tokens: self.tokens.map(|tokens| tokens.value), rates, factor })
    }
}
