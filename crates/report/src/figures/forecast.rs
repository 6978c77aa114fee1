//! Forecasts: laws fitted to the smaller budgets and judged by the larger ones.

use super::figure::Figure;
use super::losses::loss_label;
use super::marks::guide;
use super::residuals::main_law;
use crate::chart::{
    Frame, Glyph, Key, Labels, Legend, LossAxis, Marker, Owner, Panel, Scale, Style,
};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::{View, window};
use isoflop_fit::output::{Fit, Forecast, HeldOut, Ranked};

type Window<'a> = (&'a Fit, &'a HeldOut, Tone, Marker);

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let (law, fits) = forecasters(view)?;
    let mut windows: Vec<Window<'_>> = Vec::new();
    for fit in fits {
        let all = fit.validation.iter().flat_map(|v| &v.windows);
        for held in all.filter(|held| !held.points.is_empty()) {
            windows.push((fit, held, Tone::Ink, view.marker(&fit.series)));
        }
    }
    if windows.is_empty() {
        return None;
    }
    let count = windows.len();
    for (k, window) in windows.iter_mut().enumerate() {
        window.2 = Tone::budget(k, count);
    }
    let mut legend = Legend::default();
    legend.add(Key::Heading, "fitted on");
    for (fit, held, tone, shape) in windows.iter().take(8) {
        let series = match view.many_series() {
            true => format!("{}, ", clip(&view.series_name(&fit.series), 24)),
            false => String::new(),
        };
        let inside =
            held.covered.map(|c| format!(": {c} of {} inside", held.held_out)).unwrap_or_default();
        legend.add(
            Key::Glyph(Glyph::Point(*shape, *tone)),
            format!("{series}{}{inside}", clip(&window(&held.window), 60)),
        );
    }
    let mut panels = vec![losses(view, &windows), errors(&windows)];
    panels.extend(ranking(view));
    let level = view.level();
    Some(Figure {
        name: "forecast",
        title: "Held-out forecasts".to_owned(),
        caption: format!(
            "{law} was fitted to the smaller budgets and asked about the next one before seeing it. \
             Bars are {level}\u{a0}% prediction intervals of a single run. A dot whose bar misses \
             the line is a run that the forecast got wrong.{}",
            match view.report.fits.ranking.is_empty() {
                true => "",
                false =>
                    " The errors by law cover every held-out row, the largest size included, that \
                          each law could be fitted for.",
            }
        ),
        legend,
        panels,
    })
}

/// The law that forecasts in each series, or the law that charts draw where none was chosen; in words, and the
/// fits.
fn forecasters<'a>(view: &View<'a>) -> Option<(String, Vec<&'a Fit>)> {
    let fits = view.report.fits;
    let chosen = fits.choices.iter().filter_map(|choice| {
        view.surfaces(&choice.law).into_iter().find(|fit| fit.series == choice.series)
    });
    let chosen: Vec<&Fit> = chosen.collect();
    if chosen.is_empty() {
        let (law, fits) = main_law(view)?;
        return Some((format!("The law {law}"), fits));
    }
    let mut laws: Vec<&str> = chosen.iter().map(|fit| fit.law.as_str()).collect();
    laws.sort_unstable();
    laws.dedup();
    let words = match laws[..] {
        [law] => format!("The law that forecasts, {law},"),
        _ => format!("The law that forecasts in each series ({})", laws.join(", ")),
    };
    Some((words, chosen))
}

fn points<'a>(windows: &'a [Window<'_>]) -> impl Iterator<Item = (&'a Window<'a>, &'a Forecast)> {
    windows.iter().flat_map(|w| w.1.points.iter().map(move |p| (w, p)))
}

fn ends(p: &Forecast) -> Option<(f64, f64)> {
    Some((p.low?, p.high?))
}

fn losses(view: &View<'_>, windows: &[Window<'_>]) -> Panel {
    let unit = |fit: &Fit| view.shared_unit(&fit.series);
    let values = points(windows).flat_map(|(window, p)| {
        let all = [Some(p.loss), Some(p.predicted), p.low, p.high];
        all.map(|v| v.map(|v| v * unit(window.0)))
    });
    let both = Scale::log(values.flatten(), (0.05, 0.05));
    let labels = Labels {
        key: "forecast",
        title: "Forecast and run".to_owned(),
        x: loss_label(view, super::LOSS),
        y: loss_label(view, "predicted loss (nats per token)"),
        loss: match view.by_bytes() {
            true => LossAxis::Neither,
            false => LossAxis::Both,
        },
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, both, both);
    let (low, high) = both.bounds();
    guide(&mut panel, "y = x", &[(low, low), (high, high)]);
    for ((fit, _, tone, shape), p) in points(windows) {
        let owner = Owner { mark: "forecast", series: &fit.series, label: &p.label };
        let unit = unit(fit);
        let ends = ends(p).map(|(low, high)| (low * unit, high * unit));
        let glyph = Glyph::Point(*shape, *tone);
        panel.estimate(owner, (p.loss * unit, p.predicted * unit), ends, false, glyph);
    }
    panel
}

