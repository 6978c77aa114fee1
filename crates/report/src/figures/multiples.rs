//! Small panels, each with the learning curve of one run.

use super::figure::Figure;
use super::legends::size_legend;
use super::losses::{loss_axis, loss_label};
use super::marks::thread;
use super::thin::thin;
use crate::chart::{Frame, Key, Labels, Owner, Panel, Scale, Stroke, Style};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;
use isoflop_results::{Curve, CurvePoint, RunRow};

/// Most panels: nobody looks through more one by one.
const MOST: usize = 96;
const POINTS: usize = 60;

const FRAME: Frame =
    Frame { width: 181.0, height: 140.0, left: 36.0, right: 8.0, top: 24.0, bottom: 22.0 };

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let mut runs: Vec<(&RunRow, &Curve)> = view
        .report
        .curves
        .iter()
        .filter(|curve| curve.points.len() > 1)
        .filter_map(|curve| Some((view.run(&curve.run_id)?, curve)))
        .collect();
    if runs.is_empty() {
        return None;
    }
    runs.sort_by_key(|(run, _)| (view.series_rank(&run.series), run.n(), run.tokens));
    let of = runs.len();
    runs.truncate(MOST);
    let shown = match of > MOST {
        true => {
            format!(" These are the first {MOST} of {of} runs; curves.parquet holds every curve.")
        }
        false => String::new(),
    };
    let all = || runs.iter().flat_map(|(_, curve)| &curve.points);
    let in_unit = |loss: fn(&CurvePoint) -> Option<f64>| {
        runs.iter().flat_map(move |(run, curve)| {
            let unit = view.shared_unit(&run.series);
            let losses = curve.points.iter().filter_map(loss);
            losses.map(move |loss| loss * unit)
        })
    };
    let top = in_unit(|p| p.train_loss).fold(0.0, f64::max) * 0.97;
    let train = in_unit(|p| p.train_loss).filter(|l| *l <= top);
    let test = in_unit(|p| p.test_loss).filter(|l| *l <= top);
    let x = Scale::log(all().map(|p| p.tokens as f64), (0.03, 0.03));
    let y = Scale::log(train.chain(test), (0.05, 0.05));
    let mut legend = size_legend(view);
    legend.add(Key::Line(TEST), "test loss, subset");
    Some(Figure {
        name: "runs-small",
        title: "Run by run".to_owned(),
        caption: format!(
            "Each panel shows the {} of one run by tokens; its test loss is dotted. All panels have \
             the same axes and are in the order of size and tokens.{shown}",
            loss_label(view, "train loss (nats per token)")
        ),
        legend,
        panels: runs.iter().map(|(run, curve)| panel(view, run, curve, x, y)).collect(),
    })
}

const TEST: Stroke = Stroke { tone: Tone::Ink, width: 1.1, opacity: 0.9, dash: "1.5 2" };

fn panel(view: &View<'_>, run: &RunRow, curve: &Curve, x: Scale, y: Scale) -> Panel {
    let labels = Labels {
        key: "run",
        title: clip(&run.run_id, 24),
        x_style: Style::Short,
        loss: loss_axis(view),
        ..Labels::default()
    };
    let mut panel = Panel::framed(labels, x, y, FRAME);
    let owner = |mark| Owner { mark, series: &run.series, label: &run.run_id };
    let unit = view.shared_unit(&run.series);
    let line = |loss: fn(&CurvePoint) -> Option<f64>| {
        let all = curve.points.iter();
        let points: Vec<(f64, f64)> = all
            .filter_map(|p| Some((p.tokens as f64, loss(p)? * unit)))
            .filter(|p| p.1.is_finite())
            .collect();
        thin(&points, POINTS)
    };
    panel.line(owner("train curve"), &line(|p| p.train_loss), thread(view.tone(run), 1.3, 1.0));
    panel.line(owner("test curve"), &line(|p| p.test_loss), TEST);
    panel
}
