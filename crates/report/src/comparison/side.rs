//! One side of a comparison.

/// A series, and the factor from its nats per token to the unit of the comparison.
pub(crate) type Side<'a> = (&'a str, f64);
