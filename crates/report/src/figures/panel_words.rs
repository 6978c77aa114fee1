//! The words of the three panels: exponents, the reason for a missing line, the caption.

use super::marks::series_tone;
use crate::chart::{Glyph, NoteLine, Style};
use crate::power_laws::{self, unidentified};
use crate::replicates;
use crate::text::{clip, fixed, interval, sub, sup, value, with_interval, wrap};
use crate::theme::Tone;
use crate::view::{View, letter};
use isoflop_core::units::FLOPS_PER_PF_DAY;
use isoflop_fit::output::{Axis, Estimate, Fit, Identified};

/// The three panels, in order.
pub(super) const AXES: [Axis; 3] = [Axis::C, Axis::D, Axis::N];

/// Most fits that are written into a panel; the table of the page has all of them.
const WRITTEN: usize = 5;

type Note = Vec<NoteLine>;

/// A note with exponents and their intervals.
pub(super) fn fit_words(view: &View<'_>, axis: Axis, fits: &[Identified<&Fit>]) -> Note {
    let symbol = format!("\u{3b1}{}", sub(letter(axis)));
    let exponent = |fit: &Fit| {
        let Some(alpha) = fit.parameters.get("alpha") else {
            return "no exponent".to_owned();
        };
        format!("{symbol} = {}", with_interval(alpha))
    };
    let mut lines = Note::new();
    match fits {
        [fit] if !view.many_series() => {
            lines.extend(equation(*fit, axis, 1.0).map(|text| (None, text, Tone::Ink)));
            lines.push((None, exponent(fit.get()), Tone::Ink));
        }
        several => {
            for fit in several.iter().take(WRITTEN).map(Identified::get) {
                let tone = series_tone(view, &fit.series, Tone::Muted);
                let mark = Glyph::Point(view.marker(&fit.series), tone);
                let name = clip(&view.series_name(&fit.series), 24);
                lines.push((Some(mark), format!("{name}: {}", exponent(fit)), Tone::Ink));
            }
            if several.len() > WRITTEN {
                let more = format!("and {} more in the table", several.len() - WRITTEN);
                lines.push((None, more, Tone::Muted));
            }
        }
    }
    let fit = fits[0].into_inner();
    let ring = Glyph::Ring(view.marker(&fit.series));
    lines.push((Some(ring), format!("{} ({})", clip(&fit.points, 34), fit.rows), Tone::Muted));
    lines
}

/// The equation of a panel where its losses are shown in bits per byte.
pub(super) fn formula_in_bits(
    view: &View<'_>,
    fit: Identified<&Fit>,
    axis: Axis,
) -> Option<String> {
    let bits = view.finished.iter().find_map(|run| View::bits_per_nat(run))?;
    equation(fit, axis, bits)
}

/// The equation of a law as Kaplan et al. 2020 write it, `L = (C / 2.3x10^8 PF-days)^-0.05`. A nat per
/// token is `in_nat` units of the loss.
fn equation(licensed: Identified<&Fit>, axis: Axis, in_nat: f64) -> Option<String> {
    let (law, fit) = (replicates::power(licensed)?.law, licensed.into_inner());
    let unit = if axis == Axis::C { FLOPS_PER_PF_DAY } else { 1.0 };
    // k (x / X)^-alpha = (x / (X k^(1 / alpha)))^-alpha
    let scale = law.critical_scale() / unit * in_nat.powf(1.0 / law.alpha);
    if law.e != 0.0 || !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let alpha = fit.parameters.get("alpha")?;
    let exponent = sup(&match interval(alpha) {
        Some(_) => value(&Estimate { value: -alpha.value, ..*alpha }),
        None => fixed(-alpha.value, 3),
    });
    let words = if axis == Axis::C { " PF-days" } else { "" };
    Some(format!("L = ({} / {}{words}){exponent}", letter(axis), Style::Power.write(scale)))
}

/// A note with the reason why a panel has no line.
pub(super) fn reason_words(view: &View<'_>, axis: Axis) -> Note {
    let text = format!("No line: {}.", reason(view, axis));
    wrap(&clip(&text, 150), 44).into_iter().map(|line| (None, line, Tone::Muted)).collect()
}

fn reason(view: &View<'_>, axis: Axis) -> String {
    let refused = view.report.fits.refused.iter().find(|r| r.law == "power" && r.x == Some(axis));
    if let Some(refusal) = refused {
        return refusal.reason.clone();
    }
    if let Some(open) = unidentified(view, axis) {
        return open.to_string();
    }
    let fits = view.report.fits;
    if let (true, Some(refusal)) = (fits.isoflop.is_empty(), fits.refused.first()) {
        return refusal.reason.clone();
    }
    let isoflop = &view.report.fits.isoflop;
    let budgets: usize = isoflop.iter().map(|i| i.budgets.len()).sum();
    let minima = isoflop.iter().flat_map(|i| &i.budgets).filter(|b| b.minimum.is_some()).count();
    match (view.finished.len(), budgets) {
        (0, _) => "no run has finished".to_owned(),
        (_, 0) => format!("too few points for a power law in {}", letter(axis)),
        _ => format!(
            "{minima} of {budgets} budgets have a minimum inside the sizes trained, too few for \
             a power law in {}",
            letter(axis)
        ),
    }
}

pub(super) fn caption(view: &View<'_>) -> String {
    let said = |axis: Axis| match power_laws::identified(view, axis).first().map(|fit| *fit.get()) {
        Some(fit) => format!("the line is fitted to the rings, {} ({})", fit.points, fit.rows),
        None => format!("no line is drawn ({})", reason(view, axis)),
    };
    let all = AXES.map(said);
    let lines = match all.iter().all(|words| *words == all[0]) {
        true => format!("In each panel {}.", all[0]),
        false => {
            let each = AXES.iter().zip(&all);
            let each: Vec<String> =
                each.map(|(axis, words)| format!("{}: {words}.", letter(*axis))).collect();
            each.join(" ")
        }
    };
    let level = view.level();
    let brackets = match AXES.iter().any(|axis| !power_laws::identified(view, *axis).is_empty()) {
        true => format!(" Brackets and bands are {level}\u{a0}% intervals."),
        false => String::new(),
    };
    let unit = match view.by_bytes() {
        true => {
            " Tokens of different tokenizers are not the same bytes: losses are in bits per byte."
        }
        false => "",
    };
    format!(
        "Each dot is a finished run, coloured by its non-embedding parameters. {lines}{brackets}{unit}"
    )
}
