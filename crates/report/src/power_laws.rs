//! Power laws of one variable, as far as the runs identify them.

use crate::view::View;
use isoflop_fit::output::{Axis, Fit, Identified, Unidentified};

/// Laws to be drawn on an axis, one a series: the plain power law, or the one with an offset where the
/// runs identify that law alone.
pub(crate) fn identified<'a>(view: &View<'a>, axis: Axis) -> Vec<Identified<&'a Fit>> {
    let pick = |series: &&str| {
        let mut all = candidates(view, axis, series);
        all.find_map(|fit| fit.licensed().ok())
    };
    view.series.iter().filter_map(pick).collect()
}

/// Power laws that were fitted on an axis, the plain one first.
fn candidates<'a>(view: &View<'a>, axis: Axis, series: &str) -> impl Iterator<Item = &'a Fit> {
    let fits = &view.report.fits.fits;
    ["power", "power-offset"].into_iter().filter_map(move |law| {
        let mut all = fits.iter();
        all.find(|f| f.law == law && f.x == Some(axis) && f.series == series)
    })
}

/// Reason why the law that was fitted on an axis is not drawn: what the runs leave open of it.
pub(crate) fn unidentified(view: &View<'_>, axis: Axis) -> Option<Unidentified> {
    let mut all = view.series.iter();
    all.find_map(|series| candidates(view, axis, series).next()?.licensed().err())
}

/// The law of a series among those of [`identified`].
pub(crate) fn of_series<'a>(
    view: &View<'a>,
    axis: Axis,
    series: &str,
) -> Option<Identified<&'a Fit>> {
    let mut all = identified(view, axis).into_iter();
    all.find(|fit| fit.get().series == series)
}

/// The fits of one law for two series, the plain power law first: exponents of different laws are not
/// compared.
pub(crate) fn of_both<'a>(view: &View<'a>, axis: Axis, series: [&str; 2]) -> Option<[&'a Fit; 2]> {
    let [of_base, of_other] =
        series.map(|series| candidates(view, axis, series).collect::<Vec<_>>());
    of_base.into_iter().find_map(|base| {
        let other = of_other.iter().find(|other| other.law == base.law)?;
        (base.licensed().is_ok() && other.licensed().is_ok()).then_some([base, *other])
    })
}
