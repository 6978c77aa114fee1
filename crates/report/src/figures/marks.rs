//! Marks that several figures draw alike.

use super::run_title;
use crate::chart::{Glyph, Owner, Panel, Stroke};
use crate::theme::Tone;
use crate::view::View;
use isoflop_results::RunRow;

/// A line of ink as wide as fits are.
pub(super) const LINE: Stroke = Stroke { tone: Tone::Ink, width: 1.6, opacity: 1.0, dash: "" };

/// What guides the eye and is not data: zero, equality, a threshold.
pub(super) const GUIDE: Stroke = Stroke { tone: Tone::Rule, width: 1.2, opacity: 1.0, dash: "5 3" };

/// A line in the colour of what it belongs to.
pub(super) const fn thread(tone: Tone, width: f64, opacity: f64) -> Stroke {
    Stroke { tone, width, opacity, dash: "" }
}

/// Of the `k`-th of several lines.
pub(super) fn dash(k: usize) -> &'static str {
    ["", "7 3", "3 2", "9 3 2 3"][k % 4]
}

/// A finished run as a point, in the colour of its size and the shape of its series.
pub(super) fn run_point(view: &View<'_>, panel: &mut Panel, run: &RunRow, at: (f64, f64)) {
    let owner = Owner { mark: "run", series: &run.series, label: &run.run_id };
    let glyph = Glyph::Point(view.marker(&run.series), view.tone(run));
    panel.point(owner, at, glyph, &run_title(run));
}

/// A point that a fit names by the label of its run, under a mark of its own.
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

/// A line that guides the eye.
pub(super) fn guide(panel: &mut Panel, label: &str, points: &[(f64, f64)]) {
    let owner = Owner { mark: "guide", series: "", label };
    panel.line(owner, points, GUIDE);
}

/// The share `q` of sorted values lies below this; linear between them.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q * sorted.len().checked_sub(1)? as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    Some(sorted[below] + (above - sorted[below]) * share)
}

/// The middle `level` of values.
pub(crate) fn middle(mut values: Vec<f64>, level: f64) -> Option<(f64, f64)> {
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some((quantile(&values, tail)?, quantile(&values, 1.0 - tail)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_hundred_values_leaves_five_on_each_side() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let (low, high) = middle(values, 0.9).expect("there are values");
        assert!((low - 5.0).abs() < 1e-9 && (high - 95.0).abs() < 1e-9);
        assert_eq!(middle(vec![f64::NAN], 0.9), None);
        assert_eq!(middle(vec![2.0], 0.9), Some((2.0, 2.0)));
    }
}
