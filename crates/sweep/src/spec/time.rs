//! Parses `time = "8h"`, which asks for the largest isoFLOP grid that fits into a time.

use isoflop_core::units::parse_duration;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// How long a sweep may take, and the form of its grid: the number of budgets and the factor
/// between them.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeSpec {
    /// Time that is allowed, in seconds.
    pub limit: f64,
    /// Time as written.
    pub text: String,
    /// Number of compute budgets.
    pub budgets: u32,
    /// Factor from one budget to the next.
    pub factor: f64,
}

/// Default number of budgets, which is enough for a law with an interval.
const BUDGETS: u32 = 4;

/// Maximum number of budgets.
const MOST_BUDGETS: u32 = 100;

/// Maximum factor between the largest budget and the smallest.
const MOST_REACH: f64 = 1e12;

/// Default factor from one budget to the next: half a decade.
const FACTOR: f64 = 3.162_277_660_168_379_5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    limit: Limit,
    budgets: Option<u32>,
    factor: Option<f64>,
}

struct Limit(f64, String);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let seconds = parse_duration(&text).map_err(D::Error::custom)?;
        Ok(Limit(seconds, text))
    }
}

impl<'de> Deserialize<'de> for TimeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = TimeSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"8h\", or { limit = \"8h\", budgets = 4, factor = 3.16 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TimeSpec, E> {
        Ok(TimeSpec {
            limit: parse_duration(text).map_err(E::custom)?,
            text: text.to_owned(),
            budgets: BUDGETS,
            factor: FACTOR,
        })
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<TimeSpec, M::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        let (budgets, factor) = (table.budgets.unwrap_or(BUDGETS), table.factor.unwrap_or(FACTOR));
        if !(1..=MOST_BUDGETS).contains(&budgets) {
            return Err(M::Error::custom("`budgets` is from 1 to 100"));
        }
        if !(factor > 1.0 && factor.powi(budgets as i32 - 1) <= MOST_REACH) {
            return Err(M::Error::custom(
                "`factor` leads from one budget to the next, is above 1, and must not lead beyond 1e12 \
                 times the smallest",
            ));
        }
        Ok(TimeSpec { limit: table.limit.0, text: table.limit.1, budgets, factor })
    }
}
