//! Every exponent with its interval, side by side.

use super::figure::Figure;
use super::losses::loss_label;
use crate::chart::{Frame, Glyph, Labels, Legend, Marker, Owner, Panel, Scale};
use crate::text::{clip, plain, sup, with_interval};
use crate::theme::Tone;
use crate::view::{View, letter, symbol};
use isoflop_fit::output::{Estimate, Fit};

/// A parameter as one fit finds it.
struct Row<'a> {
    series: &'a str,
    name: String,
    estimate: Estimate,
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let groups = [
        ("loss_exponents", "Exponents of the loss", "exponent", losses(view)),
        (
            "optimal_exponents",
            "Exponents of the optimum",
            &format!("a of N* ~ C{}, b of D* ~ C{}", sup("a"), sup("b")),
            optima(view),
        ),
        ("irreducible", "Irreducible loss", &loss_label(view, "E (nats per token)"), floors(view)),
    ];
    let widest = groups.iter().map(|g| g.3.len()).max().unwrap_or(0);
    if widest < 2 {
        return None;
    }
    let panels = groups
        .into_iter()
        .filter(|(.., rows)| !rows.is_empty())
        .map(|(key, title, axis, rows)| panel(view, (key, title, axis), rows));
    let panels: Vec<Panel> = panels.collect();
    let level = view.level();
    Some(Figure {
        name: "intervals",
        title: "Exponents and their intervals".to_owned(),
        caption: format!(
            "Each row is an exponent that was fitted, with its {level}\u{a0}% interval. Exponents of the \
             optimum use the count of C that their figure has. An open ring is a parameter that the \
             runs do not identify. Exponents whose intervals do not overlap differ; those whose \
             intervals overlap may differ all the same."
        ),
        legend: Legend::default(),
        panels,
    })
}

/// Laws whose parameters bear these names.
fn parameters<'a>(view: &View<'a>, names: &[&str]) -> Vec<Row<'a>> {
    let fits = &view.report.fits.fits;
    let row = |fit: &'a Fit, name: &str| {
        let estimate = *fit.parameters.get(name)?;
        let at = fit.x.map(|x| format!(" in {}", letter(x)));
        let name = format!("{}{}: {}", fit.law, at.unwrap_or_default(), symbol(name));
        Some(Row { series: fit.series.as_str(), name, estimate })
    };
    names.iter().flat_map(|name| fits.iter().filter_map(move |fit| row(fit, name))).collect()
}

/// E in the unit that all series share.
fn floors<'a>(view: &View<'a>) -> Vec<Row<'a>> {
    let mut rows = parameters(view, &["E"]);
    for row in &mut rows {
        let unit = view.shared_unit(row.series);
        let e = &mut row.estimate;
        e.value *= unit;
        for end in [&mut e.low, &mut e.high, &mut e.standard_error] {
            *end = end.map(|v| v * unit);
        }
    }
    rows
}

fn losses<'a>(view: &View<'a>) -> Vec<Row<'a>> {
    parameters(view, &["alpha", "alpha_N", "beta", "alpha_D"])
}

/// Of every approach; of the laws themselves where approaches were not compared.
fn optima<'a>(view: &View<'a>) -> Vec<Row<'a>> {
    let fits = view.report.fits;
    let mut rows = Vec::new();
    for exponent in ["a", "b"] {
        for all in &fits.approaches {
            for approach in &all.approaches {
                let found = match exponent {
                    "a" => approach.n_exponent,
                    _ => approach.d_exponent,
                };
                rows.extend(found.map(|estimate| Row {
                    series: all.series.as_str(),
                    name: format!("approach {}: {exponent}", approach.name),
                    estimate,
                }));
            }
        }
        if !fits.approaches.is_empty() {
            continue;
        }
        for isoflop in &fits.isoflop {
            let found = match exponent {
                "a" => isoflop.n_exponent,
                _ => isoflop.d_exponent,
            };
            rows.extend(found.map(|estimate| Row {
                series: isoflop.series.as_str(),
                name: format!("isoFLOP minima: {exponent}"),
                estimate,
            }));
        }
    }
    if fits.approaches.is_empty() {
        rows.extend(parameters(view, &["n_exponent", "d_exponent"]));
    }
    rows
}

const ROW: f64 = 21.0;

fn panel(
    view: &View<'_>,
    (key, title, axis): (&'static str, &str, &str),
    mut rows: Vec<Row<'_>>,
) -> Panel {
    // One parameter of one law in all series stands together.
    if view.many_series() {
        let names: Vec<String> = rows.iter().map(|r| r.name.clone()).collect();
        let first = |name: &String| names.iter().position(|n| n == name);
        rows.sort_by_key(|r| (first(&r.name), view.series_rank(r.series)));
    }
    let labels = Labels {
        key,
        title: title.to_owned(),
        x: axis.to_owned(),
        rows: rows
            .iter()
            .map(|r| match view.many_series() {
                true => format!("{}, {}", r.name, clip(&view.series_name(r.series), 20)),
                false => r.name.clone(),
            })
            .collect(),
        ..Labels::default()
    };
    // An interval without end says nothing more by filling the panel.
    let finite = |v: &f64| v.is_finite();
    let values: Vec<f64> = rows.iter().map(|r| r.estimate.value).filter(finite).collect();
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let span = (high - low).max(0.5 * high.abs()).max(1e-3);
    let ends = rows
        .iter()
        .flat_map(|r| [r.estimate.low, r.estimate.high])
        .flatten()
        .filter(|v| low <= high && v.is_finite())
        .map(|v| v.clamp(low - span, high + span));
    let x = Scale::linear(values.iter().copied().chain(ends), (0.05, 0.05));
    let frame = Frame {
        width: 563.0,
        height: 80.0 + ROW * rows.len() as f64,
        left: if view.many_series() { 250.0 } else { 190.0 },
        right: 134.0,
        ..Frame::default()
    };
    let scale = Scale::Rows { count: rows.len() };
    let mut panel = Panel::framed(labels, x, scale, frame);
    for (k, row) in rows.iter().enumerate() {
        let e = &row.estimate;
        let tone = match view.many_series() {
            true => Tone::group(view.series_rank(row.series)),
            false => Tone::group(0),
        };
        let glyph = match e.identified {
            true => Glyph::Point(view.marker(row.series), tone),
            false => Glyph::Ring(Marker::Disc),
        };
        let label = plain(&row.name);
        let owner = Owner { mark: "interval", series: row.series, label: &label };
        panel.estimate(owner, (e.value, k as f64), super::marks::ends(e), true, glyph);
        panel.aside(k as f64, &with_interval(e));
    }
    panel
}
