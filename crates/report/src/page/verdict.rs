//! What the sweep found, in words.

use crate::figures::laws;
use crate::text::{escape, fixed, interval, value, with_interval};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_fit::output::{Axis, Estimate, Fit, Fits, Isoflop};
use isoflop_results::Status;

/// The verdict: a line a finding, with intervals.
pub(crate) fn html(view: &View<'_>) -> String {
    let mut out = String::from("<div class=\"verdict\">\n");
    let mut found_any = false;
    for series in &view.series {
        let found = findings(view, series);
        if found.is_empty() {
            continue;
        }
        found_any = true;
        if view.many_series() {
            let name = escape(view.series_name(series));
            out.push_str(&format!("<p class=\"series\"><b>{name}</b></p>\n"));
        }
        let items: String = found
            .iter()
            .map(|line| format!("<li>{line}</li>\n"))
            .collect();
        out.push_str(&format!("<ul>\n{items}</ul>\n"));
    }
    if !found_any {
        out.push_str(&format!("<p>{}</p>\n", nothing(view)));
    }
    out.push_str(&format!(
        "<p class=\"small\">{}</p>\n</div>\n",
        footing(view)
    ));
    out
}

fn findings(view: &View<'_>, series: &str) -> Vec<String> {
    let law = |axis: Axis| {
        let fit = laws(view, axis).into_iter().find(|f| f.series == series);
        fit.and_then(|fit| falls(fit, axis))
    };
    let fits = view.report.fits;
    let compute = law(Axis::C).map(|words| format!("Test loss falls {words}."));
    let optimum = fits
        .isoflop
        .iter()
        .find(|i| i.series == series)
        .and_then(optimum);
    let rest: Vec<String> = [Axis::D, Axis::N].into_iter().filter_map(law).collect();
    let rest = (!rest.is_empty()).then(|| format!("Test loss falls {}.", rest.join(" and ")));
    [compute, optimum, rest, chinchilla(fits, series)]
        .into_iter()
        .flatten()
        .collect()
}

/// `as C^-0.11 [0.10, 0.12] over 1.5 decades of compute (isoFLOP minima)`.
fn falls(fit: &Fit, axis: Axis) -> Option<String> {
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
    Some(format!(
        "as {letter}<sup>{}</sup>{}{over}{} <span class=\"aside\">({}, {} points{doubt})</span>",
        value(&negative(alpha)),
        range(&negative(alpha)),
        offset.unwrap_or_default(),
        escape(&fit.points),
        fit.rows
    ))
}

fn optimum(isoflop: &Isoflop) -> Option<String> {
    let n = isoflop.n_exponent.as_ref()?;
    let d = isoflop.d_exponent.as_ref();
    let tokens = d
        .map(|d| format!(" and D as C<sup>{}</sup>{}", value(d), range(d)))
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
    Some(format!(
        "Compute-optimal N grows as C<sup>{}</sup>{}{tokens}{} \
         <span class=\"aside\">(isoFLOP minima, {})</span>.",
        value(n),
        range(n),
        at_top.unwrap_or_default(),
        minima().count()
    ))
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

fn nothing(view: &View<'_>) -> String {
    match view.finished.len() {
        0 => "No run has finished yet: there is nothing to fit.".to_owned(),
        n => format!("{n} runs have finished; no law could be fitted to them yet."),
    }
}

/// How much stands behind the words above.
fn footing(view: &View<'_>) -> String {
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
    let mut text = parts.join(" \u{b7} ");
    if warnings > 0 {
        let s = if warnings == 1 { "" } else { "s" };
        text.push_str(&format!(
            " \u{b7} <a href=\"#fits\">{warnings} warning{s}</a>"
        ));
    }
    text
}
