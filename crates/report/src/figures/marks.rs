//! Marks that several figures draw in the same way.

use crate::chart::{Glyph, Owner, Panel, Stroke};
use crate::theme::Tone;
use crate::view::View;
use isoflop_core::units::{scientific, short};
use isoflop_fit::output::Estimate;
use isoflop_results::RunRow;

/// Stroke of a fitted law.
pub(super) const LINE: Stroke = Stroke { tone: Tone::Ink, width: 1.6, opacity: 1.0, dash: "" };

/// Stroke of a line that guides the eye and is not data: zero, equality, a threshold.
pub(super) const GUIDE: Stroke = Stroke { tone: Tone::Rule, width: 1.2, opacity: 1.0, dash: "5 3" };

/// Stroke of a solid line in the colour of what it belongs to.
pub(super) const fn thread(tone: Tone, width: f64, opacity: f64) -> Stroke {
    Stroke { tone, width, opacity, dash: "" }
}

/// Dashes of the `k`-th of several lines.
pub(super) fn dash(k: usize) -> &'static str {
    ["", "7 3", "3 2", "9 3 2 3"][k % 4]
}

/// A stroke in the colour of a series where there are several.
pub(super) fn series_stroke(view: &View<'_>, series: &str, stroke: Stroke) -> Stroke {
    Stroke { tone: series_tone(view, series, stroke.tone), ..stroke }
}

/// The colour of a series where there are several, for what has no size; another where there is one.
pub(super) fn series_tone(view: &View<'_>, series: &str, alone: Tone) -> Tone {
    match view.many_series() {
        true => Tone::group(view.series_rank(series)),
        false => alone,
    }
}

/// Draws a finished run as a point, in the colour of its size and the marker of its series.
pub(super) fn run_point(view: &View<'_>, panel: &mut Panel, run: &RunRow, at: (f64, f64)) {
    let owner = Owner { mark: "run", series: &run.series, label: &run.run_id };
    let glyph = Glyph::Point(view.marker(&run.series), view.tone(run));
    panel.point(owner, at, glyph, &run_title(run));
}

/// Draws a point that a fit names by the label of its run; `mark` is its kind in the CSV.
pub(super) fn fitted_run(
    view: &View<'_>,
    panel: &mut Panel,
    (mark, series, label): (&'static str, &str, &str),
    at: (f64, f64),
) {
    let run = view.run(label);
    let tone = run.map_or(Tone::Ink, |run| view.tone(run));
    let title = run.map_or_else(|| label.to_owned(), run_title);
    let owner = Owner { mark, series, label };
    panel.point(owner, at, Glyph::Point(view.marker(series), tone), &title);
}

/// Draws a line that guides the eye.
pub(super) fn guide(panel: &mut Panel, label: &str, points: &[(f64, f64)]) {
    let owner = Owner { mark: "guide", series: "", label };
    panel.line(owner, points, GUIDE);
}

/// The tooltip of a run.
pub(super) fn run_title(run: &RunRow) -> String {
    let mut text = format!(
        "{}\nN {} \u{b7} D {} tokens \u{b7} C {} FLOPs",
        run.run_id,
        short(run.n() as f64),
        short(run.tokens as f64),
        scientific(run.c_exact),
    );
    if let Some(loss) = run.test_loss {
        text.push_str(&format!("\ntest loss {loss:.4} nats per token"));
    }
    text
}

/// The ends of the interval of an estimate, where it has both.
pub(super) fn ends(e: &Estimate) -> Option<(f64, f64)> {
    Some((e.low?, e.high?))
}
