//! What compute one series needs over another at equal loss.

use super::Figure;
use super::marks::{dash, guide, thread};
use crate::chart::{Glyph, Labels, Legend, NoteLine, Owner, Panel, Scale, Stroke, Trend};
use crate::comparison::pairs;
use crate::text::{clip, fixed};
use crate::theme::Tone;
use crate::view::View;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let pairs = pairs(view);
    let found: Vec<_> = pairs
        .iter()
        .filter_map(|p| Some((p, p.multiplier.as_ref()?)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let base = clip(&view.series_name(found[0].0.base), 30);
    let all = || found.iter().flat_map(|(_, m)| &m.trace);
    let x = Scale::log(all().map(|t| t.0), (0.05, 0.05));
    let y = Scale::wide_log(all().flat_map(|t| [t.1, t.3, 1.0]), (0.1, 0.3));
    let labels = Labels {
        key: "multiplier",
        title: "Compute at equal loss".to_owned(),
        x: "loss reached (nats per token)".to_owned(),
        y: format!("compute over that of {base}"),
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "equal compute", &[(low, 1.0), (high, 1.0)]);
    let mut note: Vec<NoteLine> = Vec::new();
    for (k, (pair, m)) in found.iter().enumerate() {
        let (tone, dash) = (Tone::group(k + 1), dash(k));
        let label = clip(&view.series_name(pair.other), 24);
        let owner = |mark| Owner {
            mark,
            series: pair.other,
            label: &label,
        };
        panel.band(owner("band"), &m.trace, tone);
        let line: Vec<(f64, f64)> = m.trace.iter().map(|t| (t.0, t.2)).collect();
        panel.line(
            owner("fit"),
            &line,
            Stroke {
                dash,
                ..thread(tone, 1.7, 1.0)
            },
        );
        let e = &m.estimate;
        let range = e.low.zip(e.high);
        let range = range.map(|(l, h)| format!(" [{}, {}]", fixed(l, 2), fixed(h, 2)));
        let words = format!(
            "{label}: {}\u{d7}{}",
            fixed(e.value, 2),
            range.unwrap_or_default()
        );
        note.push((Some(Glyph::Line(tone, dash)), words, Tone::Ink));
    }
    note.truncate(5);
    panel.note(Trend::Rising, &note);
    let level = (100.0 * view.report.fits.level).round();
    Some(Figure {
        name: "multiplier",
        title: "What equal loss costs".to_owned(),
        caption: format!(
            "Compute for a loss by {} of each series, over that of {base}, over \
             the losses that both have reached; named at the lowest. Bands: {level}\u{a0}% \
             intervals. Losses of different text are not the same task: the factor says what \
             compute buys, not which text is better.",
            found[0].1.by
        ),
        legend: Legend::default(),
        panels: vec![panel],
    })
}