fn errors(windows: &[Window<'_>]) -> Panel {
    let error = |p: &Forecast, value: f64| 100.0 * (value / p.loss - 1.0);
    let values = points(windows)
        .flat_map(|(_, p)| {
            let all = [Some(p.predicted), p.low, p.high].into_iter().flatten();
            all.map(|v| error(p, v))
        })
        .chain([0.0]);
    let y = Scale::linear(values, (0.06, 0.06));
    let compute = points(windows).all(|(_, p)| p.c.is_some());
    let place = |p: &Forecast| if compute { p.c } else { p.n };
    // Sizes stand side by side, since runs of one budget would cover each other.
    let sizes = points(windows).filter_map(|(_, p)| p.n).map(f64::ln);
    let (small, large) =
        sizes.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), n| (l.min(n), h.max(n)));
    let aside = |p: &Forecast| match (compute, p.n) {
        (true, Some(n)) if large > small => 1.0 + 0.5 * ((n.ln() - small) / (large - small) - 0.5),
        _ => 1.0,
    };
    let xs = points(windows).filter_map(|(_, p)| Some(place(p)? * aside(p)));
    let x = Scale::wide_log(xs, (0.08, 0.08));
    let labels = Labels {
        key: "forecast_error",
        title: "Error of the forecast".to_owned(),
        x: match compute {
            true => "C (FLOPs), sizes side by side".to_owned(),
            false => "parameters N".to_owned(),
        },
        y: "predicted over measured loss (%)".to_owned(),
        x_style: if compute { Style::Power } else { Style::Short },
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "0", &[(low, 0.0), (high, 0.0)]);
    for ((fit, _, tone, shape), p) in points(windows) {
        let Some(at) = place(p) else { continue };
        let owner = Owner { mark: "forecast", series: &fit.series, label: &p.label };
        let range = ends(p).map(|(low, high)| (error(p, low), error(p, high)));
        let at = (at * aside(p), error(p, p.predicted));
        panel.estimate(owner, at, range, false, Glyph::Point(*shape, *tone));
    }
    panel
}

/// Panels with the laws in the order of their held-out error, one a series.
fn ranking(view: &View<'_>) -> Vec<Panel> {
    let of = |series: &str| -> Vec<&Ranked> {
        let ranked = view.report.fits.ranking.iter();
        ranked.filter(|r| r.series == series).take(12).collect()
    };
    let series = view.series.iter().map(|s| (*s, of(s)));
    let several = series.filter(|(_, ranked)| ranked.len() > 1);
    several.map(|(name, ranked)| rank(view, name, &ranked)).collect()
}

fn rank(view: &View<'_>, series: &str, ranked: &[&Ranked]) -> Panel {
    let x = Scale::linear(ranked.iter().map(|r| 100.0 * r.rms_error).chain([0.0]), (0.0, 0.1));
    let frame = Frame { left: 126.0, right: 88.0, ..Frame::default() };
    let labels = Labels {
        key: "ranking",
        title: match view.many_series() {
            true => format!("Held-out error: {}", clip(&view.series_name(series), 24)),
            false => "Held-out error by law".to_owned(),
        },
        x: "root mean square error (%)".to_owned(),
        rows: ranked.iter().map(|r| clip(&r.law, 20)).collect(),
        ..Labels::default()
    };
    let rows = Scale::Rows { count: ranked.len() };
    let mut panel = Panel::framed(labels, x, rows, frame);
    for (k, r) in ranked.iter().enumerate() {
        let owner = Owner { mark: "ranked", series, label: &r.law };
        let at = (100.0 * r.rms_error, k as f64);
        let words = format!(
            "{}: {:.2} % over {} held-out rows of {} windows",
            r.law, at.0, r.held_out, r.windows
        );
        panel.point(owner, at, Glyph::Point(Marker::Disc, Tone::group(0)), &words);
        let inside = r.covered.map(|c| format!("{c}/{} inside", r.held_out));
        panel.aside(k as f64, &inside.unwrap_or_default());
    }
    panel
}
