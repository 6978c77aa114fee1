//! Sentences of the verdict that come from laws. Each uses only what the runs identify.

use super::finding::Finding;
use crate::text::{fixed, interval, sup, value, with_interval};
use crate::view::symbol;
use isoflop_core::units::short;
use isoflop_fit::output::{Axis, Estimate, Fit, Fits, Identified};

/// The fit of the law that forecasts: the law that was chosen, or the one that charts draw where none was.
pub(crate) fn forecaster<'a>(fits: &'a Fits, series: &str) -> Option<&'a Fit> {
    let choice = fits.choices.iter().find(|choice| choice.series == series);
    let law = choice.map_or("chinchilla", |choice| choice.law.as_str());
    fits.fits.iter().find(|f| f.law == law && f.series == series)
}

/// A sentence on how well the law that forecasts did on runs that were held out.
pub(super) fn forecast(fits: &Fits, series: &str) -> Option<String> {
    let fit = forecaster(fits, series)?;
    let law = match fits.choices.iter().any(|choice| choice.series == series) {
        true => format!("The law that forecasts, {},", fit.law),
        false => "L(N, D),".to_owned(),
    };
    let validation = fit.validation.as_ref()?;
    let windows = &validation.windows;
    let last = windows.last()?;
    let (held, inside): (usize, Option<usize>) =
        (windows.iter().map(|w| w.held_out).sum(), windows.iter().map(|w| w.covered).sum());
    let covered = inside
        .map(|inside| format!("; over all windows {inside} of {held} lie inside their intervals"))
        .unwrap_or_default();
    Some(format!(
        "{law} fitted without the largest budget, misses the losses of that budget by {} % (root mean \
         square of {} runs at {} times the compute){covered}.",
        fixed(100.0 * last.rms_error, 2),
        last.held_out,
        fixed(last.reach, 1)
    ))
}

/// A sentence that compares E with the entropy of the language, where the entropy is known.
pub(super) fn floor(fits: &Fits, series: &str) -> Option<String> {
    let of = |law: &str| {
        let mut fits = fits.fits.iter();
        fits.find(|f| f.law == law && f.series == series && f.known_floor.is_some())
    };
    let fit = of("chinchilla").or_else(|| of("power-offset"))?;
    let floor = fit.known_floor.as_ref()?;
    let entropy = fixed(floor.entropy, 3);
    let e = fit.parameters.get("E")?;
    if e.licensed().is_none() {
        return Some(format!(
            "The language\u{2019}s entropy is {entropy} nats per token; the runs do not identify E of {}.",
            fit.law
        ));
    }
    let end = |end: Option<f64>| end.map_or("open".to_owned(), |v| fixed(v, 2));
    let allowed = format!("what the runs allow E, [{}, {}]", end(floor.low), end(floor.high));
    let verdict = match floor.agrees {
        Some(true) => format!(", inside {allowed}"),
        Some(false) => format!(", outside {allowed}"),
        None => String::new(),
    };
    Some(format!(
        "The language\u{2019}s entropy is {entropy} nats per token{verdict}; E of {} is off by {} %.",
        fit.law,
        fixed(100.0 * (floor.fitted / floor.entropy - 1.0), 1)
    ))
}

/// A clause on how the loss falls along an axis, and the points that it comes from:
/// `as C^-0.11 [0.10, 0.12] over 1.5 decades of compute`, `isoFLOP minima, 4 points`.
pub(super) fn falls(fit: Identified<&Fit>, axis: Axis) -> Option<(String, String)> {
    let fit = fit.into_inner();
    let alpha = fit.parameters.get("alpha")?;
    let (letter, of) = match axis {
        Axis::C => ("C", "compute"),
        Axis::D => ("D", "training tokens"),
        Axis::N => ("N", "parameters"),
    };
    let xs = || {
        fit.data.iter().filter_map(move |p| match axis {
            Axis::C => p.c,
            Axis::D => p.d,
            Axis::N => p.n,
        })
    };
    let decades = (xs().fold(0.0, f64::max) / xs().fold(f64::INFINITY, f64::min)).log10();
    let over = match decades.is_finite() {
        true => format!(" over {} decades of {of}", fixed(decades, 1)),
        false => String::new(),
    };
    let offset = fit.parameters.get("E").map(|e| format!(" towards {} nats per token", value(e)));
    let text = format!(
        "as {letter}{}{}{over}{}",
        sup(&value(&negative(alpha))),
        range(&negative(alpha)),
        offset.unwrap_or_default(),
    );
    let aside = format!("{}, {} points", fit.points, fit.rows);
    Some((text, aside))
}

