//! The three panels as a Vega-Lite specification with its data, to be restyled elsewhere.

use crate::counted::Counted;
use crate::figures::{LOSS, loss_label};
use crate::power_laws;
use crate::replicates;
use crate::view::{View, c_of, letter, n_of};
use isoflop_core::units::FLOPS_PER_PF_DAY;
use isoflop_fit::output::Axis;
use serde_json::{Value, json};

/// A specification of version 5: runs with their fitted laws against C, D and N. Both axes are
/// logarithmic, and every run has a tooltip.
pub(crate) fn specification(view: &View<'_>) -> Value {
    let panels: Vec<Value> = [
        (Axis::C, "training compute C (PF-days)"),
        (Axis::D, "training tokens D"),
        (Axis::N, "parameters N"),
    ]
    .into_iter()
    .map(|(axis, title)| panel(view, axis, title))
    .collect();
    json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": view.report.title,
        "description": view.report.question,
        "hconcat": panels,
        "config": { "axis": { "grid": true }, "view": { "stroke": null } },
    })
}

fn panel(view: &View<'_>, axis: Axis, title: &str) -> Value {
    let fits = power_laws::identified(view, axis);
    let first = fits.first().map(|fit| *fit.get());
    let n_kind = first.map_or("n_non_embedding", |f| f.n_kind.as_str());
    let c_kind = first.and_then(|f| f.c_kind.as_deref());
    let unit = if axis == Axis::C { FLOPS_PER_PF_DAY } else { 1.0 };
    let runs: Vec<Value> = view
        .finished
        .iter()
        .map(|run| {
            let x = match axis {
                Axis::N => n_of(run, n_kind),
                Axis::D => run.tokens as f64,
                Axis::C => c_of(run, c_kind) / unit,
            };
            json!({
                "run": run.run_id, "series": run.series, "x": x, "test_loss": run.test_loss,
                "loss": run.test_loss.map(|loss| loss * view.shared_unit(&run.series)),
                "n_non_embedding": run.n(), "tokens": run.tokens, "c_exact": run.c_exact,
            })
        })
        .collect();
    let mut lines: Vec<Value> = Vec::new();
    for fit in &fits {
        let Some(drawn) = replicates::power(*fit) else {
            continue;
        };
        let fit = fit.get();
        let in_unit = view.shared_unit(&fit.series);
        let xs: Vec<f64> = fit
            .data
            .iter()
            .filter_map(|p| match axis {
                Axis::N => p.n,
                Axis::D => p.d,
                Axis::C => p.c,
            })
            .collect();
        let low = xs.iter().copied().fold(f64::INFINITY, f64::min);
        let high = xs.iter().copied().fold(0.0, f64::max);
        for k in 0..=24 {
            let x = low * (high / low).powf(f64::from(k) / 24.0);
            let (loss, ends) = drawn.ask(view.report.fits.level, |law| law.loss(x) * in_unit);
            lines.push(json!({
                "series": fit.series, "x": x / unit, "loss": loss,
                "low": ends.map(|e| e.0), "high": ends.map(|e| e.1),
            }));
        }
    }
    let x = json!({ "field": "x", "type": "quantitative", "title": title,
                    "scale": { "type": "log", "nice": false } });
    // The unit depends on the tokenizers: their tokens may not be the same bytes.
    let loss = loss_label(view, LOSS);
    let y = |field: &str| {
        json!({ "field": field, "type": "quantitative", "title": loss,
                "scale": { "type": "log", "nice": false } })
    };
    let detail = json!({ "field": "series", "type": "nominal" });
    let counted = if axis == Axis::D { counted(view) } else { Vec::new() };
    let counted = (!counted.is_empty()).then(|| {
        json!({ "data": { "values": counted },
                "mark": { "type": "line", "color": "black", "strokeDash": [6, 2, 1.5, 2] },
                "encoding": { "x": x, "y": y("loss") } })
    });
    let mut specification = json!({
        "title": format!("L({})", letter(axis)),
        "width": 300, "height": 240,
        "layer": [
            { "data": { "values": lines }, "mark": { "type": "area", "opacity": 0.15 },
              "encoding": { "x": x, "y": y("low"), "y2": { "field": "high" }, "detail": detail } },
            { "data": { "values": lines }, "mark": { "type": "line", "color": "black" },
              "encoding": { "x": x, "y": y("loss"), "detail": detail } },
            { "data": { "values": runs }, "mark": { "type": "point", "filled": true, "size": 40 },
              "encoding": {
                  "x": x, "y": y("loss"),
                  "color": { "field": "n_non_embedding", "type": "quantitative", "title": "N",
                             "scale": { "type": "log", "scheme": "viridis" } },
                  "shape": { "field": "series", "type": "nominal" },
                  "tooltip": [ { "field": "run" }, { "field": "series" }, { "field": "loss", "title": loss }, { "field": "tokens" },
                               { "field": "n_non_embedding" }, { "field": "c_exact" } ] } },
        ],
    });
    if let Some(layers) = specification["layer"].as_array_mut() {
        layers.extend(counted);
    }
    specification
}

/// The lowest loss of n-grams over so many tokens, between the shortest and the longest run, where all runs are
/// scored on one text.
fn counted(view: &View<'_>) -> Vec<Value> {
    let texts = view.texts();
    let [text] = texts.as_slice() else {
        return Vec::new();
    };
    let tokens = || view.finished.iter().map(|run| run.tokens as f64);
    let ends = (tokens().fold(f64::INFINITY, f64::min), tokens().fold(0.0, f64::max));
    let curve = Counted::of(text.record).map(|counted| counted.between(ends)).unwrap_or_default();
    let point = |(x, loss)| json!({ "label": "best n-gram", "x": x, "loss": loss * text.unit });
    curve.into_iter().map(point).collect()
}
