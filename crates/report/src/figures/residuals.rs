//! Residuals of laws of all runs.

use super::figure::Figure;
use super::legends::size_legend;
use super::losses::loss_label;
use super::marks::{LINE, dash, fitted_run, guide, thread};
use crate::chart::{Key, Labels, Legend, LossAxis, Owner, Panel, Scale, Stroke, Style, Trend};
use crate::theme::Tone;
use crate::view::{View, n_words};
use isoflop_fit::output::{Fit, FittedPoint};

/// Laws of all runs whose residuals are compared, in order.
const LAWS: [&str; 4] = ["chinchilla", "chinchilla-tied", "kaplan", "kaplan-offset"];

/// The figure of one law: predicted against measured losses, and residuals against each variable.
pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let (law, fits) = main_law(view)?;
    let mut legend = size_legend(view);
    legend.add(Key::Line(MEAN), "mean residual");
    let mut panels = vec![predicted(view, &fits)];
    let reach = reach(fits.iter().copied());
    panels.extend(VARIABLES.iter().filter_map(|v| residuals(view, &fits, v, v.title, reach)));
    Some(Figure {
        name: "residuals",
        title: "A law of all runs against the runs".to_owned(),
        caption: format!(
            "The law {law}, {}, was fitted to {}. A residual is the test loss over the law's, in per \
             cent. A law of the right form leaves no trend in any variable.",
            fits[0].formula, fits[0].points
        ),
        legend,
        panels,
    })
}

/// The figure of all laws: their residuals against compute, on one scale.
pub(super) fn by_law(view: &View<'_>) -> Option<Figure> {
    let groups: Vec<Vec<&Fit>> =
        LAWS.iter().map(|law| view.surfaces(law)).filter(|fits| !fits.is_empty()).collect();
    if groups.len() < 2 {
        return None;
    }
    let reach = reach(groups.iter().flatten().copied());
    let by_compute = &VARIABLES[2];
    let panels: Vec<Panel> = groups
        .iter()
        .filter_map(|fits| {
            let title = format!("Residuals of {}", fits[0].law);
            let mut panel = residuals(view, fits, by_compute, &title, reach)?;
            let squares = fits.iter().flat_map(|f| &f.data).map(|p| residual(p).powi(2));
            let count = fits.iter().map(|f| f.data.len()).sum::<usize>() as f64;
            let rms = (squares.sum::<f64>() / count).sqrt();
            let words = format!("root mean square {rms:.2} %");
            panel.note(Trend::Falling, &[(None, words, Tone::Ink)]);
            Some(panel)
        })
        .collect();
    let mut legend = size_legend(view);
    legend.add(Key::Line(MEAN), "mean residual");
    (panels.len() > 1).then(|| Figure {
        name: "residuals-by-law",
        title: "Residuals by law".to_owned(),
        caption:
            "A residual is the test loss over the law's, in per cent. All laws have one scale."
                .to_owned(),
        legend,
        panels,
    })
}

const MEAN: Stroke = Stroke { width: 1.4, ..LINE };

/// The law that figures of L(N, D) show: Chinchilla's, or the first of the others that was fitted.
pub(super) fn main_law<'a>(view: &View<'a>) -> Option<(&'static str, Vec<&'a Fit>)> {
    let mut all = LAWS.iter().map(|law| (*law, view.surfaces(law)));
    all.find(|(_, fits)| !fits.is_empty())
}

/// A residual in per cent of the loss that the law has.
fn residual(p: &FittedPoint) -> f64 {
    100.0 * (p.loss / p.fitted - 1.0)
}

fn reach<'a>(fits: impl Iterator<Item = &'a Fit>) -> f64 {
    let all = fits.flat_map(|f| &f.data).map(|p| residual(p).abs());
    all.filter(|r| r.is_finite()).fold(0.1, f64::max)
}

