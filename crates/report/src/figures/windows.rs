//! Loss and time against what a local layer sees, at a fixed shape and fixed tokens.

use super::figure::Figure;
use super::losses::{LOSS, loss_axis, loss_label};
use super::swept::{Swept, groups, name, panel, rest, spots, telling};
use crate::chart::{Labels, Legend, Marker, Style};
use crate::options::Choice;
use crate::seconds::{Machine, machines};
use crate::text::clip;
use crate::view::View;
use isoflop_results::RunRow;

/// Columns that say what a layer sees.
const SIGHT: [&str; 4] = ["window", "strided", "fixed", "pattern"];
const AXES: [&str; 4] = ["model.window", "model.strided", "model.fixed", "model.pattern"];

/// Tokens that a local layer sees at the end of the context: all of them without an option.
fn sight(run: &RunRow) -> f64 {
    let context = run.context as f64;
    if let Some(window) = run.window {
        return (window as f64).min(context);
    }
    if let Some(stride) = run.strided.filter(|stride| *stride > 0) {
        return (context / stride as f64).ceil();
    }
    let fixed = run.fixed.as_deref().and_then(|text| text.split_once(':'));
    let numbers = fixed.and_then(|(block, columns)| {
        Some((block.parse::<f64>().ok()?, columns.parse::<f64>().ok()?))
    });
    numbers.map_or(context, |(block, columns)| {
        (block + ((context / block).ceil() - 1.0) * columns).min(context)
    })
}

/// What kind of layer does not see everything: `window`, `window, pattern LLLG`, `strided`; none where all
/// layers see everything.
fn variant(run: &RunRow) -> Option<String> {
    let kinds = [
        ("window", run.window.is_some()),
        ("strided", run.strided.is_some()),
        ("fixed", run.fixed.is_some()),
    ];
    let (kind, _) = kinds.into_iter().find(|(_, has)| *has)?;
    Some(match &run.pattern {
        Some(pattern) => format!("{kind}, pattern {pattern}"),
        None => kind.to_owned(),
    })
}

/// Runs of one shape and length that see more or less, for each variant, with those that see everything.
struct Family<'a> {
    variant: String,
    runs: Vec<&'a RunRow>,
}

fn families<'a>(view: &View<'a>) -> Vec<Family<'a>> {
    let all = groups(view, |run| rest(run, &SIGHT, &AXES), sight);
    let mut found = Vec::new();
    for group in all {
        let mut variants: Vec<String> = Vec::new();
        for kind in group.iter().filter_map(|run| variant(run)) {
            if !variants.contains(&kind) {
                variants.push(kind);
            }
        }
        for kind in variants {
            let of = |run: &&&RunRow| variant(run).is_none_or(|own| own == kind);
            let runs: Vec<&RunRow> = group.iter().filter(of).copied().collect();
            if runs.iter().any(|run| sight(run) != sight(runs[0])) {
                found.push(Family { variant: kind, runs });
            }
        }
    }
    found
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let families = families(view);
    if families.is_empty() {
        return None;
    }
    let groups: Vec<Vec<&RunRow>> = families.iter().map(|family| family.runs.clone()).collect();
    let telling = telling(&groups, &SIGHT);
    let loss = lines(view, &families, &telling, |run| {
        Some(run.test_loss? * view.shared_unit(&run.series))
    });
    let machine = machines(view).first().copied();
    let time = lines(view, &families, &telling, |run| {
        let timed = Some(Machine::of(run)) == machine && run.tokens_per_s > 0.0;
        timed.then(|| 1e6 / run.tokens_per_s)
    });
    let on = machine.map_or_else(String::new, |m| format!(" on {}", clip(&m.words(), 30)));
    let panels = [
        panel(labels(view, "window"), &loss, None, false),
        panel(time_labels(&on), &time, None, true),
    ];
    Some(Figure {
        name: "window",
        title: "Loss and time by what a layer sees".to_owned(),
        caption: "Each line joins runs of one shape and like tokens (within 5\u{a0}%), and is named by its N and D. \
                  A point stands at the tokens that a local layer sees at the end of the context: its window, \
                  context over stride, or a block with the columns of earlier ones; full attention, which sees \
                  the whole context, stands at the right end. Points of several seeds are means, bars \u{b1} one \
                  standard error over seeds. Time is that of training, evaluation left out."
            .to_owned(),
        legend: Legend::default(),
        panels: panels.into_iter().flatten().collect(),
    })
}

fn lines<'a>(
    view: &View<'a>,
    families: &[Family<'a>],
    telling: &[Choice],
    y: impl Fn(&RunRow) -> Option<f64>,
) -> Vec<Swept<'a>> {
    let mut variants: Vec<&str> = families.iter().map(|family| family.variant.as_str()).collect();
    variants.dedup();
    let many = variants.iter().any(|variant| *variant != variants[0]);
    let line = |family: &Family<'a>| {
        let first = family.runs[0];
        let rank = variants.iter().position(|variant| *variant == family.variant).unwrap_or(0);
        let words = name(first, telling);
        Swept {
            label: if many { format!("{words}, {}", family.variant) } else { words },
            series: &first.series,
            tone: view.tone(first),
            marker: Marker::of_series(rank),
            spots: spots(&family.runs, sight, &y),
        }
    };
    families.iter().map(line).collect()
}

fn labels(view: &View<'_>, key: &'static str) -> Labels {
    Labels {
        key,
        title: "Loss".to_owned(),
        x: "tokens seen by a local layer; full at the right end".to_owned(),
        y: loss_label(view, LOSS),
        x_style: Style::Plain,
        loss: loss_axis(view),
        ..Labels::default()
    }
}

fn time_labels(on: &str) -> Labels {
    Labels {
        key: "time",
        title: format!("Time of a token{on}"),
        x: "tokens seen by a local layer; full at the right end".to_owned(),
        y: "training time of a token (\u{b5}s)".to_owned(),
        x_style: Style::Plain,
        ..Labels::default()
    }
}
