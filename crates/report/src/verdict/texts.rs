//! The data exponent of a text: what its statistics or its construction say, beside what the runs say.

use crate::of_text::of_text;
use crate::text::{fixed, with_interval};
use crate::view::View;
use isoflop_fit::output::Estimate;
use isoflop_results::DataRecord;

/// A sentence on the data exponent that a text forecasts or a language is known to have, beside beta of
/// L(N, D); nothing where neither is known.
pub(super) fn exponent(view: &View<'_>, series: &str) -> Option<String> {
    let texts = view.texts();
    let mut of_series = texts.iter().filter(|text| text.series == series || text.series.is_empty());
    let record = of_series.next()?.record;
    let said = said(record)?;
    let mut fits = view.report.fits.fits.iter();
    let fit = fits.find(|fit| fit.law == "chinchilla" && fit.series == series);
    let beta = fit.and_then(|fit| fit.parameters.get("beta")).and_then(Estimate::licensed);
    let fitted = match beta {
        Some(beta) => format!("L(N, D) has \u{3b2} = {}", with_interval(beta.get())),
        None => "the runs do not identify \u{3b2} of L(N, D)".to_owned(),
    };
    Some(format!("{said}; {fitted}."))
}

/// What is known of the exponent without a model.
fn said(record: &DataRecord) -> Option<String> {
    if let Some(beta) = record.exponents.and_then(|known| known.beta) {
        return Some(format!(
            "The construction of the language gives a data exponent of {} while much of it is unseen",
            fixed(beta, 3)
        ));
    }
    let found = of_text(record)?.data_exponent()?;
    Some(format!("The text alone forecasts a data exponent of {}", with_interval(&found)))
}
