//! Parses `learning_rate`: a rule, a number, or a stage that searches the best rate.

use super::quantity::Quantity;
use isoflop_core::units::parse_quantity;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Peak learning rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Rate {
    /// Rate that the rule of [`crate::rules`] gives.
    #[default]
    Auto,
    /// Rate that the file gives.
    Given(f64),
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
struct Outer {
    tune: Inner,
}

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
        f.write_str("\"auto\", a positive number, or { tune = {} }")
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

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Rate, M::Error> {
        let Outer { tune } = Outer::deserialize(MapAccessDeserializer::new(map))?;
        let rates = tune.rates.unwrap_or(TuneSpec::RATES);
        if !(3..=MOST_RATES).contains(&rates) || rates % 2 == 0 {
            let message =
                "`rates` is odd and from 3 to 99: that of the rule, and as many on either side";
            return Err(M::Error::custom(message));
        }
        let factor = tune.factor.unwrap_or(TuneSpec::FACTOR);
        // The outermost rates must remain finite and positive.
        let reach = factor.powi((rates / 2) as i32);
        if !(factor > 1.0 && reach <= MOST_REACH) {
            let message = "`factor` leads from one rate to the next, is above 1, and must not lead beyond a \
                           millionth or a million times the rate of the rule";
            return Err(M::Error::custom(message));
        }
        Ok(Rate::Tune(TuneSpec { tokens: tune.tokens.map(|tokens| tokens.value), rates, factor }))
    }
}
