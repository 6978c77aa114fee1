//! Loss by position in the context (Kaplan et al. 2020, figure 7).

use super::figure::Figure;
use super::levels::{self, Level};
use super::losses::{LOSS, loss_axis, loss_label};
use super::marks::{GUIDE, series_tone, thread};
use crate::chart::{Frame, Glyph, Key, Labels, Legend, Marker, Owner, Panel, Scale, Style};
use crate::positions::{Line, MOST};
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
    let scales = scales(view, &found.lines, &grams);
    // Lines of a context stand side by side, see `ByPosition`.
    let panels: Vec<&[Line<'_>]> = match found.lines.len() > MOST {
        true => found.lines.chunk_by(|a, b| a.run.context == b.run.context).collect(),
        false => vec![&found.lines],
    };
    let names = match panels.len() {
        1 => Names::default(),
        _ => Names::of(view, &found.lines),
    };
    let mut legend = Legend::default();
    legend.add(Key::Heading, heading(view, &names));
    for (k, line) in found.lines.iter().enumerate() {
        let name = names.name(view, line);
        if found.lines[..k].iter().all(|line| names.name(view, line) != name) {
            let (marker, tone) = look(view, &found.lines[..=k], &names);
            legend.add(Key::Glyph(Glyph::Point(marker, tone)), name);
        }
    }
    if !grams.is_empty() {
        legend.add(Key::Line(GUIDE), "n-gram, from the tokens that it sees on");
    }
    let panels = panels.into_iter().map(|lines| panel(view, lines, &names, &grams, scales));
    Some(Figure {
        name: "positions",
        title: "Loss by position in the context".to_owned(),
        caption: caption(view, !grams.is_empty()),
        legend,
        panels: panels.collect(),
    })
}

/// The axis that panels side by side differ in.
const CONTEXT: &str = "data.context";

/// Names of series in panels of one context each; empty with one panel.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn of(view: &View<'_>, lines: &[Line<'_>]) -> Names {
        let mut names: Vec<String> = Vec::new();
        for line in lines {
            let series = view.name_without(&line.run.series, CONTEXT);
            if !names.contains(&series) {
                names.push(series);
            }
        }
        Names(names)
    }

    /// Whether panels differ in their context.
    fn is_by_context(&self) -> bool {
        !self.0.is_empty()
    }

    /// Where the series of a line stands among them.
    fn rank(&self, view: &View<'_>, line: &Line<'_>) -> Option<usize> {
        let series = view.name_without(&line.run.series, CONTEXT);
        self.0.iter().position(|name| *name == series)
    }

    /// The name of a line in a panel.
    fn name(&self, view: &View<'_>, line: &Line<'_>) -> String {
        match self.is_by_context() {
            true => {
                let series = view.name_without(&line.run.series, CONTEXT);
                format!("{}, {}", clip(&series, 30), short(line.run.n() as f64))
            }
            false => name(view, line),
        }
    }
}

fn heading(view: &View<'_>, names: &Names) -> String {
    match view.many_series() {
        true if names.is_by_context() => "series, N".to_owned(),
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

/// An n-gram and its order: it sees one token less before the one it predicts.
type Gram<'a> = (u32, Level<'a>);

/// N-grams of the one text that all runs were scored on, by order.
fn grams<'a>(view: &View<'a>) -> Vec<Gram<'a>> {
    let levels = levels::references_in_unit(view).into_iter().filter(|level| !level.floor);
    let mut grams: Vec<Gram<'a>> = levels.filter_map(|level| Some((level.order?, level))).collect();
    grams.sort_by_key(|gram| gram.0);
    grams
}

/// The name of n-grams of these orders, ascending: `5-gram`, `4- and 8-gram`, `5- to 7-gram`.
fn name_of(orders: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &order in orders {
        match parts.last_mut().filter(|part| part.1 + 1 == order && part.0 > 1) {
            Some(part) => part.1 = order,
            None => parts.push((order, order)),
        }
    }
    let word = |order: u32| if order == 1 { "uni-".to_owned() } else { format!("{order}-") };
    let words = parts.into_iter().flat_map(|(first, last)| match last - first {
        0 => vec![word(first)],
        1 => vec![word(first), word(last)],
        _ => vec![format!("{} to {}", word(first), word(last))],
    });
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((_, [])) if orders == [1] => "unigram".to_owned(),
        Some((last, [])) => format!("{last}gram"),
        Some((last, before)) => format!("{} and {last}gram", before.join(", ")),
        None => String::new(),
    }
}

