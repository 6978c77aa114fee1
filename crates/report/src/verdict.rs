//! What the sweep found, in words: for the page and for the terminal.

use crate::figures::laws;
use crate::text::{fixed, interval, sup, value, with_interval};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_fit::output::{Axis, Estimate, Fit, Fits, Isoflop};
use isoflop_results::Status;

/// A sentence of the verdict, its exponents raised as in chart labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) text: String,
    /// What stands behind it.
    pub(crate) aside: String,
}

impl Finding {
    fn plain(text: String) -> Finding {
        let aside = String::new();
        Finding { text, aside }
    }
}

/// What was found in a series, the most asked for first.
pub(crate) fn findings(view: &View<'_>, series: &str) -> Vec<Finding> {
    let law = |axis: Axis| {
        let fit = laws(view, axis).into_iter().find(|f| f.series == series);
        fit.and_then(|fit| falls(fit, axis))
    };
    let fits = view.report.fits;
    let sentence = |(text, aside): (String, String)| Finding {
        text: format!("Test loss falls {text}."),
        aside,
    };
    let compute = law(Axis::C).map(sentence);
    let optimum = fits
        .isoflop
        .iter()
        .find(|i| i.series == series)
        .and_then(optimum);
    let rest: Vec<(String, String)> = [Axis::D, Axis::N].into_iter().filter_map(law).collect();
    let rest = rest
        .into_iter()
        .reduce(|a, b| match a.1 == b.1 {
            true => (format!("{} and {}", a.0, b.0), a.1),
            false => (format!("{} and {}", a.0, b.0), format!("{}; {}", a.1, b.1)),
        })
        .map(sentence);
    let forecast = forecast(fits, series).map(Finding::plain);
    let chinchilla = chinchilla(fits, series).map(Finding::plain);
    let floor = floor(fits, series).map(Finding::plain);
    [compute, optimum, rest, chinchilla, floor, forecast]
        .into_iter()
        .flatten()
        .collect()
}

/// How the law of all runs did where it had not seen the runs.
fn forecast(fits: &Fits, series: &str) -> Option<String> {
    let fit = fits
        .fits
        .iter()
        .find(|f| f.law == "chinchilla" && f.series == series)?;
    let validation = fit.validation.as_ref()?;
    let windows = &validation.windows;
    let last = windows.last()?;
    let (held, inside): (usize, Option<usize>) = (
        windows.iter().map(|w| w.held_out).sum(),
        windows.iter().map(|w| w.covered).sum(),
    );
    let covered = inside
        .map(|inside| format!("; over all windows {inside} of {held} lie inside their intervals"))
        .unwrap_or_default();
    let misfit = validation.verdict().map(|misfit| {
        let sentence = misfit.sentence.strip_prefix("the law predicts");
        format!(
            " It predicts{}.",
            sentence.expect("every verdict begins so")
        )
    });
    let misfit = misfit.unwrap_or_default();
    Some(format!(
        "Fitted without the largest budget, that law misses the losses there by {} % (root mean \
         square of {} runs at {} times the compute){covered}.{misfit}",
        fixed(100.0 * last.rms_error, 2),
        last.held_out,
        fixed(last.reach, 1)
    ))
}

/// Whether E is what it must be, where the language's entropy is known.
fn floor(fits: &Fits, series: &str) -> Option<String> {
    let of = |law: &str| {
        let mut fits = fits.fits.iter();
        fits.find(|f| f.law == law && f.series == series && f.known_floor.is_some())
    };
    let fit = of("chinchilla").or_else(|| of("power-offset"))?;
    let floor = fit.known_floor.as_ref()?;
    let end = |end: Option<f64>| end.map_or("open".to_owned(), |v| fixed(v, 2));
    let allowed = format!(
        "what the runs allow E, [{}, {}]",
        end(floor.low),
        end(floor.high)
    );
    let verdict = match floor.agrees {
        Some(true) => format!(", inside {allowed}"),
        Some(false) => format!(", outside {allowed}"),
        None => String::new(),
    };
    Some(format!(
        "The language's entropy is {} nats per token{verdict}; E of {} is off by {} %.",
        fixed(floor.entropy, 3),
        fit.law,
        fixed(100.0 * (floor.fitted / floor.entropy - 1.0), 1)
    ))
}

