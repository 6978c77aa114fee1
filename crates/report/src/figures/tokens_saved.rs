//! Tokens that each further series needs at equal loss, against size.

use super::figure::Figure;
use super::marks::{dash, guide, thread};
use crate::chart::{Glyph, Key, Labels, Legend, Owner, Panel, Scale, Stroke, Style};
use crate::comparison::{AtSize, at_sizes, pairs};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;

/// Sizes below which there is no line to draw.
const FEWEST: usize = 2;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let pairs = pairs(view);
    let base = pairs.first()?.base;
    let all: Vec<(&str, Vec<AtSize>)> = pairs
        .iter()
        .map(|pair| (pair.other, at_sizes(view, base, pair.other)))
        .filter(|(_, sizes)| sizes.len() >= FEWEST)
        .collect();
    if all.is_empty() {
        return None;
    }
    let named = clip(&view.series_name(base), 30);
    let sizes = || all.iter().flat_map(|(_, sizes)| sizes);
    let x = Scale::wide_log(sizes().map(|at| at.n), (0.06, 0.06));
    let ends = |at: &AtSize| {
        let (low, high) = at.ends.unwrap_or((at.factor, at.factor));
        [low, at.factor, high]
    };
    let y = Scale::wide_log(sizes().flat_map(ends).chain([1.0]), (0.08, 0.08));
    let labels = Labels {
        key: "tokens_at_equal_loss",
        title: "Tokens at equal loss, size by size".to_owned(),
        x: "non-embedding parameters N".to_owned(),
        y: format!("tokens over those of {named}"),
        x_style: Style::Short,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "equal tokens", &[(low, 1.0), (high, 1.0)]);
    let mut legend = Legend::default();
    for (series, sizes) in &all {
        let rank = view.series_rank(series);
        let (tone, label) = (Tone::group(rank), clip(&view.series_name(series), 30));
        let glyph = Glyph::Point(view.marker(series), tone);
        let stroke = Stroke { dash: dash(rank.saturating_sub(1)), ..thread(tone, 1.4, 0.9) };
        let line: Vec<(f64, f64)> = sizes.iter().map(|at| (at.n, at.factor)).collect();
        panel.line(Owner { mark: "sizes", series, label: &label }, &line, stroke);
        for at in sizes {
            let owner = Owner { mark: "size", series, label: &label };
            panel.estimate(owner, (at.n, at.factor), at.ends, false, glyph);
        }
        legend.add(Key::Glyph(glyph), label);
    }
    let bars = match sizes().all(|at| at.ends.is_some()) {
        true => format!(
            " Bars are {}\u{a0}% intervals by the noise between seeds, of one length, since the runs of a size \
             share their trunk.",
            view.level()
        ),
        false => " Without seeds there are no intervals.".to_owned(),
    };
    Some(Figure {
        name: "tokens-at-equal-loss",
        title: "Tokens at equal loss".to_owned(),
        caption: format!(
            "Each point is the tokens after which a series reaches losses that {named} reaches as well, over \
             those of {named} at the same size: the geometric mean over the lengths that both were trained \
             to.{bars}"
        ),
        legend,
        panels: vec![panel],
    })
}
