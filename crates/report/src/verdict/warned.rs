//! What there is to act on: the warnings of all fits and of the learning curves.

use crate::text::clip;
use crate::view::View;
use isoflop_fit::output::Warned;

/// All problems, the gravest first.
pub(crate) fn warned(view: &View<'_>) -> Vec<Warned> {
    let name = |what: &str, series: &str| match view.many_series() {
        true => format!("{what}, {}", clip(&view.series_name(series), 40)),
        false => what.to_owned(),
    };
    let mut met = view.report.fits.met(name);
    for compared in view.collapse() {
        let of = name("learning curves", compared.series);
        met.extend(compared.warnings().map(|warning| (of.clone(), warning)));
    }
    Warned::of(met)
}