/// `as C^-0.11 [0.10, 0.12] over 1.5 decades of compute (isoFLOP minima)`.
fn falls(fit: &Fit, axis: Axis) -> Option<(String, String)> {
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
    let offset = fit
        .parameters
        .get("E")
        .map(|e| format!(" towards {}", value(e)));
    let doubt = if alpha.identified {
        ""
    } else {
        ", exponent not identified"
    };
    let text = format!(
        "as {letter}{}{}{over}{}",
        sup(&value(&negative(alpha))),
        range(&negative(alpha)),
        offset.unwrap_or_default(),
    );
    let aside = format!("{}, {} points{doubt}", fit.points, fit.rows);
    Some((text, aside))
}

fn optimum(isoflop: &Isoflop) -> Option<Finding> {
    let n = isoflop.n_exponent.as_ref()?;
    let d = isoflop.d_exponent.as_ref();
    let tokens = d
        .map(|d| format!(" and D as C{}{}", sup(&value(d)), range(d)))
        .unwrap_or_default();
    let minima = || isoflop.budgets.iter().filter_map(|b| b.minimum.as_ref());
    let at_top = minima().max_by(|a, b| a.c.total_cmp(&b.c)).map(|m| {
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
            sup(&value(n)),
            range(n),
            at_top.unwrap_or_default(),
        ),
        aside: format!("isoFLOP minima, {}", minima().count()),
    })
}

fn chinchilla(fits: &Fits, series: &str) -> Option<String> {
    let fit = fits
        .fits
        .iter()
        .find(|f| f.law == "chinchilla" && f.series == series)?;
    let get = |name: &str| fit.parameters.get(name);
    let write = |e: &Estimate| match e.identified {
        true => with_interval(e),
        false => format!("{} (not identified)", with_interval(e)),
    };
    let (e, alpha, beta) = (get("E")?, get("alpha")?, get("beta")?);
    Some(format!(
        "L(N, D) has E = {}, \u{3b1} = {}, \u{3b2} = {}.",
        write(e),
        write(alpha),
        write(beta)
    ))
}

fn negative(e: &Estimate) -> Estimate {
    Estimate {
        value: -e.value,
        low: e.high.map(|v| -v),
        high: e.low.map(|v| -v),
        ..*e
    }
}

fn range(e: &Estimate) -> String {
    interval(e).map(|r| format!(" {r}")).unwrap_or_default()
}

/// Said where nothing was found.
pub(crate) fn nothing(view: &View<'_>) -> String {
    match view.finished.len() {
        0 => "No run has finished yet: there is nothing to fit.".to_owned(),
        n => format!("{n} runs have finished; no law could be fitted to them yet."),
    }
}

/// How much stands behind the findings: parts of a line, and the number of warnings.
pub(crate) fn footing(view: &View<'_>) -> (Vec<String>, usize) {
    let report = view.report;
    let count = |status| report.runs.iter().filter(|r| r.status == status).count();
    let (diverged, failed) = (count(Status::Diverged), count(Status::Failed));
    let mut parts = vec![format!(
        "{} of {} runs finished",
        view.finished.len(),
        report.runs.len()
    )];
    if diverged > 0 {
        parts.push(format!("{diverged} diverged"));
    }
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    let fits = report.fits;
    let warnings = fits.fits.iter().map(|f| f.warnings.len()).sum::<usize>()
        + fits.isoflop.iter().map(|i| i.warnings.len()).sum::<usize>();
    let bootstrapped = fits.fits.iter().any(|f| f.bootstrap.is_some());
    parts.push(match bootstrapped || fits.fits.is_empty() {
        true => format!(
            "brackets are {}\u{a0}% intervals",
            (100.0 * fits.level).round()
        ),
        false => "no intervals: fitted without a bootstrap".to_owned(),
    });
    (parts, warnings)
}