/// The marker of the last of these lines in the colour of its size, or of its series where there are several;
/// sizes of one series then differ in their markers.
fn look(view: &View<'_>, lines: &[Line<'_>], names: &Names) -> (Marker, Tone) {
    let Some((line, before)) = lines.split_last() else {
        return (Marker::of_series(0), Tone::Ink);
    };
    let alone = view.tone(line.run);
    if !view.many_series() {
        return (Marker::of_series(0), alone);
    }
    let same = |other: &&Line<'_>| {
        other.run.series == line.run.series && other.run.context == line.run.context
    };
    let marker = Marker::of_series(before.iter().filter(same).count());
    match names.rank(view, line) {
        Some(rank) => (marker, Tone::group(rank)),
        None => (marker, series_tone(view, &line.run.series, alone)),
    }
}

/// Axes of all panels: what is side by side is read against one another.
fn scales(view: &View<'_>, lines: &[Line<'_>], grams: &[Gram<'_>]) -> (Scale, Scale) {
    let all = lines.iter().flat_map(|line| &line.places);
    let x = Scale::wide_log(all.map(|place| place.at), (0.04, 0.05));
    let losses = lines.iter().flat_map(|line| {
        let unit = view.shared_unit(&line.run.series);
        line.places.iter().map(move |place| place.loss * unit)
    });
    let levels = grams.iter().map(|(_, level)| level.loss);
    (x, Scale::linear(losses.chain(levels), (0.05, 0.06)))
}

fn panel(
    view: &View<'_>,
    lines: &[Line<'_>],
    names: &Names,
    grams: &[Gram<'_>],
    (x, y): (Scale, Scale),
) -> Panel {
    let context = lines[0].run.context;
    let labels = match names.is_by_context() {
        true => Labels {
            key: "positions",
            title: format!("A context of {context} tokens"),
            ..labels(view)
        },
        false => labels(view),
    };
    let crowds = gram_names(y, grams);
    let longest = crowds.iter().map(|(_, name)| name.chars().count()).max();
    let right = longest.map_or(FRAME.right, |longest| 16.0 + 5.8 * longest.min(28) as f64);
    let mut panel = Panel::framed(labels, x, y, Frame { right, ..FRAME });
    let (from, to) = x.bounds();
    for (order, level) in grams {
        let owner = Owner { mark: "n-gram", series: level.series, label: &level.label };
        let start = f64::from(order - 1).max(from);
        panel.line(owner, &[(start, level.loss), (to, level.loss)], GUIDE);
    }
    for k in 0..lines.len() {
        draw(view, &mut panel, &lines[k], look(view, &lines[..=k], names));
    }
    let crowds = crowds.into_iter().map(|(loss, name)| ((to, loss), name, Tone::Muted));
    panel.right_labels(&crowds.collect::<Vec<_>>());
    panel
}

fn labels(view: &View<'_>) -> Labels {
    Labels {
        key: "positions",
        title: "Loss by position".to_owned(),
        x: "earlier tokens of the document in the window, p".to_owned(),
        y: loss_label(view, LOSS),
        x_style: Style::Plain,
        loss: loss_axis(view),
        ..Labels::default()
    }
}

/// Names of n-grams and the losses beside which they stand. Names of lines closer than a text is high would lie
/// on one another: such lines share one.
fn gram_names(y: Scale, grams: &[Gram<'_>]) -> Vec<(f64, String)> {
    let losses: Vec<f64> = grams.iter().map(|(_, level)| level.loss).collect();
    let name = |crowd: Vec<usize>| {
        let mut orders: Vec<u32> = crowd.iter().map(|k| grams[*k].0).collect();
        orders.sort_unstable();
        let loss = crowd.iter().map(|k| losses[*k]).sum::<f64>() / crowd.len() as f64;
        (loss, name_of(&orders))
    };
    Panel::crowds(y, FRAME, &losses).into_iter().map(name).collect()
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
    fn n_grams_that_share_a_name_are_all_in_it() {
        assert_eq!(name_of(&[5]), "5-gram");
        assert_eq!(name_of(&[1]), "unigram");
        assert_eq!(name_of(&[4, 8]), "4- and 8-gram");
        assert_eq!(name_of(&[6, 7, 8]), "6- to 8-gram");
        assert_eq!(name_of(&[2, 4, 5, 6, 8]), "2-, 4- to 6- and 8-gram");
        assert_eq!(name_of(&[1, 2]), "uni- and 2-gram");
    }
}
