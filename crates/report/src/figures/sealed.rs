//! Sealed forecasts: errors of predictions that were written before their runs, against how far they reach.

use super::figure::Figure;
use super::marks::guide;
use crate::chart::{Glyph, Key, Labels, Legend, Marker, Owner, Panel, Scale};
use crate::report::ScoredForecast;
use crate::theme::Tone;
use crate::view::View;

/// The colour of a run inside its interval, or outside.
fn tone(is_inside: bool) -> Tone {
    Tone::group(if is_inside { 1 } else { 2 })
}

pub(super) fn figure(view: &View<'_>) -> Option<Figure> {
    let forecasts = view.report.forecasts;
    if forecasts.is_empty() {
        return None;
    }
    let level = view.level();
    let inside = forecasts.iter().filter(|forecast| forecast.is_inside()).count();
    let mut legend = Legend::default();
    let mut add = |is_inside: bool, count: usize, word: &str| {
        if count > 0 {
            let glyph = Glyph::Point(Marker::Disc, tone(is_inside));
            legend.add(Key::Glyph(glyph), format!("{word} the interval: {count}"));
        }
    };
    add(true, inside, "inside");
    add(false, forecasts.len() - inside, "outside");
    Some(Figure {
        name: "sealed-forecasts",
        title: "Sealed forecasts".to_owned(),
        caption: format!(
            "Each run was forecast before it was trained{}. Bars are the \
             {level}\u{a0}% prediction intervals that were sealed, {inside} of {} of which hold the \
             run: the others miss the line. A forecast above it was too high.",
            match forecasts.iter().any(|forecast| view.run(&forecast.run_id).is_some()) {
                true => "",
                false => ", and enters no fit",
            },
            forecasts.len()
        ),
        legend,
        panels: vec![errors(view, forecasts)],
    })
}

fn errors(view: &View<'_>, forecasts: &[ScoredForecast]) -> Panel {
    let error = |forecast: &ScoredForecast, loss: f64| 100.0 * (loss / forecast.measured - 1.0);
    let ends = |forecast: &ScoredForecast| {
        [forecast.predicted, forecast.low, forecast.high].map(|loss| error(forecast, loss))
    };
    let y = Scale::linear(forecasts.iter().flat_map(ends).chain([0.0]), (0.06, 0.06));
    let reaches = forecasts.iter().map(|forecast| forecast.reach);
    let x = Scale::wide_log(reaches, (0.08, 0.08));
    let labels = Labels {
        key: "sealed_forecast",
        title: "Error against extrapolation".to_owned(),
        x: "C over the largest fitted".to_owned(),
        y: "predicted over measured loss (%)".to_owned(),
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let (low, high) = x.bounds();
    guide(&mut panel, "0", &[(low, 0.0), (high, 0.0)]);
    for (at, forecast) in placed(forecasts) {
        let owner = Owner { mark: "sealed", series: &forecast.series, label: &forecast.run_id };
        let [value, low, high] = ends(forecast);
        let glyph = Glyph::Point(view.marker(&forecast.series), tone(forecast.is_inside()));
        panel.estimate(owner, (at, value), Some((low, high)), false, glyph);
    }
    panel
}

/// Forecasts with their reach, those of one reach a little aside from one another.
fn placed(forecasts: &[ScoredForecast]) -> impl Iterator<Item = (f64, &ScoredForecast)> {
    forecasts.iter().enumerate().map(move |(k, forecast)| {
        let alike = |other: &&ScoredForecast| other.reach == forecast.reach;
        let (before, all) =
            (forecasts[..k].iter().filter(alike).count(), forecasts.iter().filter(alike).count());
        let aside = before as f64 - (all - 1) as f64 / 2.0;
        (forecast.reach * 1.03f64.powf(aside), forecast)
    })
}
