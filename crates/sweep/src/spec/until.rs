//! Parses `until = { n_exponent = 0.03 }`: how well a quantity is to be known at the end.

use isoflop_core::ChinchillaLaw;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A quantity of the law L(N, D), and the full width that its interval is to have.
#[derive(Clone, Debug, PartialEq)]
pub struct UntilSpec {
    /// One of [`ChinchillaLaw::EXPONENTS`].
    pub target: String,
    /// Full width of its 90 % interval.
    pub width: f64,
}

impl<'de> Deserialize<'de> for UntilSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UntilVisitor)
    }
}

struct UntilVisitor;

impl<'de> Visitor<'de> for UntilVisitor {
    type Value = UntilSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity with the width of its interval, such as { n_exponent = 0.03 }")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<UntilSpec, M::Error> {
        let Some(target) = map.next_key::<String>()? else {
            return Err(M::Error::custom("no quantity is named: write { n_exponent = 0.03 }"));
        };
        let known = ChinchillaLaw::EXPONENTS;
        if !known.contains(&target.as_str()) {
            let message = format!(
                "`{target}` is no quantity that `until` knows: there are {}",
                known.join(", ")
            );
            return Err(M::Error::custom(message));
        }
        let width: f64 = map.next_value()?;
        if !(width > 0.0 && width.is_finite()) {
            return Err(M::Error::custom(format!(
                "{width} is no width of an interval: give a number above 0, such as 0.03"
            )));
        }
        match map.next_entry::<String, IgnoredAny>()? {
            None => Ok(UntilSpec { target, width }),
            Some(_) => Err(M::Error::custom("`until` has two quantities: keep one")),
        }
    }
}
