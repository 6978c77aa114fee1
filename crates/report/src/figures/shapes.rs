//! Loss against the shape at a fixed size: aspect, feed-forward ratio and width of heads (Kaplan et al. 2020,
//! figure 5).

use super::figure::Figure;
use super::groups::{Value, about, alike, repeats};
use super::legends::size_legend;
use super::marks::{run_point, thread};
use crate::chart::{Labels, Owner, Panel, Scale, Style};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_results::RunRow;

/// A run and where it is drawn.
type Placed<'a> = (&'a RunRow, (f64, f64));

/// A part of the shape that is varied.
struct Part {
    key: &'static str,
    title: &'static str,
    x: &'static str,
    value: Value,
    /// The axis of a sweep that varies it alone.
    axis: Option<&'static str>,
    /// Whether runs of one line have one width and one depth.
    one_stream: bool,
}

const PARTS: [Part; 3] = [
    Part {
        key: "shape",
        title: "Loss by shape at fixed size",
        x: "width over layers, d_model / n_layers",
        value: |run| run.d_model as f64 / run.n_layers.max(1) as f64,
        axis: None,
        one_stream: false,
    },
    Part {
        key: "feed_forward",
        title: "Loss by feed-forward ratio at fixed size",
        x: "feed-forward width over width, d_ff / d_model",
        value: ratio,
        axis: Some("model.ffn_ratio"),
        one_stream: false,
    },
    Part {
        key: "heads",
        title: "Loss by width of heads at fixed size",
        x: "width of a head, d_model / n_heads",
        value: |run| match run.n_heads {
            Some(heads) if heads > 0 => run.d_model as f64 / heads as f64,
            _ => 0.0,
        },
        axis: Some("model.d_head"),
        one_stream: true,
    },
];

/// Width of the feed-forward half over that of the stream; 0 where there is no such half. Rows of earlier
/// versions have 4.
fn ratio(run: &RunRow) -> f64 {
    match run.d_ff {
        Some(width) => width as f64 / run.d_model.max(1) as f64,
        None if run.feed_forward == "dense" => 4.0,
        None => 0.0,
    }
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let panels: Vec<Panel> = PARTS.iter().filter_map(|part| panel(view, part)).collect();
    (!panels.is_empty()).then(|| Figure {
        name: "shape",
        title: "Shape".to_owned(),
        caption: "Each line joins runs of like size (within 12 %) and tokens (within 5 %) that differ in the part of \
                  the shape below, and is named by their N and D. With the feed-forward ratio depth and width \
                  change too, as far as they must to keep N; with the width of heads nothing else changes. \
                  Of several shapes of one value the best is drawn. Losses are relative to the best of the line."
            .to_owned(),
        legend: size_legend(view),
        panels,
    })
}

/// Keeps the run of the lowest loss of each value that is above 0, in the order of the values.
fn best_of_each(group: &mut Vec<&RunRow>, value: Value) {
    group.retain(|run| value(run) > 0.0 && run.test_loss.is_some());
    let loss = |run: &RunRow| run.test_loss.unwrap_or(f64::INFINITY);
    group.sort_by(|a, b| value(a).total_cmp(&value(b)).then(loss(a).total_cmp(&loss(b))));
    group.dedup_by(|later, kept| value(later) <= 1.01 * value(kept));
}

fn panel(view: &View<'_>, part: &Part) -> Option<Panel> {
    let same = |r: &RunRow| {
        let varied = part.axis.filter(|axis| r.series.value(axis).is_some());
        let series = varied.map_or_else(|| r.series.clone(), |axis| r.series.without(axis));
        let (rate, repeats) = (about(r.learning_rate), repeats(r));
        let stream = part.one_stream.then_some((r.d_model, r.n_layers));
        format!("{}\u{0}{}\u{0}{rate}\u{0}{repeats}\u{0}{stream:?}", series.as_str(), r.seed)
    };
    let mut groups = alike(view, (1.12, 1.05), same, part.value, 3);
    groups.iter_mut().for_each(|group| best_of_each(group, part.value));
    groups.retain(|group| group.len() > 2);
    if groups.is_empty() {
        return None;
    }
    let over = |run: &RunRow, group: &[&RunRow]| {
        let losses = group.iter().filter_map(|r| r.test_loss);
        let best = losses.fold(f64::INFINITY, f64::min);
        Some(100.0 * (run.test_loss? / best - 1.0))
    };
    let points: Vec<Vec<Placed<'_>>> = groups
        .iter()
        .map(|group| {
            let all = group.iter();
            all.filter_map(|r| Some((*r, ((part.value)(r), over(r, group)?)))).collect()
        })
        .collect();
    let all = || points.iter().flatten();
    let labels = Labels {
        key: part.key,
        title: part.title.to_owned(),
        x: part.x.to_owned(),
        y: "test loss over the best shape's (%)".to_owned(),
        x_style: Style::Plain,
        ..Labels::default()
    };
    let x = Scale::wide_log(all().map(|p| p.1.0), (0.06, 0.3));
    let y = Scale::linear(all().map(|p| p.1.1).chain([0.0]), (0.06, 0.08));
    let mut panel = Panel::new(labels, x, y);
    let mut names = Vec::new();
    for group in points.iter().filter(|group| !group.is_empty()) {
        let first = group[0].0;
        let label = format!("{}, {}", short(first.n() as f64), short(first.tokens as f64));
        let owner = Owner { mark: "shapes", series: &first.series, label: &label };
        let line: Vec<(f64, f64)> = group.iter().map(|p| p.1).collect();
        panel.line(owner, &line, thread(view.tone(first), 1.2, 0.8));
        for (run, at) in group {
            run_point(view, &mut panel, run, *at);
        }
        names.extend(line.last().map(|end| (*end, label.clone(), view.tone(first))));
    }
    panel.right_labels(&names);
    Some(panel)
}
