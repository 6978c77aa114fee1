//! Parses whole numbers of a sweep file.

use crate::error::Problem;
use crate::spec::Quantity;
use toml::Spanned;

/// A positive whole number; `what` names it in the error.
pub(super) fn whole(given: &Spanned<Quantity>, what: &str) -> Result<u64, Problem> {
    let value = given.get_ref().value;
    match value >= 1.0 && value.fract() == 0.0 && value < 2f64.powi(53) {
        true => Ok(value as u64),
        false => {
            Err(Problem::new(given.span(), format!("{value} is not a whole number of {what}")))
        }
    }
}