/// A sentence on how the compute-optimal size grows, where the minima identify that.
pub(super) fn optimum(fits: &Fits, series: &str) -> Option<Finding> {
    let isoflop = fits.isoflop.iter().find(|i| i.series == series)?;
    let minima = || isoflop.budgets.iter().filter_map(|b| b.minimum.as_ref());
    let aside = format!("isoFLOP minima, {}", minima().count());
    let exponent = isoflop.n_exponent.as_ref()?;
    let Some(n) = exponent.licensed() else {
        return Some(Finding {
            text: "These runs do not identify how compute-optimal N and D grow.".to_owned(),
            aside,
        });
    };
    let n = n.into_inner();
    let d = isoflop.d_exponent.as_ref().and_then(Estimate::licensed);
    let tokens = d
        .map(|d| format!(" and D as C{}{}", sup(&value(d.get())), range(d.get())))
        .unwrap_or_default();
    let sure = minima().filter(|m| m.n_opt.identified && m.d_opt.identified);
    let at_top = sure.max_by(|a, b| a.c.total_cmp(&b.c)).map(|m| {
        format!(
            ", reaching {} parameters on {} tokens at {} FLOPs",
            short(m.n_opt.value),
            short(m.d_opt.value),
            isoflop_core::units::scientific(m.c)
        )
    });
    Some(Finding {
        text: format!(
            "Compute-optimal N grows as C{}{}{tokens}{}.",
            sup(&value(&n)),
            range(&n),
            at_top.unwrap_or_default(),
        ),
        aside,
    })
}

/// A sentence on why the exponents a and b do not add up to one, where the verdict has them.
pub(crate) fn counting(fits: &Fits, series: &str) -> Option<String> {
    let isoflop = fits.isoflop.iter().find(|i| i.series == series)?;
    isoflop.n_exponent?.licensed()?;
    let all = fits.approaches.iter().find(|a| a.series == series)?;
    Some(format!("The exponents {}.", raised(&all.counting()?)))
}

/// Words with the exponent of their `N^0.81` raised.
fn raised(words: &str) -> String {
    let Some((before, rest)) = words.split_once("N^") else {
        return words.to_owned();
    };
    let (exponent, after) = rest.split_once(' ').unwrap_or((rest, ""));
    format!("{before}N{} {after}", sup(exponent))
}

/// A sentence on which parameters of the law of all runs the runs identify, and which not.
pub(super) fn chinchilla(fits: &Fits, series: &str) -> Option<String> {
    let mut all = fits.fits.iter();
    let fit = all.find(|f| f.law == "chinchilla" && f.series == series)?;
    let (mut known, mut open) = (Vec::new(), Vec::new());
    for name in ["E", "alpha", "beta"] {
        let symbol = symbol(name);
        match fit.parameters.get(name)?.licensed() {
            Some(e) if name == "E" => {
                known.push(format!("{symbol} = {} nats per token", with_interval(e.get())));
            }
            Some(e) => known.push(format!("{symbol} = {}", with_interval(e.get()))),
            None => open.push(symbol),
        }
    }
    Some(match (known.is_empty(), open.is_empty()) {
        (_, true) => format!("L(N, D) has {}.", known.join(", ")),
        (true, _) => format!("These runs do not identify {} of L(N, D).", open.join(", ")),
        (false, false) => format!(
            "L(N, D) has {}; these runs do not identify its {}.",
            known.join(", "),
            open.join(", ")
        ),
    })
}

fn negative(e: &Estimate) -> Estimate {
    Estimate { value: -e.value, low: e.high.map(|v| -v), high: e.low.map(|v| -v), ..*e }
}

fn range(e: &Estimate) -> String {
    interval(e).map(|r| format!(" {r}")).unwrap_or_default()
}
