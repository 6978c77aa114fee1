//! Normalised learning curves, and how far the fall of each stands from what the others tell of it.

use super::figure::Figure;
use super::legends::size_legend;
use super::marks::{GUIDE, run_title};
use crate::chart::{Glyph, Labels, NoteLine, Owner, Panel, Scale, Stroke, Style, Trend};
use crate::collapse::{Compared, Normalised};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;
use isoflop_fit::collapse::Standing;

/// Share of training from which on curves are drawn.
const FROM: f64 = 0.1;
/// Curves of a panel above which replicates are left out but for the first seed.
const MANY: usize = 24;
/// Most series with a panel of curves of their own.
const MOST: usize = 8;
/// Characters of the name of a run in a note.
const NAME: usize = 22;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let scored: Vec<&Compared<'_>> =
        view.collapse().iter().filter(|compared| compared.score.is_ok()).collect();
    if scored.is_empty() {
        return None;
    }
    let mut panels: Vec<Panel> =
        scored.iter().take(MOST).filter_map(|compared| curves(view, compared)).collect();
    panels.extend(standings(view, &scored));
    Some(Figure {
        name: "collapse",
        title: "Learning curves on one another".to_owned(),
        caption: "Curves are test losses over the final one, against the share of training; those of runs within \
                  2\u{a0}% of the best loss of their budget are strong, and a run that is off is thick; of more than 24 runs those of the first seed are drawn. At equal \
                  tokens per parameter such curves fall on one another where the recipe is as good at every size \
                  (arXiv 2507.02119). The last panel has the fall over the decay of the rate (the mean of ln loss \
                  over the final one at a third and two thirds of it) over the fall that a polynomial of second \
                  degree in ln N and ln D through all other runs tells. Dashed lines lie at two standard \
                  deviations of the scatter about it."
            .to_owned(),
        legend: size_legend(view),
        panels,
    })
}

fn curves(view: &View<'_>, compared: &Compared<'_>) -> Option<Panel> {
    let off: Vec<&String> = compared.off().flat_map(|place| &place.labels).collect();
    let drawn = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().filter(|point| point.0 >= FROM).copied().collect()
    };
    let seed = compared.curves.iter().map(|curve| curve.run.seed).min();
    let is_drawn = |curve: &&Normalised<'_>| {
        compared.curves.len() <= MANY
            || Some(curve.run.seed) == seed
            || off.contains(&&curve.run.run_id)
    };
    let shown = || compared.curves.iter().filter(is_drawn);
    let all = || shown().flat_map(|curve| drawn(&curve.points));
    let title = match view.many_series() {
        true => clip(&view.series_name(compared.series), 36),
        false => "Loss over final loss".to_owned(),
    };
    let labels = Labels {
        key: "normalised",
        title,
        x: "share of training".to_owned(),
        y: "test loss over the final one".to_owned(),
        x_style: Style::Plain,
        y_style: Style::Plain,
        ..Labels::default()
    };
    let x = Scale::linear([0.0, 1.0], (0.0, 0.02));
    let y = Scale::linear(all().map(|point| point.1), (0.03, 0.05));
    all().next()?;
    let mut panel = Panel::new(labels, x, y);
    let mut names = Vec::new();
    for curve in shown() {
        let (run, is_off) = (curve.run, off.contains(&&curve.run.run_id));
        let (width, opacity) = match (is_off, curve.is_near) {
            (true, _) => (3.0, 1.0),
            (false, true) => (1.5, 0.9),
            (false, false) => (1.0, 0.25),
        };
        let points = drawn(&curve.points);
        let owner = Owner { mark: "curve", series: &run.series, label: &run.run_id };
        panel.line(owner, &points, Stroke { tone: view.tone(run), width, opacity, dash: "" });
        if is_off {
            names.push(named(&run.run_id, Glyph::Line(view.tone(run), "")));
        }
    }
    if !names.is_empty() {
        panel.note(Trend::Falling, &names);
    }
    Some(panel)
}

fn standings(view: &View<'_>, scored: &[&Compared<'_>]) -> Option<Panel> {
    let places =
        || scored.iter().filter_map(|compared| Some((compared, compared.score.as_ref().ok()?)));
    let all = || places().flat_map(|(_, score)| &score.places);
    let spread = places().map(|(_, score)| score.spread).fold(0.0, f64::max);
    let ends = [(2.0 * spread).exp(), (-2.0 * spread).exp()];
    let of = |place: &Standing| (place.d / place.n, place.shift.exp());
    let x = Scale::decade(all().map(|place| of(place).0), (0.06, 0.06));
    let y = Scale::log(all().map(|place| of(place).1).chain(ends), (0.08, 0.08));
    let labels = Labels {
        key: "standing",
        title: "Fall over the decay".to_owned(),
        x: "training tokens per parameter".to_owned(),
        y: "fall over that told by the others".to_owned(),
        x_style: Style::Short,
        y_style: Style::Plain,
        ..Labels::default()
    };
    all().next()?;
    let mut panel = Panel::new(labels, x, y);
    let (from, to) = x.bounds();
    let guides: Vec<f64> = match scored {
        [_] => vec![1.0, ends[0], ends[1]],
        _ => vec![1.0],
    };
    for height in guides {
        let owner = Owner { mark: "guide", series: "", label: "scatter" };
        panel.line(owner, &[(from, height), (to, height)], GUIDE);
    }
    let mut names = Vec::new();
    for (compared, score) in places() {
        for place in &score.places {
            let (Some(label), at) = (place.labels.first(), of(place)) else {
                continue;
            };
            let Some(run) = view.run(label) else {
                continue;
            };
            let owner = Owner { mark: "fall", series: compared.series, label };
            let glyph = Glyph::Point(view.marker(compared.series), view.tone(run));
            panel.point(owner, at, glyph, &run_title(run));
            if place.is_off {
                names.push(named(label, glyph));
            }
        }
    }
    if !names.is_empty() {
        panel.note(Trend::Rising, &names);
    }
    Some(panel)
}

/// A line of a note that names a run which is off, without the end of its id.
fn named(run_id: &str, glyph: Glyph) -> NoteLine {
    let name = run_id.rsplit_once('-').map_or(run_id, |(name, _)| name);
    (Some(glyph), format!("off: {}", clip(name, NAME)), Tone::Ink)
}
