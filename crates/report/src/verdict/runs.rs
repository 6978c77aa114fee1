//! Sentences of the verdict that need no law.

use crate::text::{fixed, three_digits};
use crate::view::View;
use isoflop_fit::noise::{NoiseFloor, noise_floor};
use isoflop_results::RunRow;

/// A sentence on the lowest loss without a model that no run of a series beats.
pub(super) fn references(view: &View<'_>, series: &str) -> Option<String> {
    let runs = || view.finished.iter().filter(|run| run.series == series);
    let best = runs().min_by(|a, b| {
        let loss = |run: &RunRow| run.test_loss.unwrap_or(f64::INFINITY);
        loss(a).total_cmp(&loss(b))
    })?;
    let texts = &view.report.data;
    let text = texts.iter().find(|t| t.data_digest == best.data_digest)?;
    let loss = best.test_loss?;
    // The source of the language is no rival: no model can beat it.
    let unbeaten = text
        .references
        .iter()
        .filter(|r| r.is_level() && r.name != "source" && r.test_loss <= loss);
    let lowest = unbeaten.min_by(|a, b| a.test_loss.total_cmp(&b.test_loss))?;
    Some(format!(
        "No run beats a {} ({} nats per token); the best has {}.",
        lowest.name,
        fixed(lowest.test_loss, 3),
        fixed(loss, 3)
    ))
}

/// The noise between runs of a series that differ in their seed alone.
pub(crate) fn floor_between_seeds(view: &View<'_>, series: &str) -> Option<NoiseFloor> {
    let runs = view.finished.iter().filter(|run| run.series == series);
    let losses = runs.filter_map(|run| {
        let alike =
            (run.d_model, run.n_layers, run.n_heads, run.tokens, run.learning_rate.to_bits());
        Some((alike, run.test_loss?))
    });
    noise_floor(losses)
}

/// A sentence on the noise between runs of a series that differ in their seed alone.
pub(super) fn noise(view: &View<'_>, series: &str) -> Option<String> {
    let floor = floor_between_seeds(view, series)?;
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (groups, degrees) = (floor.groups, floor.degrees);
    Some(format!(
        "Between seeds the test loss varies by {} [{}, {}] nats per token (standard deviation, {groups} group{} of \
         runs, {degrees} degree{} of freedom). Smaller differences between runs may be noise.",
        three_digits(floor.sd),
        three_digits(floor.low),
        three_digits(floor.high),
        plural(groups),
        plural(degrees)
    ))
}

/// The number of finished runs that the laws leave out, and a sentence on why.
pub(super) fn left_out(view: &View<'_>) -> Option<(usize, String)> {
    let finished = |label: &str| view.finished.iter().any(|run| run.run_id == label);
    let excluded = view.report.fits.excluded.iter();
    let left: Vec<&str> =
        excluded.filter(|row| finished(&row.label)).map(|row| row.reason.as_str()).collect();
    // A reason reads `9.0 epochs; a law without a repetition term takes up to 4`.
    let why = |reason: &str| match reason.split_once("; ") {
        Some((own, common)) if own.ends_with("epochs") => format!("too many epochs ({common})"),
        _ => reason.to_owned(),
    };
    let first = why(left.first()?);
    let same = left.iter().all(|reason| why(reason) == first);
    let of = view.finished.len();
    let count = match left.len() {
        all if all == of => "all".to_owned(),
        some => format!("{some} of {of}"),
    };
    let words = match same {
        true => format!("{count} are left out for {first}"),
        false => format!("{count} are left out, each for its reason below"),
    };
    Some((left.len(), words))
}