fn predicted(view: &View<'_>, fits: &[&Fit]) -> Panel {
    let unit = |fit: &Fit| view.shared_unit(&fit.series);
    let points = fits.iter().flat_map(|f| f.data.iter().map(|p| (p, unit(f))));
    let both =
        Scale::log(points.flat_map(|(p, unit)| [p.loss * unit, p.fitted * unit]), (0.06, 0.06));
    let labels = Labels {
        key: "predicted",
        title: "Law and runs".to_owned(),
        x: loss_label(view, "loss under the law (nats per token)"),
        y: loss_label(view, super::LOSS),
        loss: match view.by_bytes() {
            true => LossAxis::Neither,
            false => LossAxis::Both,
        },
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, both, both);
    let (low, high) = both.bounds();
    guide(&mut panel, "y = x", &[(low, low), (high, high)]);
    for fit in fits {
        for p in &fit.data {
            let mark = ("run", fit.series.as_str(), p.label.as_str());
            let at = (p.fitted * unit(fit), p.loss * unit(fit));
            fitted_run(view, &mut panel, mark, at);
        }
    }
    panel
}

/// A variable that residuals are drawn against.
struct Variable {
    key: &'static str,
    title: &'static str,
    axis: fn(&Fit) -> String,
    style: Style,
    of: fn(&FittedPoint) -> Option<f64>,
}

const VARIABLES: [Variable; 3] = [
    Variable {
        key: "residual_n",
        title: "Residuals by parameters",
        axis: |fit| format!("{} N", n_words(&fit.n_kind)),
        style: Style::Short,
        of: |p| p.n,
    },
    Variable {
        key: "residual_d",
        title: "Residuals by tokens",
        axis: |_| "training tokens D".to_owned(),
        style: Style::Short,
        of: |p| p.d,
    },
    Variable {
        key: "residual_c",
        title: "Residuals by compute",
        axis: |_| "training compute C (FLOPs)".to_owned(),
        style: Style::Power,
        of: |p| p.c,
    },
];

fn residuals(
    view: &View<'_>,
    fits: &[&Fit],
    variable: &Variable,
    title: &str,
    reach: f64,
) -> Option<Panel> {
    let points = || fits.iter().flat_map(|f| &f.data);
    let at = |p: &FittedPoint| (variable.of)(p).filter(|x| x.is_finite() && *x > 0.0);
    points().find_map(at)?;
    let x = Scale::wide_log(points().filter_map(at), (0.06, 0.06));
    let y = Scale::linear([-reach, reach], (0.14, 0.08));
    let labels = Labels {
        key: variable.key,
        title: title.to_owned(),
        x: (variable.axis)(fits[0]),
        y: "test loss over the law's (%)".to_owned(),
        x_style: variable.style,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "0", &[(low, 0.0), (high, 0.0)]);
    for fit in fits {
        let mut all: Vec<(f64, f64)> = Vec::new();
        for p in &fit.data {
            let Some(x) = at(p) else { continue };
            let mark = ("residual", fit.series.as_str(), p.label.as_str());
            fitted_run(view, &mut panel, mark, (x, residual(p)));
            all.push((x, residual(p)));
        }
        let owner = Owner { mark: "mean residual", series: &fit.series, label: &fit.law };
        let dash = dash(view.series_rank(&fit.series));
        panel.line(owner, &means(all), Stroke { dash, ..MEAN });
    }
    Some(panel)
}

/// Means over up to eight groups of neighbours; points of equal x stay in one group.
fn means(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    const GROUPS: usize = 8;
    points.retain(|p| p.1.is_finite());
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = points.len().div_ceil(GROUPS).max(1);
    let mut groups: Vec<Vec<(f64, f64)>> = Vec::new();
    for point in points {
        match groups.last_mut() {
            Some(group)
                if group.len() < size || group.last().is_some_and(|l| l.0 * 1.02 > point.0) =>
            {
                group.push(point);
            }
            _ => groups.push(vec![point]),
        }
    }
    let mean = |group: Vec<(f64, f64)>| {
        let count = group.len() as f64;
        let x = (group.iter().map(|p| p.0.ln()).sum::<f64>() / count).exp();
        (x, group.iter().map(|p| p.1).sum::<f64>() / count)
    };
    groups.into_iter().map(mean).collect()
}

/// A legend of the colours of several laws.
pub(super) fn law_legend(names: &[&str]) -> Legend {
    let mut legend = Legend::default();
    for (k, name) in names.iter().enumerate() {
        legend.add(Key::Line(thread(Tone::group(k), 1.6, 1.0)), *name);
    }
    legend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_size_have_one_mean() {
        let points: Vec<(f64, f64)> =
            (0..30).map(|k| (f64::from(k / 10 + 1) * 1e3, f64::from(k % 10))).collect();
        let found = means(points);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|(_, mean)| (mean - 4.5).abs() < 1e-12));
    }
}
