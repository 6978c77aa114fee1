//! Loss against experts at a fixed shape and fixed tokens, and how evenly experts are used.

use super::figure::Figure;
use super::losses::{LOSS, loss_axis, loss_label};
use super::swept::{Swept, groups, name, panel, rest, spots, telling};
use crate::chart::{Labels, Legend, Marker, Style};
use crate::options::Choice;
use crate::view::View;
use isoflop_results::RunRow;

/// Columns in which a mixture differs from the dense run of its shape.
const OF_MIXTURES: [&str; 7] = [
    "feed_forward",
    "experts",
    "active_experts",
    "shared_experts",
    "granularity",
    "gate",
    "balance",
];
/// Axes that may make one run a mixture and another dense.
const AXES: [&str; 2] = ["model.moe.experts", "model.family"];

/// Experts for each one that a token uses; 1 for a dense model.
fn ratio(run: &RunRow) -> f64 {
    match (run.experts, run.active_experts) {
        (Some(all), Some(active)) if active > 0 => all as f64 / active as f64,
        _ => 1.0,
    }
}

/// Groups of mixtures that differ in their experts alone.
pub(crate) fn mixtures<'a>(view: &View<'a>) -> Vec<Vec<&'a RunRow>> {
    // A dense run is in a group of its own, since it chooses no experts.
    let same = |run: &RunRow| rest(run, &["experts"], &AXES);
    let mut found = groups(view, same, ratio);
    found.retain(|group| group.iter().all(|run| run.experts.is_some()));
    found
}

/// Dense runs of the shape, text and tokens of a mixture.
fn dense<'a>(view: &View<'a>, run: &RunRow) -> Vec<&'a RunRow> {
    let same = |run: &RunRow| {
        rest(run, &OF_MIXTURES, &["model.moe.experts", "model.family", "model.moe.active"])
    };
    let wanted = same(run);
    let near = |other: &RunRow| (other.tokens as f64 / run.tokens as f64).ln().abs() < 0.05;
    let all = view.finished.iter().copied().filter(|other| other.experts.is_none());
    all.filter(|other| near(other) && same(other) == wanted).collect()
}

/// The mean loss of runs.
fn mean(runs: &[&RunRow]) -> Option<f64> {
    let losses: Vec<f64> = runs.iter().filter_map(|run| run.test_loss).collect();
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let groups = mixtures(view);
    if groups.is_empty() {
        return None;
    }
    let bases: Vec<Option<f64>> = groups.iter().map(|g| mean(&dense(view, g[0]))).collect();
    let is_relative = bases.iter().all(Option::is_some);
    let telling = telling(&groups, &["experts"]);
    let loss = |run: &RunRow, base: Option<f64>| match is_relative {
        true => Some(100.0 * (run.test_loss? / base? - 1.0)),
        false => Some(run.test_loss? * view.shared_unit(&run.series)),
    };
    let of_loss = lines(view, &groups, &telling, |run, k| loss(run, bases[k]));
    let of_load = lines(view, &groups, &telling, |run, _| run.load);
    let level = is_relative.then_some((0.0, "the dense run"));
    let even = Some((1.0, "even load"));
    let panels = [
        panel(loss_labels(view, is_relative), &of_loss, level, false),
        panel(load_labels(), &of_load, even, false),
    ];
    Some(Figure {
        name: "experts",
        title: "Experts at a fixed shape".to_owned(),
        caption: caption(is_relative),
        legend: Legend::default(),
        panels: panels.into_iter().flatten().collect(),
    })
}

fn lines<'a>(
    view: &View<'a>,
    groups: &[Vec<&'a RunRow>],
    telling: &[Choice],
    y: impl Fn(&RunRow, usize) -> Option<f64>,
) -> Vec<Swept<'a>> {
    let line = |(k, group): (usize, &Vec<&'a RunRow>)| {
        let first = group[0];
        let mut all: Vec<&RunRow> = group.clone();
        // The dense run has as much of a feed-forward half for a token where one whole expert works.
        if first.active_experts == first.granularity && first.shared_experts.unwrap_or(0) == 0 {
            all.extend(dense(view, first));
        }
        Swept {
            label: name(first, telling),
            series: &first.series,
            tone: view.tone(first),
            marker: Marker::of_series(k),
            spots: spots(&all, ratio, |run| y(run, k)),
        }
    };
    groups.iter().enumerate().map(line).collect()
}

fn caption(is_relative: bool) -> String {
    let base = match is_relative {
        true => {
            " Losses are relative to the dense run of the same width, depth, heads and tokens, drawn as 1 expert \
             where a token meets as much of a feed-forward half."
        }
        false => "",
    };
    format!(
        "Each line joins mixtures of one width, depth and number of heads, trained on like tokens (within 5\u{a0}%), \
         that differ in the experts present alone; it is named by N and D of its fewest experts. The active size \
         is fixed but for the router, which grows with the experts: the table has N with and without it.{base} \
         Points of several seeds are means, bars \u{b1} one standard error over seeds. Load is the largest share of \
         an expert over the mean share, in the most uneven layer."
    )
}

fn loss_labels(view: &View<'_>, is_relative: bool) -> Labels {
    Labels {
        key: "experts",
        title: "Loss by experts".to_owned(),
        x: "experts present over experts active".to_owned(),
        y: match is_relative {
            true => "test loss over the dense run's (%)".to_owned(),
            false => loss_label(view, LOSS),
        },
        x_style: Style::Plain,
        loss: if is_relative { Default::default() } else { loss_axis(view) },
        ..Labels::default()
    }
}

fn load_labels() -> Labels {
    Labels {
        key: "load",
        title: "Load of the busiest expert".to_owned(),
        x: "experts present over experts active".to_owned(),
        y: "largest share over the mean share".to_owned(),
        x_style: Style::Plain,
        ..Labels::default()
    }
}
