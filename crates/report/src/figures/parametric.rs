//! How well `L(N, D)` describes the runs.

use super::{Figure, run_title, size_legend};
use crate::chart::{Glyph, Key, Labels, Owner, Panel, Scale, Stroke, Style};
use crate::theme::Tone;
use crate::view::View;
use isoflop_fit::output::{Fit, FittedPoint};

const GUIDE: Stroke = Stroke {
    tone: Tone::Ink,
    width: 1.2,
    opacity: 0.8,
    dash: "",
};

pub(crate) fn figure(view: &View<'_>) -> Option<Figure> {
    let fits: Vec<&Fit> = view
        .report
        .fits
        .fits
        .iter()
        .filter(|f| f.law == "chinchilla")
        .collect();
    if fits.iter().all(|f| f.data.is_empty()) {
        return None;
    }
    let mut legend = size_legend(view);
    legend.add(Key::Line(GUIDE), "perfect agreement");
    let panels = vec![predicted(view, &fits), residuals(view, &fits)];
    let formula = &fits[0].formula;
    Some(Figure {
        name: "parametric",
        title: "The parametric law against the runs".to_owned(),
        caption: format!(
            "{formula}, fitted to {}. Left: the law's loss against the measured one. Right: what \
             is left over, as a share of the law's loss.",
            fits[0].points
        ),
        legend,
        panels,
    })
}

fn glyph(view: &View<'_>, fit: &Fit, point: &FittedPoint) -> (Glyph, String) {
    let run = view.run(&point.label);
    let tone = run.map_or(Tone::Ink, |run| view.tone(run));
    let title = run.map_or_else(|| point.label.clone(), run_title);
    (Glyph::Point(view.shape(&fit.series), tone), title)
}

fn predicted(view: &View<'_>, fits: &[&Fit]) -> Panel {
    let points = || fits.iter().flat_map(|f| &f.data);
    let both = Scale::log(points().flat_map(|p| [p.loss, p.fitted]), (0.06, 0.06));
    let labels = Labels {
        key: "predicted",
        title: "Law and runs".to_owned(),
        x: "loss under the law (nats per token)".to_owned(),
        y: "test loss (nats per token)".to_owned(),
        x_style: Style::Plain,
        y_style: Style::Plain,
    };
    let mut panel = Panel::new(labels, both, both);
    let (low, high) = both.bounds();
    let owner = Owner {
        mark: "agreement",
        series: "",
        label: "y = x",
    };
    panel.line(owner, &[(low, low), (high, high)], GUIDE);
    for fit in fits {
        for p in &fit.data {
            let (mark, title) = glyph(view, fit, p);
            let owner = Owner {
                mark: "run",
                series: &fit.series,
                label: &p.label,
            };
            panel.point(owner, (p.fitted, p.loss), mark, &title);
        }
    }
    panel
}

fn residuals(view: &View<'_>, fits: &[&Fit]) -> Panel {
    let points = || fits.iter().flat_map(|f| &f.data);
    let compute = points().all(|p| p.c.is_some());
    let place = |p: &FittedPoint| if compute { p.c } else { p.n };
    let residual = |p: &FittedPoint| 100.0 * (p.loss / p.fitted - 1.0);
    let largest = points()
        .map(|p| residual(p).abs())
        .fold(0.0, f64::max)
        .max(0.1);
    let x = Scale::wide_log(points().filter_map(place), (0.06, 0.06));
    let y = Scale::linear([-largest, largest], (0.08, 0.08));
    let labels = Labels {
        key: "residual",
        title: "Residuals".to_owned(),
        x: match compute {
            true => "training compute C (FLOPs)".to_owned(),
            false => "parameters N".to_owned(),
        },
        y: "test loss over the law's (%)".to_owned(),
        x_style: if compute { Style::Power } else { Style::Short },
        y_style: Style::Plain,
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    let owner = Owner {
        mark: "agreement",
        series: "",
        label: "0",
    };
    panel.line(owner, &[(low, 0.0), (high, 0.0)], GUIDE);
    for fit in fits {
        for p in &fit.data {
            let Some(at) = place(p) else { continue };
            let (mark, title) = glyph(view, fit, p);
            let owner = Owner {
                mark: "residual",
                series: &fit.series,
                label: &p.label,
            };
            panel.point(owner, (at, residual(p)), mark, &title);
        }
    }
    panel
}
