//! The words of a comparison, a sentence a finding.

use super::measured::Factor;
use super::pairs::{EXPONENTS, Pair, pairs};
use crate::text::{clip, factor, three_digits, with_interval};
use crate::view::View;
use isoflop_fit::output::Estimate;

/// Sentences on every pair of series: measured factors first, then those of laws, then exponents.
pub(crate) fn sentences(view: &View<'_>) -> Vec<String> {
    let name = |series| clip(&view.series_name(series), 60);
    let mut out = Vec::new();
    let pairs = pairs(view);
    for pair in &pairs {
        let (base, other) = (name(pair.base), name(pair.other));
        out.extend(measured(pair, &base, &other));
        out.extend(by_law(pair, &base, &other));
        out.extend(exponent(pair, &base, &other));
    }
    if pairs.iter().any(|pair| pair.measured.is_some()) {
        out.push(
            "Measured factors are read off the best runs at each compute, with ln C linear in ln L between \
             them. Compute is exact and includes the head of each vocabulary."
                .to_owned(),
        );
    }
    out
}

fn measured(pair: &Pair<'_>, base: &str, other: &str) -> Option<String> {
    let unit = pair.unit();
    Some(match pair.measured.as_ref()? {
        Factor::Reached { trace, at_lowest, range } => {
            let (lowest, highest) = (trace.first()?.0, trace.last()?.0);
            let over = match highest > lowest {
                true => format!(
                    ", and between {} and {} times over the losses that both have reached, up to {}",
                    factor(range.0),
                    factor(range.1),
                    three_digits(highest)
                ),
                false => String::new(),
            };
            format!(
                "Measured: {other} needs {} times the compute of {base} for a loss of {} {unit}, the lowest \
                 that both have reached{over}.",
                factor(*at_lowest.get()),
                three_digits(lowest)
            )
        }
        Factor::Below { loss, factor: f } => format!(
            "Measured: {other} needs less than {} times the compute of {base} for a loss of {} {unit}, the \
             lowest of {base}: its cheapest runs are below that already.",
            factor(*f.get()),
            three_digits(*loss)
        ),
        Factor::Above { loss, factor: f } => format!(
            "Measured: {other} needs more than {} times the compute of {base} for a loss of {} {unit}, its \
             lowest: the cheapest runs of {base} are below that already.",
            factor(*f.get()),
            three_digits(*loss)
        ),
    })
}

fn by_law(pair: &Pair<'_>, base: &str, other: &str) -> Option<String> {
    let found = pair.by_law.as_ref()?;
    let e = found.estimate.get();
    Some(format!(
        "By the laws of loss in compute, {other} needs {}{} times the compute of {base} for a loss of {} {}.",
        factor(e.value),
        range(e),
        three_digits(found.at),
        pair.unit()
    ))
}

/// The interval of a factor with a space before it: ` [0.12, 0.2]`.
pub(crate) fn range(e: &Estimate) -> String {
    match (e.low, e.high) {
        (Some(low), Some(high)) => format!(" [{}, {}]", factor(low), factor(high)),
        _ => String::new(),
    }
}

fn exponent(pair: &Pair<'_>, base: &str, other: &str) -> Option<String> {
    let mut all = pair.exponents.iter();
    let d = all.find(|d| d.name == EXPONENTS[0].0)?;
    let less = d.less.licensed()?.into_inner();
    let apart = match (less.low, less.high) {
        (Some(low), Some(high)) if low > 0.0 || high < 0.0 => "they differ",
        (Some(_), Some(_)) => "no difference shows",
        _ => "without intervals",
    };
    Some(format!(
        "The loss of {base} falls with an exponent of {} in compute, that of {other} with {}: {apart}, {}.",
        with_interval(&d.base),
        with_interval(&d.other),
        with_interval(&less)
    ))
}
