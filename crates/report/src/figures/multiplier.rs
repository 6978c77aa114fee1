//! What one series costs over another at equal loss, in compute, with the optimizer's where it has any, and in
//! seconds, as functions of cost.

use super::figure::Figure;
use super::marks::{dash, guide, thread};
use crate::chart::{
    Glyph, Key, Labels, Legend, NoteLine, Owner, Panel, Scale, Stroke, Style, Trend,
};
use crate::comparison::{Compared, Counted, Factor, Pair, machine_words, pairs};
use crate::text::{clip, factor, with_interval};
use crate::theme::Tone;
use crate::view::View;

/// Most series that a note has a line for.
const WRITTEN: usize = 6;

/// A pair and what is drawn of it in one panel.
struct Drawn<'p, 'a> {
    pair: &'p Pair<'a>,
    compared: &'p Compared<'a>,
    /// Cost of the base, and the factor.
    measured: Vec<(f64, f64)>,
    /// Cost of the base, and the low end, the middle and the high end of the factor.
    by_law: Vec<(f64, f64, f64, f64)>,
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let pairs = pairs(view);
    let compute: Vec<_> = pairs.iter().filter_map(|p| drawn(p, &p.compute)).collect();
    let products: Vec<_> =
        pairs.iter().filter_map(|p| drawn(p, p.all_products.as_ref()?)).collect();
    let seconds: Vec<_> = pairs.iter().filter_map(|p| drawn(p, p.seconds.as_ref()?)).collect();
    let panels: Vec<Panel> =
        [&compute, &products, &seconds].into_iter().filter_map(|all| panel(view, all)).collect();
    let base = clip(&view.series_name(pairs.first()?.base), 30);
    let all = || compute.iter().chain(&products).chain(&seconds);
    let mut legend = Legend::default();
    if all().any(|d| !d.measured.is_empty()) {
        let stroke = Stroke { dash: MEASURED, ..thread(Tone::Muted, 1.4, 0.9) };
        legend.add(Key::Line(stroke), "measured, best runs interpolated");
    }
    let by_law = all().any(|d| !d.by_law.is_empty());
    if by_law {
        legend.add(Key::Line(thread(Tone::Muted, 2.0, 1.0)), "by the laws of both series");
    }
    let bands = match by_law {
        true => format!(" Bands are {}\u{a0}% intervals.", view.level()),
        false => String::new(),
    };
    let text = match one_text(view) {
        true => "",
        false => {
            " Losses of different text are not the same task: the factor says what its cost buys, not which \
             text is better."
        }
    };
    (!panels.is_empty()).then(|| Figure {
        name: "multiplier",
        title: "What equal loss costs".to_owned(),
        caption: format!(
            "Each line is what a series needs for the loss that {base} reaches with the cost below, relative \
             to that cost, over the costs at which both have measured it. Numbers are those at the \
             largest.{bands}{text}"
        ),
        legend,
        panels,
    })
}

/// Dashes of what was measured.
const MEASURED: &str = "3 2";

fn drawn<'p, 'a>(pair: &'p Pair<'a>, compared: &'p Compared<'a>) -> Option<Drawn<'p, 'a>> {
    let measured: Vec<(f64, f64)> = match &compared.measured {
        Some(Factor::Reached { trace, .. }) if trace.len() > 1 => {
            trace.iter().map(|(_, cost, factor)| (*cost, *factor)).collect()
        }
        _ => Vec::new(),
    };
    let told = compared.by_law.iter().flat_map(|found| found.trace());
    let by_law: Vec<_> = told
        .filter_map(|at| Some((at.cost, at.estimate.licensed()?.into_inner())))
        .filter_map(|(cost, e)| Some((cost, e.low?, e.value, e.high?)))
        .collect();
    let any = measured.len() > 1 || by_law.len() > 1;
    any.then_some(Drawn { pair, compared, measured, by_law })
}

