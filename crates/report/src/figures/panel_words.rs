//! What the three panels say in words: exponents, why there is no line, the caption.

use super::three_panels::{AXES, laws};
use super::{surface, wrap};
use crate::chart::{Glyph, NoteLine, Style};
use crate::text::{clip, fixed, interval, sub, sup, value, with_interval};
use crate::theme::Tone;
use crate::view::{View, letter};
use isoflop_core::units::FLOPS_PER_PF_DAY;
use isoflop_fit::output::{Axis, Estimate, Fit};

/// Fits written into a panel; the page's table has all of them.
const WRITTEN: usize = 5;

type Note = Vec<NoteLine>;

/// Exponents with their intervals.
pub(super) fn fit_words(view: &View<'_>, axis: Axis, fits: &[&Fit]) -> Note {
    let symbol = format!("\u{3b1}{}", sub(letter(axis)));
    let exponent = |fit: &Fit| {
        let Some(alpha) = fit.parameters.get("alpha") else {
            return "no exponent".to_owned();
        };
        let doubt = if alpha.identified {
            ""
        } else {
            " (not identified)"
        };
        format!("{symbol} = {}{doubt}", with_interval(alpha))
    };
    let mut lines = Note::new();
    match fits {
        [fit] if !view.many_series() => {
            lines.extend(equation(fit, axis).map(|text| (None, text, Tone::Ink)));
            lines.push((None, exponent(fit), Tone::Ink));
        }
        several => {
            for fit in several.iter().take(WRITTEN) {
                let mark = Glyph::Point(view.shape(&fit.series), Tone::Muted);
                let name = clip(&view.series_name(&fit.series), 24);
                lines.push((Some(mark), format!("{name}: {}", exponent(fit)), Tone::Ink));
            }
            if several.len() > WRITTEN {
                let more = format!("and {} more in the table", several.len() - WRITTEN);
                lines.push((None, more, Tone::Muted));
            }
        }
    }
    let fit = fits[0];
    let ring = Glyph::Ring(view.shape(&fit.series));
    lines.push((
        Some(ring),
        format!("{} ({})", clip(&fit.points, 34), fit.rows),
        Tone::Muted,
    ));
    lines
}

/// `L = (C / 2.3x10^8 PF-days)^-0.05`, as in Kaplan et al. 2020.
fn equation(fit: &Fit, axis: Axis) -> Option<String> {
    let law = surface::power(fit)?.law;
    let unit = if axis == Axis::C {
        FLOPS_PER_PF_DAY
    } else {
        1.0
    };
    let scale = law.critical_scale() / unit;
    if law.e != 0.0 || !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let alpha = fit.parameters.get("alpha")?;
    let exponent = sup(&match interval(alpha) {
        Some(_) => value(&Estimate {
            value: -alpha.value,
            ..*alpha
        }),
        None => fixed(-alpha.value, 3),
    });
    let words = if axis == Axis::C { " PF-days" } else { "" };
    Some(format!(
        "L = ({} / {}{words}){exponent}",
        letter(axis),
        Style::Power.write(scale)
    ))
}

/// Why a panel has no line.
pub(super) fn reason_words(view: &View<'_>, axis: Axis) -> Note {
    let text = format!("No line: {}.", reason(view, axis));
    wrap(&clip(&text, 150), 44)
        .into_iter()
        .map(|line| (None, line, Tone::Muted))
        .collect()
}

fn reason(view: &View<'_>, axis: Axis) -> String {
    let refused = view
        .report
        .fits
        .refused
        .iter()
        .find(|r| r.law == "power" && r.x == Some(axis));
    if let Some(refusal) = refused {
        return refusal.reason.clone();
    }
    let isoflop = &view.report.fits.isoflop;
    let budgets: usize = isoflop.iter().map(|i| i.budgets.len()).sum();
    let minima = isoflop
        .iter()
        .flat_map(|i| &i.budgets)
        .filter(|b| b.minimum.is_some())
        .count();
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
    let said = |axis: Axis| match laws(view, axis).first() {
        Some(fit) => format!(
            "the line is fitted to the rings, {} ({})",
            fit.points, fit.rows
        ),
        None => format!("no line, {}", reason(view, axis)),
    };
    let all = AXES.map(said);
    let lines = match all.iter().all(|words| *words == all[0]) {
        true => format!("In each panel {}.", all[0]),
        false => {
            let each = AXES.iter().zip(&all);
            let each: Vec<String> = each
                .map(|(axis, words)| format!("{}: {words}.", letter(*axis)))
                .collect();
            each.join(" ")
        }
    };
    let level = (100.0 * view.report.fits.level).round();
    let brackets = match AXES.iter().any(|axis| !laws(view, *axis).is_empty()) {
        true => format!(" Brackets and bands: {level}\u{a0}% intervals."),
        false => String::new(),
    };
    let unit = match view.by_bytes() {
        true => {
            " Tokens of different tokenizers are not the same bytes: losses are in bits per byte."
        }
        false => "",
    };
    format!("Every finished run, coloured by non-embedding parameters. {lines}{brackets}{unit}")
}
