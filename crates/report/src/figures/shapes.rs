//! Loss against depth and width at a fixed size (Kaplan et al. 2020, figure 5).

use super::figure::Figure;
use super::groups::{about, alike, repeats};
use super::legends::size_legend;
use super::marks::{run_point, thread};
use crate::chart::{Labels, Owner, Panel, Scale, Style};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_results::RunRow;

/// A run and where it is drawn.
type Placed<'a> = (&'a RunRow, (f64, f64));

fn aspect(run: &RunRow) -> f64 {
    run.d_model as f64 / run.n_layers.max(1) as f64
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let same = |r: &RunRow| {
        let (rate, repeats) = (about(r.learning_rate), repeats(r));
        format!("{}\u{0}{}\u{0}{rate}\u{0}{repeats}", r.series, r.seed)
    };
    let groups = alike(view, (1.12, 1.05), same, aspect, 3);
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
            all.filter_map(|r| Some((*r, (aspect(r), over(r, group)?)))).collect()
        })
        .collect();
    let all = || points.iter().flatten();
    let labels = Labels {
        key: "shape",
        title: "Loss by shape at fixed size".to_owned(),
        x: "width over layers, d_model / n_layers".to_owned(),
        y: "test loss over the best shape's (%)".to_owned(),
        x_style: Style::Plain,
        ..Labels::default()
    };
    let x = Scale::wide_log(all().map(|p| p.1.0), (0.06, 0.3));
    let y = Scale::linear(all().map(|p| p.1.1).chain([0.0]), (0.06, 0.08));
    let mut panel = Panel::new(labels, x, y);
    let mut names = Vec::new();
    for group in &points {
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
    Some(Figure {
        name: "shape",
        title: "Shape".to_owned(),
        caption:
            "Each line joins runs of like size (within 12 %) and tokens (within 5 %) that differ in \
                  depth and width, and is named by their N and D. Losses are relative to the best of \
                  the line."
                .to_owned(),
        legend: size_legend(view),
        panels: vec![panel],
    })
}
