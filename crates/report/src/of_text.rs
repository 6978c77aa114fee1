//! What statistics of a text say of its data exponent.

use isoflop_fit::from_text::{Correlated, Counted, FromText};
use isoflop_results::DataRecord;

/// The data exponent that a text forecasts; `None` where its correlations were not measured, as in files of
/// earlier versions.
pub fn of_text(record: &DataRecord) -> Option<FromText> {
    let correlations = record.correlations.as_ref()?;
    let correlated: Vec<Correlated> = correlations
        .iter()
        .map(|found| Correlated {
            distance: found.distance as f64,
            strength: found.strength,
            standard_error: found.standard_error,
        })
        .collect();
    let counted: Vec<Counted> = record
        .references
        .iter()
        .filter_map(|reference| {
            let tokens = reference.train_tokens? as f64;
            let context = reference.order()?.checked_sub(1)?;
            Some(Counted { context, tokens, loss: reference.test_loss })
        })
        .collect();
    Some(FromText::of(&counted, &correlated))
}
