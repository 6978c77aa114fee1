//! Loss by position in the context (Kaplan et al. 2020, figure 7).

use super::figure::Figure;
use super::levels::{self, Level};
use super::losses::{LOSS, loss_axis, loss_label};
use super::marks::{GUIDE, series_tone, thread};
use crate::chart::{Frame, Glyph, Key, Labels, Legend, Marker, Owner, Panel, Scale, Style};
use crate::positions::Line;
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;
use isoflop_core::units::short;

const FRAME: Frame =
    Frame { width: 478.0, height: 372.0, left: 52.0, right: 12.0, top: 30.0, bottom: 46.0 };

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let found = view.by_position();
    if found.lines.is_empty() {
        return None;
    }
    let grams = grams(view);
    let panel = panel(view, &found.lines, &grams);
    let mut legend = Legend::default();
    legend.add(Key::Heading, heading(view));
    for (k, line) in found.lines.iter().enumerate() {
        let (marker, tone) = look(view, &found.lines, k);
        legend.add(Key::Glyph(Glyph::Point(marker, tone)), name(view, line));
    }
    if !grams.is_empty() {
        legend.add(Key::Line(GUIDE), "n-gram, from the tokens that it sees on");
    }
    Some(Figure {
        name: "positions",
        title: "Loss by position in the context".to_owned(),
        caption: caption(view, !grams.is_empty()),
        legend,
        panels: vec![panel],
    })
}

fn heading(view: &View<'_>) -> String {
    match view.many_series() {
        true => format!("{}, N", view.series_word()),
        false => "N".to_owned(),
    }
}

/// The name of a line: its size, after its series where there are several.
pub(crate) fn name(view: &View<'_>, line: &Line<'_>) -> String {
    let size = short(line.run.n() as f64);
    match view.many_series() {
        true => format!("{}, {size}", clip(&view.series_name(&line.run.series), 30)),
        false => size,
    }
}

fn caption(view: &View<'_>, grams: bool) -> String {
    let found = view.by_position();
    let which = match found.lines.len() {
        all if all == found.of => "Each line is the longest run of a size".to_owned(),
        few => format!(
            "These are {few} of {} sizes, spread evenly{}; each line is the longest run of its size",
            found.of,
            if view.many_series() { " over each series" } else { "" }
        ),
    };
    let seeds = match found.lines.iter().any(|line| line.seeds > 1) {
        true => ", the mean over its seeds",
        false => "",
    };
    let fitted = match found.lines.iter().any(|line| line.law().is_some()) {
        true => " Thin lines are a + b p^\u{2212}c, fitted to the points.",
        false => "",
    };
    let orders = match grams {
        true => {
            " Dashed lines are n-grams, whose loss no further context lowers: one of order k sees k \u{2212} 1 \
             tokens, and its line begins there. Their losses are those of the whole test text, beginnings of \
             documents among it."
        }
        false => "",
    };
    format!(
        "{which}{seeds}. A point is the mean loss of test tokens with p earlier tokens of their own document in \
         the window, p the geometric centre of its range; bands are \u{b1} one standard error over \
         documents.{fitted}{orders}"
    )
}

/// An n-gram and the number of tokens that it sees before the one it predicts.
type Gram<'a> = (f64, Level<'a>);

/// N-grams of the one text that all runs were scored on, by order.
fn grams<'a>(view: &View<'a>) -> Vec<Gram<'a>> {
    let levels = levels::references_in_unit(view).into_iter().filter(|level| !level.floor);
    let mut grams: Vec<Gram<'a>> =
        levels.filter_map(|level| Some((order(&level.label)? - 1.0, level))).collect();
    grams.sort_by(|a, b| a.0.total_cmp(&b.0));
    grams
}

/// The order of `unigram` and of `5-gram`.
fn order(name: &str) -> Option<f64> {
    match name {
        "unigram" => Some(1.0),
        _ => name.strip_suffix("-gram")?.parse().ok(),
    }
}

/// The marker of a line in the colour of its size, or of its series where there are several; sizes of one
/// series then differ in their markers.
fn look(view: &View<'_>, lines: &[Line<'_>], k: usize) -> (Marker, Tone) {
    let run = lines[k].run;
    let before = lines[..k].iter().filter(|line| line.run.series == run.series).count();
    let marker = Marker::of_series(if view.many_series() { before } else { 0 });
    (marker, series_tone(view, &run.series, view.tone(run)))
}

fn panel(view: &View<'_>, lines: &[Line<'_>], grams: &[Gram<'_>]) -> Panel {
    let all = || lines.iter().flat_map(|line| &line.places);
    let x = Scale::wide_log(all().map(|place| place.at), (0.04, 0.05));
    let losses = lines.iter().flat_map(|line| {
        let unit = view.shared_unit(&line.run.series);
        line.places.iter().map(move |place| place.loss * unit)
    });
    let levels = grams.iter().map(|(_, level)| level.loss);
    let y = Scale::linear(losses.chain(levels), (0.05, 0.06));
    let labels = Labels {
        key: "positions",
        title: "Loss by position".to_owned(),
        x: "earlier tokens of the document in the window, p".to_owned(),
        y: loss_label(view, LOSS),
        x_style: Style::Plain,
        loss: loss_axis(view),
        ..Labels::default()
    };
    let mut panel = Panel::framed(labels, x, y, FRAME);
    let (from, to) = x.bounds();
    let mut names = Vec::new();
    for (seen, level) in grams {
        let owner = Owner { mark: "n-gram", series: level.series, label: &level.label };
        let start = seen.max(from);
        panel.line(owner, &[(start, level.loss), (to, level.loss)], GUIDE);
        names.push(((to, level.loss), level.label.clone(), Tone::Muted));
    }
    for (k, line) in lines.iter().enumerate() {
        draw(view, &mut panel, line, look(view, lines, k));
    }
    panel.end_labels(&names);
    panel
}

fn draw(view: &View<'_>, panel: &mut Panel, line: &Line<'_>, (marker, tone): (Marker, Tone)) {
    let unit = view.shared_unit(&line.run.series);
    let label = name(view, line);
    let owner = |mark| Owner { mark, series: &line.run.series, label: &label };
    let band: Vec<_> = line
        .places
        .iter()
        .filter_map(|p| {
            let (loss, se) = (p.loss * unit, p.se? * unit);
            Some((p.at, loss - se, loss, loss + se))
        })
        .collect();
    panel.band(owner("band"), &band, tone);
    if let (Some(law), Some(first)) = (line.law(), line.places.first()) {
        let ratio = line.end() / first.at;
        let at = (0..=60).map(|k| first.at * ratio.powf(f64::from(k) / 60.0));
        let curve: Vec<_> = at.map(|p| (p, law.law.loss(p) * unit)).collect();
        panel.line(owner("fit"), &curve, thread(tone, 1.3, 0.9));
    }
    let title = format!("{label}, run {}", line.run.run_id);
    let glyph = Glyph::Point(marker, tone);
    for place in &line.places {
        panel.point(owner("position"), (place.at, place.loss * unit), glyph, &title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_n_gram_is_known_by_its_order() {
        assert_eq!(order("unigram"), Some(1.0));
        assert_eq!(order("5-gram"), Some(5.0));
        assert_eq!(order("uniform"), None);
        assert_eq!(order("source"), None);
    }
}
