//! Compute that one series needs over another at equal loss.

use super::figure::Figure;
use super::marks::{guide, thread};
use crate::chart::{Glyph, Key, Labels, Legend, NoteLine, Owner, Panel, Scale, Stroke, Trend};
use crate::comparison::{Factor, Pair, pairs, range};
use crate::text::{clip, factor};
use crate::theme::Tone;
use crate::view::View;

/// Most lines of a note.
const WRITTEN: usize = 5;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let pairs = pairs(view);
    let measured = |pair: &Pair<'_>| match &pair.measured {
        Some(Factor::Reached { trace, .. }) if trace.len() > 1 => Some(trace.clone()),
        _ => None,
    };
    let found: Vec<_> = pairs
        .iter()
        .map(|pair| (pair, measured(pair)))
        .filter(|(pair, measured)| measured.is_some() || pair.by_law.is_some())
        .collect();
    // Losses in two units cannot share an axis.
    let unit = found.first()?.0.unit();
    if found.iter().any(|(pair, _)| pair.unit() != unit) {
        return None;
    }
    let base = clip(&view.series_name(found[0].0.base), 30);
    let of_laws = || found.iter().filter_map(|(pair, _)| pair.by_law.as_ref());
    let laws = || of_laws().flat_map(|by| &by.trace);
    let runs = || found.iter().filter_map(|(_, trace)| trace.as_ref()).flatten();
    let xs = laws().map(|t| t.0).chain(runs().map(|t| t.0));
    let ys = laws().flat_map(|t| [t.1, t.3]).chain(runs().map(|t| t.1));
    let x = Scale::log(xs, (0.05, 0.05));
    let y = Scale::wide_log(ys.chain([1.0]), (0.1, 0.3));
    let labels = Labels {
        key: "multiplier",
        title: "Compute at equal loss".to_owned(),
        x: format!("loss reached ({unit})"),
        y: format!("compute over that of {base}"),
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "equal compute", &[(low, 1.0), (high, 1.0)]);
    let mut note: Vec<NoteLine> = Vec::new();
    for (k, (pair, trace)) in found.iter().enumerate() {
        let tone = Tone::group(k + 1);
        let label = clip(&view.series_name(pair.other), 24);
        let owner = |mark| Owner { mark, series: pair.other, label: &label };
        if let Some(trace) = trace {
            panel.line(owner("measured"), trace, thread(tone, 2.2, 1.0));
        }
        if let Some(Factor::Reached { at_lowest, .. }) = &pair.measured {
            let words = format!("{label}, measured: {}\u{d7}", factor(*at_lowest.get()));
            note.push((Some(Glyph::Line(tone, "")), words, Tone::Ink));
        }
        if let Some(by) = &pair.by_law {
            panel.band(owner("band"), &by.trace, tone);
            let line: Vec<(f64, f64)> = by.trace.iter().map(|t| (t.0, t.2)).collect();
            let stroke = Stroke { dash: LAW[k % LAW.len()], ..thread(tone, 1.4, 0.8) };
            panel.line(owner("fit"), &line, stroke);
            let e = by.estimate.get();
            let words = format!("{label}, by law: {}\u{d7}{}", factor(e.value), range(e));
            note.push((Some(Glyph::Line(tone, stroke.dash)), words, Tone::Ink));
        }
    }
    note.truncate(WRITTEN);
    panel.note(Trend::Rising, &note);
    let mut legend = Legend::default();
    if runs().next().is_some() {
        legend.add(Key::Line(thread(Tone::Muted, 2.2, 1.0)), "measured, best runs interpolated");
    }
    let by_law = of_laws().next().is_some();
    if by_law {
        let stroke = Stroke { dash: LAW[0], ..thread(Tone::Muted, 1.4, 0.8) };
        legend.add(Key::Line(stroke), "by the laws of loss in compute");
    }
    let level = view.level();
    let bands = match by_law {
        true => format!(" Bands are {level}\u{a0}% intervals."),
        false => String::new(),
    };
    Some(Figure {
        name: "multiplier",
        title: "What equal loss costs".to_owned(),
        caption: format!(
            "Each line is the exact compute that a series needs for a loss, relative to that of {base}, \
             over the losses that both have reached. Its number is the factor at the lowest of them.{bands}{}",
            match one_text(view) {
                true => "",
                false =>
                    " Losses of different text are not the same task: the factor says what compute \
                          buys, not which text is better.",
            }
        ),
        legend,
        panels: vec![panel],
    })
}

/// Whether all runs read the same text, whatever their tokenizers are.
fn one_text(view: &View<'_>) -> bool {
    let mut corpora = view.finished.iter().map(|run| run.corpus.as_str());
    let first = corpora.next();
    corpora.all(|corpus| Some(corpus) == first)
}

/// Dashes of the lines that come from laws.
const LAW: [&str; 3] = ["6 3", "3 2", "9 3 2 3"];
