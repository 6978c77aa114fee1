//! The best learning rate of each size, and the law fitted to them.

use super::marks::{dash, ends, thread};
use crate::chart::{Glyph, Labels, Marker, NoteLine, Owner, Panel, Scale, Stroke, Style, Trend};
use crate::text::{clip, with_interval};
use crate::theme::Tone;
use crate::view::{View, n_words};
use isoflop_core::units::short;
use isoflop_fit::output::{BestLaw, RateCell, Rates};

/// The panel of runs at several rates; none without such fits.
pub(super) fn panel(view: &View<'_>) -> Option<Panel> {
    let all = &view.report.fits.rates;
    let best = || all.iter().flat_map(|rates| cells(rates).map(move |cell| (rates, cell)));
    best().next()?;
    let x = Scale::wide_log(best().map(|(_, cell)| cell.n), (0.08, 0.08));
    let tried = all.iter().flat_map(|rates| &rates.cells).flat_map(|cell| &cell.losses);
    let y = Scale::wide_log(
        tried.map(|(rate, _)| *rate),
        (0.08, 0.08 + Panel::note_share(all.len().min(4))),
    );
    let labels = Labels {
        key: "best_rate",
        title: "Best learning rate by size".to_owned(),
        x: n_words(&all[0].n_kind),
        y: "best peak learning rate".to_owned(),
        x_style: Style::Short,
        y_style: Style::Power,
        ..Labels::default()
    };
    let mut panel = Panel::new(labels, x, y);
    let mut notes: Vec<NoteLine> = Vec::new();
    for (k, rates) in all.iter().enumerate() {
        let (tone, glyph) = (Tone::group(k), Glyph::Point(Marker::of_series(k), Tone::group(k)));
        for cell in cells(rates) {
            let Some(found) = &cell.best else { continue };
            let label =
                format!("N {}, D {}, batch {}", short(cell.n), short(cell.d), short(cell.batch));
            let owner = Owner { mark: "best", series: &rates.series, label: &label };
            let to_centre = rates.rate.as_ref().map_or(1.0, |law| to_centre(law, cell));
            let ends = ends(found).map(|(low, high)| (low * to_centre, high * to_centre));
            panel.estimate(owner, (cell.n, found.value * to_centre), ends, false, glyph);
        }
        let Some(law) = &rates.rate else { continue };
        let name = match rates.series.as_str() {
            "" => String::new(),
            series => format!("{}: ", clip(series, 24)),
        };
        if law.parameters.get("a").is_some_and(|a| a.identified) {
            let owner = Owner { mark: "fit", series: &rates.series, label: &law.formula };
            let span =
                |of: fn(f64, f64) -> f64, from: f64| cells(rates).map(|cell| cell.n).fold(from, of);
            let line = [span(f64::min, f64::INFINITY), span(f64::max, 0.0)]
                .map(|n| (n, law.at(n, law.d, law.b.unwrap_or(1.0), law.decay)));
            panel.line(owner, &line, Stroke { dash: dash(k), ..thread(tone, 1.6, 1.0) });
        }
        let at = law.b.map_or(String::new(), |b| format!(", batch {}", short(b)));
        let exponent = law
            .parameters
            .get("a")
            .map_or(String::new(), |a| format!(", a = {}", with_interval(a)));
        notes.push((Some(glyph), format!("{name}at D {}{at}{exponent}", short(law.d)), Tone::Ink));
    }
    notes.truncate(4);
    panel.note(Trend::Falling, &notes);
    Some(panel)
}

/// Cells with their best rate inside those tried.
fn cells(rates: &Rates) -> impl Iterator<Item = &RateCell> {
    rates.cells.iter().filter(|cell| cell.best.is_some())
}

/// Factor that takes a cell's best rate to the token count, batch and decay at the centre of the law.
fn to_centre(law: &BestLaw, cell: &RateCell) -> f64 {
    law.at(cell.n, law.d, law.b.unwrap_or(1.0), law.decay)
        / law.at(cell.n, cell.d, cell.batch, cell.decay)
}