fn panel(view: &View<'_>, all: &[Drawn<'_, '_>]) -> Option<Panel> {
    let first = all.first()?;
    let counted = first.compared.counted;
    let base = clip(&view.series_name(first.pair.base), 24);
    let laws = || all.iter().flat_map(|d| &d.by_law);
    let runs = || all.iter().flat_map(|d| &d.measured);
    let xs = laws().map(|t| t.0).chain(runs().map(|t| t.0));
    let ys = laws().flat_map(|t| [t.1, t.3]).chain(runs().map(|t| t.1));
    let x = Scale::decade(xs, (0.02, 0.02));
    // Lines of the note stand above what is drawn.
    let y = Scale::wide_log(ys.chain([1.0]), (0.1, 0.12 + 0.08 * all.len().min(WRITTEN) as f64));
    let labels = match counted {
        Counted::Compute => Labels {
            key: "compute",
            title: "Compute at equal loss".to_owned(),
            x: format!("training compute of {base} (FLOPs)"),
            y: format!("compute over that of {base}"),
            x_style: Style::Power,
            ..Labels::default()
        },
        Counted::AllProducts => Labels {
            key: "all-products",
            title: "Compute at equal loss, optimizer included".to_owned(),
            x: format!("training compute of {base}, optimizer included (FLOPs)"),
            y: format!("compute over that of {base}"),
            x_style: Style::Power,
            ..Labels::default()
        },
        Counted::Seconds(_) => Labels {
            key: "seconds",
            title: format!("Time at equal loss{}", clip(&machine_words(&counted), 34)),
            x: format!("training time of {base} (s)"),
            y: format!("seconds over those of {base}"),
            x_style: Style::Short,
            ..Labels::default()
        },
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "equal cost", &[(low, 1.0), (high, 1.0)]);
    let mut note: Vec<NoteLine> =
        all.iter().filter_map(|drawn| line(view, &mut panel, drawn)).collect();
    if note.len() > WRITTEN {
        let left = note.split_off(WRITTEN - 1).len();
        note.push((None, format!("and {left} more"), Tone::Muted));
    }
    panel.note(Trend::Rising, &note);
    Some(panel)
}

/// Draws a pair and gives the line of the note on it.
fn line(view: &View<'_>, panel: &mut Panel, drawn: &Drawn<'_, '_>) -> Option<NoteLine> {
    let rank = view.series_rank(drawn.pair.other);
    let tone = Tone::group(rank);
    let label = clip(&view.series_name(drawn.pair.other), 24);
    let owner = |mark| Owner { mark, series: drawn.pair.other, label: &label };
    let measured = Stroke { dash: MEASURED, ..thread(tone, 1.4, 0.9) };
    panel.line(owner("measured"), &drawn.measured, measured);
    panel.band(owner("band"), &drawn.by_law, tone);
    let line: Vec<(f64, f64)> = drawn.by_law.iter().map(|t| (t.0, t.2)).collect();
    let stroke = Stroke { dash: dash(rank.saturating_sub(1)), ..thread(tone, 2.0, 1.0) };
    panel.line(owner("fit"), &line, stroke);
    let mut words: Vec<String> = Vec::new();
    if drawn.measured.len() > 1
        && let Some(Factor::Reached { at_lowest, .. }) = &drawn.compared.measured
    {
        words.push(format!("measured {}\u{d7}", factor(*at_lowest.get())));
    }
    let last = drawn.compared.by_law.as_ref().map(|found| found.last().estimate);
    let by_law = last.and_then(|e| e.licensed());
    words.extend(by_law.as_ref().map(|e| format!("by law {}", with_interval(e.get()))));
    let dashes = if by_law.is_some() { stroke.dash } else { MEASURED };
    let words = format!("{label}: {}", words.join(", "));
    Some((Some(Glyph::Line(tone, dashes)), words, Tone::Ink))
        .filter(|_| !drawn.measured.is_empty() || by_law.is_some())
}

/// Whether all runs read the same text, whatever their tokenizers are.
fn one_text(view: &View<'_>) -> bool {
    let mut corpora = view.finished.iter().map(|run| run.corpus.as_str());
    let first = corpora.next();
    corpora.all(|corpus| Some(corpus) == first)
}
