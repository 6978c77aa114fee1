//! A side of a comparison.

/// A series, and what turns its nats per token into the unit of the comparison.
pub(super) type Side<'a> = (&'a str, f64);
