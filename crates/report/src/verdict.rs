//! What the sweep found, in words: for the page and for the terminal.

mod finding;
mod laws;
mod ngrams;
mod positions;
mod runs;
mod texts;
mod warned;

pub(crate) use finding::Finding;
pub(crate) use laws::{counting, forecaster};
pub(crate) use positions::learned;
pub(crate) use runs::floor_between_seeds;
pub(crate) use warned::warned;

use crate::power_laws;
use crate::view::View;
use isoflop_fit::output::Axis;
use isoflop_results::Status;

/// Findings in a series. What readers ask for most comes first.
pub(crate) fn findings(view: &View<'_>, series: &str) -> Vec<Finding> {
    let law = |axis: Axis| laws::falls(power_laws::of_series(view, axis, series)?, axis);
    let fits = view.report.fits;
    let sentence = |(text, aside): (String, String)| Finding {
        text: format!("Test loss falls {text}."),
        aside,
    };
    let compute = law(Axis::C).map(sentence);
    let rest: Vec<(String, String)> = [Axis::D, Axis::N].into_iter().filter_map(law).collect();
    let rest = rest
        .into_iter()
        .reduce(|a, b| match a.1 == b.1 {
            true => (format!("{} and {}", a.0, b.0), a.1),
            false => (format!("{} and {}", a.0, b.0), format!("{}; {}", a.1, b.1)),
        })
        .map(sentence);
    let plain = |text: Option<String>| text.map(Finding::plain);
    [
        compute,
        laws::optimum(fits, series),
        plain(laws::counting(fits, series)),
        rest,
        plain(laws::chinchilla(fits, series)),
        plain(laws::floor(fits, series)),
        plain(texts::exponent(view, series)),
        plain(laws::forecast(fits, series)),
        plain(runs::references(view, series)),
        plain(ngrams::beaten(view, series)),
        plain(runs::noise(view, series)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the runs carry no law at all.
pub(crate) fn is_lawless(view: &View<'_>) -> bool {
    let fits = view.report.fits;
    fits.fits.is_empty() && fits.isoflop.iter().all(|i| i.n_exponent.is_none())
}

/// The verdict where the runs carry no law, with the reasons.
pub(crate) fn nothing(view: &View<'_>) -> String {
    let all = view.report.runs.len();
    let finished = view.finished.len();
    if finished == 0 {
        let ended = |status| view.report.runs.iter().filter(|r| r.status == status).count();
        return match (all, ended(Status::Diverged)) {
            (0, _) => "No run has finished yet: there is nothing to fit.".to_owned(),
            (all, diverged) if diverged == all => format!(
                "All {all} runs diverged: there is no loss to fit. A lower learning rate is the first thing to try."
            ),
            (_, 0) => "No run has finished yet: there is nothing to fit.".to_owned(),
            (all, diverged) => format!(
                "No run has finished: {diverged} of {all} diverged. There is nothing to fit."
            ),
        };
    }
    let runs = match finished {
        1 => "One run has finished; no law could be fitted to it".to_owned(),
        n => format!("{n} runs have finished; no law could be fitted to them"),
    };
    match reason(view) {
        Some(reason) => format!("{runs}: {reason}."),
        None => format!("{runs} yet."),
    }
}

/// The reason why there is no law: why rows were left out, and why no law fits the rest.
fn reason(view: &View<'_>) -> Option<String> {
    let fits = view.report.fits;
    let (count, left) = runs::left_out(view).unzip();
    if count == Some(view.finished.len()) {
        return left;
    }
    let surface = fits.refused.iter().find(|r| r.law == "chinchilla");
    let refused = surface.or(fits.refused.first());
    let refused = refused.map(|r| r.reason.trim_end_matches('.').to_owned());
    left.into_iter().chain(refused).reduce(|a, b| format!("{a}; {b}"))
}

/// Parts of the line under the findings: how many runs ended how, and what brackets mean.
pub(crate) fn footing(view: &View<'_>) -> Vec<String> {
    let report = view.report;
    let count = |status| report.runs.iter().filter(|r| r.status == status).count();
    let (diverged, failed) = (count(Status::Diverged), count(Status::Failed));
    let mut parts = vec![format!("{} of {} runs finished", view.finished.len(), report.runs.len())];
    if diverged > 0 {
        parts.push(format!("{diverged} diverged"));
    }
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    let fits = report.fits;
    let mut bootstraps = fits.fits.iter().map(|f| f.bootstrap.is_some());
    let isoflop = fits.isoflop.iter().any(|i| i.bootstrap.is_some());
    if isoflop || bootstraps.any(|made| made) {
        parts.push(format!("brackets are {}\u{a0}% intervals", view.level()));
    } else if !fits.fits.is_empty() {
        parts.push("no intervals: fitted without a bootstrap".to_owned());
    }
    parts
}
