//! Sample efficiency: the tokens that a size needs for a loss (Kaplan et al. 2020, figure 2).

use super::figure::Figure;
use super::legends::series_legend;
use super::losses::loss_label;
use super::marks::{dash, thread};
use crate::chart::{Glyph, Key, Labels, Legend, Owner, Panel, Scale, Stroke, Style};
use crate::text::number;
use crate::theme::Tone;
use crate::view::View;
use isoflop_results::{Curve, RunRow};
use std::collections::BTreeMap;

/// Most losses that are asked about.
const LEVELS: usize = 6;

/// The least tokens and FLOPs at which a run of a size reached a loss, by size.
type Reached = BTreeMap<u64, (f64, f64)>;

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    if view.sizes.len() < 3 || view.report.curves.is_empty() {
        return None;
    }
    let levels = levels(view);
    let mut lines: Vec<(f64, &str, Reached)> = Vec::new();
    for loss in &levels {
        for series in &view.series {
            let found = reached(view, series, *loss);
            if found.len() >= 2 {
                lines.push((*loss, series, found));
            }
        }
    }
    if lines.is_empty() {
        return None;
    }
    let mut legend = Legend::default();
    legend.add(Key::Heading, loss_label(view, "loss reached (nats per token)"));
    for (k, loss) in levels.iter().enumerate() {
        let dot = Glyph::Point(crate::chart::Marker::Disc, Tone::budget(k, levels.len()));
        legend.add(Key::Glyph(dot), number((loss * 1e6).round() / 1e6));
    }
    series_legend(view, &mut legend);
    let panels = vec![panel(view, &levels, &lines, true), panel(view, &levels, &lines, false)];
    Some(Figure {
        name: "sample-efficiency",
        title: "Sample efficiency".to_owned(),
        caption:
            "Each dot is the least training of a size that reached a loss. It is read off learning \
                  curves at a constant learning rate: runs annealed for that loss would need less. \
                  Sizes that did not reach a loss are missing."
                .to_owned(),
        legend,
        panels,
    })
}

/// Losses of a curve: test losses where they were measured, else smoothed train losses.
fn losses(curve: &Curve, unit: f64) -> Vec<(f64, f64, f64)> {
    let tested = curve.points.iter().filter(|p| p.test_loss.is_some()).count() > 3;
    let all = curve.points.iter().filter_map(|p| {
        let loss = if tested { p.test_loss } else { p.train_loss }?;
        loss.is_finite().then_some((p.tokens as f64, p.flops, loss * unit))
    });
    all.collect()
}

fn levels(view: &View<'_>) -> Vec<f64> {
    let in_unit = |r: &&RunRow| Some(r.test_loss? * view.shared_unit(&r.series));
    let all: Vec<f64> = view.finished.iter().filter_map(in_unit).collect();
    let (low, high) = all.iter().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(*v), h.max(*v)));
    let ticks = Scale::Linear { low, high: high * 1.15 }.ticks();
    let inside = |v: &&f64| **v > low * 1.01;
    let major: Vec<f64> = ticks.major.iter().filter(inside).copied().collect();
    let mut all: Vec<f64> = match major.len() >= 4 {
        true => major,
        false => ticks.major.iter().chain(&ticks.minor).filter(inside).copied().collect(),
    };
    all.sort_by(f64::total_cmp);
    let stride = all.len().div_ceil(LEVELS).max(1);
    all.into_iter().step_by(stride).collect()
}

fn reached(view: &View<'_>, series: &str, loss: f64) -> Reached {
    let mut found = Reached::new();
    for curve in view.report.curves {
        let Some(run) = view.run(&curve.run_id).filter(|r| r.series == series) else {
            continue;
        };
        let points = losses(curve, view.shared_unit(series));
        let crossing = points.windows(2).find(|w| w[0].2 > loss && w[1].2 <= loss);
        let Some([before, after]) = crossing else {
            continue;
        };
        // A curve is straight between two points in the logarithms of both axes.
        let share = (before.2 - loss) / (before.2 - after.2);
        let between = |a: f64, b: f64| (a.ln() + share * (b / a).ln()).exp();
        let at = (between(before.0, after.0), between(before.1, after.1));
        let best = found.entry(run.n()).or_insert(at);
        if at.0 < best.0 {
            *best = at;
        }
    }
    found
}

fn panel(view: &View<'_>, levels: &[f64], lines: &[(f64, &str, Reached)], tokens: bool) -> Panel {
    let y_of = |at: &(f64, f64)| if tokens { at.0 } else { at.1 };
    let all = || lines.iter().flat_map(|(_, _, found)| found);
    let x = Scale::wide_log(all().map(|(n, _)| *n as f64), (0.06, 0.06));
    let y = Scale::log(all().map(|(_, at)| y_of(at)), (0.06, 0.06));
    let labels = Labels {
        key: if tokens { "tokens_to_loss" } else { "flops_to_loss" },
        title: match tokens {
            true => "Tokens to reach a loss".to_owned(),
            false => "Compute to reach a loss".to_owned(),
        },
        x: "non-embedding parameters N".to_owned(),
        y: match tokens {
            true => "training tokens".to_owned(),
            false => "training compute (FLOPs)".to_owned(),
        },
        x_style: Style::Short,
        y_style: if tokens { Style::Short } else { Style::Power },
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    for (loss, series, found) in lines {
        let rank = levels.iter().position(|l| l == loss).unwrap_or(0);
        let tone = Tone::budget(rank, levels.len());
        let label = format!("loss {}", number((loss * 1e6).round() / 1e6));
        let owner = Owner { mark: "reached", series, label: &label };
        let points: Vec<(f64, f64)> = found.iter().map(|(n, at)| (*n as f64, y_of(at))).collect();
        let dash = dash(view.series_rank(series));
        panel.line(owner, &points, Stroke { dash, ..thread(tone, 1.3, 0.9) });
        for point in points {
            panel.point(owner, point, Glyph::Point(view.marker(series), tone), &label);
        }
    }
    panel
}
