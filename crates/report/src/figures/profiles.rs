//! Profile likelihoods: how much worse a fit becomes as one parameter is held away from its best value.

use super::figure::Figure;
use super::marks::{GUIDE, dash, guide, thread};
use super::residuals::{law_legend, main_law};
use crate::chart::{Glyph, Key, Labels, Legend, Marker, Owner, Panel, Scale, Stroke, Style};
use crate::text::{clip, sup, three_digits};
use crate::theme::Tone;
use crate::view::{View, place};
use isoflop_fit::output::{Fit, Profile};

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let (_, fits) = main_law(view)?;
    let fits: Vec<&Fit> = fits.into_iter().filter(|f| !f.profiles.is_empty()).collect();
    let first = fits.first()?;
    let mut names: Vec<&str> = first.profiles.iter().map(|p| p.parameter.as_str()).collect();
    names.sort_by_key(|name| place(name));
    let panels = names.iter().filter_map(|name| panel(view, &fits, name));
    let panels: Vec<Panel> = panels.collect();
    if panels.is_empty() {
        return None;
    }
    let mut legend = match fits.len() {
        1 => Legend::default(),
        _ => {
            let series: Vec<String> =
                fits.iter().map(|f| clip(&view.series_name(&f.series), 40)).collect();
            law_legend(&series.iter().map(String::as_str).collect::<Vec<_>>())
        }
    };
    let level = view.level();
    legend.add(Key::Line(GUIDE), format!("end of the {level} % interval"));
    legend.add(
        Key::Glyph(Glyph::Point(Marker::Diamond, Tone::group(0))),
        "estimate, with its bootstrap interval",
    );
    Some(Figure {
        name: "profiles",
        title: "Profile likelihoods".to_owned(),
        caption: format!(
            "Each curve is the rise of the objective of {}, in units of its dispersion, as one \
             parameter is held and every other is at its best. A curve that stays under the dashed \
             line on one side leaves that end of the interval open: the runs do not say.",
            first.formula
        ),
        legend,
        panels,
    })
}

fn panel(view: &View<'_>, fits: &[&Fit], name: &str) -> Option<Panel> {
    let found: Vec<(&Fit, &Profile)> = fits
        .iter()
        .filter_map(|fit| Some((*fit, fit.profiles.iter().find(|p| p.parameter == name)?)))
        .filter(|(_, profile)| profile.points.len() > 1)
        .collect();
    let threshold = found.first()?.1.threshold;
    let top = 2.2 * threshold;
    let inside = || {
        let all = found.iter().flat_map(|(_, p)| &p.points);
        all.filter(|p| p.statistic <= top && p.value.is_finite())
    };
    let (low, high) = inside()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.value), h.max(p.value)));
    // The axis of a coefficient is logarithmic: its interval may span decades.
    let wide = low > 0.0 && high / low > 8.0;
    let x = match wide {
        true => Scale::log([low, high], (0.05, 0.05)),
        false => Scale::linear([low, high], (0.05, 0.05)),
    };
    let y = Scale::Linear { low: -0.1 * top, high: top };
    let labels = Labels {
        key: "profile",
        title: title(name, &found),
        x: match name {
            "E" => "E (nats per token)".to_owned(),
            "n_exponent" => format!("a of N* ~ C{}, C = 6ND", sup("a")),
            "d_exponent" => format!("b of D* ~ C{}, C = 6ND", sup("b")),
            other => crate::view::symbol(other),
        },
        y: "rise of the objective".to_owned(),
        x_style: match wide && (high >= 1e4 || low < 1e-3) {
            true => Style::Power,
            false => Style::Plain,
        },
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (from, to) = x.bounds();
    guide(&mut panel, "threshold", &[(from, threshold), (to, threshold)]);
    for (fit, profile) in &found {
        let rank = if fits.len() > 1 { view.series_rank(&fit.series) } else { 0 };
        let tone = Tone::group(rank);
        let owner = Owner { mark: "profile", series: &fit.series, label: name };
        let line: Vec<(f64, f64)> = clipped(profile, top);
        let stroke = thread(tone, 1.7, 1.0);
        let dash = dash(rank);
        panel.line(owner, &line, Stroke { dash, ..stroke });
        if let Some(e) = fit.parameters.get(name) {
            let owner = Owner { mark: "estimate", ..owner };
            let ends = super::marks::ends(e);
            let glyph = Glyph::Point(Marker::Diamond, tone);
            panel.estimate(owner, (e.value, 0.0), ends, true, glyph);
        }
    }
    Some(panel)
}

/// The title of a panel: its parameter, with the interval of the profile where there is one alone.
fn title(name: &str, found: &[(&Fit, &Profile)]) -> String {
    let symbol = crate::view::symbol(name);
    let [(_, profile)] = found else {
        return symbol;
    };
    let end = |v: Option<f64>| v.map_or("open".to_owned(), three_digits);
    let doubt = if profile.identified { "" } else { ", not identified" };
    format!(
        "{symbol} = {} [{}, {}]{doubt}",
        three_digits(profile.value),
        end(profile.low),
        end(profile.high)
    )
}

/// The profile up to a height, cut there between two of its points.
fn clipped(profile: &Profile, top: f64) -> Vec<(f64, f64)> {
    let mut line = Vec::new();
    let mut last: Option<(f64, f64)> = None;
    for p in &profile.points {
        let at = (p.value, p.statistic);
        if let Some(before) = last
            && (before.1 > top) != (at.1 > top)
            && before.1.is_finite()
            && at.1.is_finite()
        {
            let share = (top - before.1) / (at.1 - before.1);
            line.push((before.0 + (at.0 - before.0) * share, top));
        }
        if at.1 <= top {
            line.push(at);
        }
        last = Some(at);
    }
    line
}
