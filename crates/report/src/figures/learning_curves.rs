//! Learning curves: losses during training.

use super::figure::Figure;
use super::legends::size_legend;
use super::levels;
use super::losses::{loss_axis, loss_label};
use super::ngrams;
use super::thin::{most, thin};
use crate::chart::{Labels, Owner, Panel, Scale, Stroke, Style};
use crate::view::View;
use isoflop_results::CurvePoint;

/// Share of the highest loss at which the axis ends: the mean of the first steps is near ln V whatever
/// the size, and tells nothing.
const SHOWN: f64 = 0.97;

/// Name of the axis of tokens.
const TOKENS: &str = "training tokens D";

type Curve<'a> = (&'a isoflop_results::RunRow, Vec<(f64, f64)>);

pub(crate) fn figure(view: &View<'_>) -> Option<Figure> {
    let train = |p: &CurvePoint| p.train_loss;
    let test = |p: &CurvePoint| p.test_loss;
    let by_tokens = |p: &CurvePoint| p.tokens as f64;
    let by_flops = |p: &CurvePoint| p.flops;
    let mut panels = Vec::new();
    panels.extend(panel(
        view,
        &curves(view, by_tokens, train),
        ("train_tokens", "Train loss by tokens", TOKENS, "train loss (nats per token)"),
        Style::Short,
    ));
    panels.extend(panel(
        view,
        &curves(view, by_flops, train),
        (
            "train_flops",
            "Train loss by compute",
            "training compute C (FLOPs)",
            "train loss (nats per token)",
        ),
        Style::Power,
    ));
    panels.extend(panel(
        view,
        &curves(view, by_tokens, test),
        ("test_tokens", "Test loss by tokens", TOKENS, "test loss, subset (nats per token)"),
        Style::Short,
    ));
    if panels.is_empty() {
        return None;
    }
    let mut legend = size_legend(view);
    let mut caption = format!(
        "Train losses are means over the steps since the last point. Test losses are measured \
         on a small fixed subset of the test tokens and may differ a little from the runs' final \
         test loss. Losses before the learning rate has decayed are not those of a shorter run.{}",
        match levels::levels(view).is_empty() {
            true => "",
            false => " Dashed lines are losses on the test text that need no model.",
        }
    );
    ngrams::explain(&panels, &mut legend, &mut caption);
    let title = "Learning curves by size".to_owned();
    Some(Figure { name: "learning-curves", title, caption, legend, panels })
}

fn curves<'a>(
    view: &View<'a>,
    x: impl Fn(&CurvePoint) -> f64,
    y: impl Fn(&CurvePoint) -> Option<f64>,
) -> Vec<Curve<'a>> {
    let most = most(view.report.curves.len());
    let curves = view.report.curves.iter().filter_map(|curve| {
        let run = view.run(&curve.run_id)?;
        let unit = view.shared_unit(&run.series);
        let points: Vec<(f64, f64)> = curve
            .points
            .iter()
            .filter_map(|p| Some((x(p), y(p)? * unit)))
            .filter(|(x, y)| *x > 0.0 && *y > 0.0 && y.is_finite())
            .collect();
        (points.len() > 1).then(|| (run, thin(&points, most)))
    });
    curves.collect()
}

fn panel(
    view: &View<'_>,
    curves: &[Curve<'_>],
    (key, title, x_label, y_label): (&'static str, &str, &str, &str),
    x_style: Style,
) -> Option<Panel> {
    if curves.is_empty() {
        return None;
    }
    let all = || curves.iter().flat_map(|(_, points)| points);
    let top = all().map(|p| p.1).fold(0.0, f64::max) * SHOWN;
    let shown = || all().filter(|p| p.1 <= top);
    let x = Scale::log(shown().map(|p| p.0), (0.02, 0.02));
    let marked = levels::near(levels::in_unit(view), shown().map(|p| p.1), f64::ln);
    let heights = marked.iter().map(|level| level.loss);
    let y = Scale::log(shown().map(|p| p.1).chain(heights), (0.05, 0.05));
    let labels = Labels {
        key,
        title: title.to_owned(),
        x: x_label.to_owned(),
        y: loss_label(view, y_label),
        x_style,
        loss: loss_axis(view),
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    levels::draw(&mut panel, &marked);
    let opacity = if curves.len() > 60 { 0.5 } else { 0.85 };
    for (run, points) in curves {
        let dash = ["", "5 2", "2 2", "6 2 1 2"][view.series_rank(&run.series) % 4];
        let owner = Owner { mark: "curve", series: &run.series, label: &run.run_id };
        panel.line(owner, points, Stroke { tone: view.tone(run), width: 1.2, opacity, dash });
    }
    if x_label == TOKENS {
        ngrams::draw(view, &mut panel, (x, y));
    }
    Some(panel)
}
