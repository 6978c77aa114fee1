//! The short answer at the end of a sweep: at most [`MOST`] lines, each of what a reader asks first.

use crate::comparison;
use crate::power_laws;
use crate::text::{clip, fixed, plain, three_digits, value, visible, with_interval, wrap};
use crate::verdict::{Finding, findings, footing, is_lawless, nothing, warned};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_fit::output::{Approach, Axis, Estimate};
use isoflop_results::RunRow;

/// Lines at most; what follows them says where to read more.
const MOST: usize = 13;

/// Lines of a table of series at most.
const SERIES: usize = 5;

/// Warnings at most, each on one or two lines.
const WARNINGS: usize = 2;

/// The short answer, with lines of at most `width` characters.
pub(crate) fn text(view: &View<'_>, width: usize) -> String {
    let width = width.clamp(40, 100);
    let mut first = answer(view);
    if let [series] = view.series[..] {
        first.extend(exponents(view, series));
        first.extend(best(view, series));
        first.extend(held_out(view, series));
    } else {
        first.extend(table(view));
    }
    let mut last = to_act_on(view, width);
    last.push(footing(view).join(", ").replace('\u{a0}', " "));
    let room = MOST.saturating_sub(last.len());
    let mut lines: Vec<String> = first.iter().flat_map(|line| folded(line, width)).collect();
    lines.truncate(room);
    lines.extend(last.iter().map(|line| clip(line, width)));
    lines.iter().map(|line| format!("{}\n", visible(line))).collect()
}

/// A sentence on as few lines as it takes; lines of a table, which begin with a space, are clipped.
fn folded(line: &str, width: usize) -> Vec<String> {
    match line.starts_with(' ') {
        true => vec![clip(line, width)],
        false => wrap(line, width),
    }
}

/// The first sentence that answers the sweep's question.
fn answer(view: &View<'_>) -> Vec<String> {
    if is_lawless(view) {
        return vec![nothing(view)];
    }
    let compared = comparison::headlines(view).into_iter().next();
    let found = || match view.series[..] {
        [series] => findings(view, series).into_iter().next().map(|Finding { text, .. }| text),
        _ => None,
    };
    compared.or_else(found).map(|sentence| plain(&sentence)).into_iter().collect()
}

/// A row of the table of exponents: name, value and interval, and where it comes from.
fn row(name: &str, of: &Estimate, from: &str) -> String {
    format!("  {name:<14} {:<24} {from}", with_interval(of))
}

/// The exponents of a series with their intervals, by the minima and by the law that forecasts.
fn exponents(view: &View<'_>, series: &str) -> Vec<String> {
    let fits = view.report.fits;
    let mut rows = Vec::new();
    if let Some(fit) = power_laws::of_series(view, Axis::C, series) {
        let fit = fit.into_inner();
        let alpha = fit.parameters.get("alpha");
        let from = format!("{}, {}", fit.points, fit.rows);
        rows.extend(alpha.map(|alpha| row("loss in 1/C", alpha, &from)));
    }
    let isoflop = fits.isoflop.iter().find(|isoflop| isoflop.series == series);
    let all = fits.approaches.iter().find(|all| all.series == series);
    let spread = |of: fn(&Approach) -> Option<Estimate>| {
        let others = all.iter().flat_map(|all| &all.approaches).filter(|a| a.name != "2");
        let told: Vec<String> =
            others.filter_map(|a| Some(format!("{}: {}", a.name, value(&of(a)?)))).collect();
        match told.is_empty() {
            true => "approach 2".to_owned(),
            false => format!("approach 2 (others {})", told.join(", ")),
        }
    };
    let known = |of: Option<Estimate>| of.filter(|of| of.licensed().is_some());
    if let Some(n) = known(isoflop.and_then(|isoflop| isoflop.n_exponent)) {
        rows.push(row("N* in C", &n, &spread(|a| a.n_exponent)));
    }
    if let Some(d) = known(isoflop.and_then(|isoflop| isoflop.d_exponent)) {
        rows.push(row("D* in C", &d, &spread(|a| a.d_exponent)));
    }
    let choice = fits.choices.iter().find(|choice| choice.series == series);
    let chosen = choice.and_then(|choice| {
        let fit = fits.fits.iter().find(|fit| fit.law == choice.law && fit.series == series)?;
        Some((&choice.law, known(fit.parameters.get("n_exponent").copied())?))
    });
    if let Some((law, n)) = chosen {
        rows.push(row("N* in 6ND", &n, &format!("{law}, the law that forecasts best here")));
    }
    if !rows.is_empty() {
        let level = format!("value [{} %]", view.level());
        rows.insert(0, format!("  {:<14} {level:<24} from", "exponent of"));
    }
    rows
}

/// The best loss of a series, beside the best n-gram and the noise between seeds.
fn best(view: &View<'_>, series: &str) -> Option<String> {
    let runs = || view.finished.iter().filter(|run| run.series == series);
    let loss = |run: &RunRow| run.test_loss.unwrap_or(f64::INFINITY);
    let best = runs().min_by(|a, b| loss(a).total_cmp(&loss(b)))?;
    let texts = &view.report.data;
    let text = texts.iter().find(|text| text.data_digest == best.data_digest);
    let n_grams = text.iter().flat_map(|text| &text.references);
    let lowest = n_grams
        .filter(|reference| reference.name.ends_with("-gram"))
        .min_by(|a, b| a.test_loss.total_cmp(&b.test_loss));
    let beside =
        lowest.map(|reference| format!(", {} {}", reference.name, fixed(reference.test_loss, 3)));
    let noise = crate::verdict::floor_between_seeds(view, series)
        .map(|floor| format!(", between seeds {}", three_digits(floor.sd)));
    Some(format!(
        "best loss {} nats per token ({} parameters, {} tokens){}{}",
        fixed(loss(best), 3),
        short(best.n() as f64),
        short(best.tokens as f64),
        beside.unwrap_or_default(),
        noise.unwrap_or_default()
    ))
}

/// How well the law that forecasts did on the last window that it had not seen.
fn held_out(view: &View<'_>, series: &str) -> Option<String> {
    let fit = crate::verdict::forecaster(view.report.fits, series)?;
    let last = fit.validation.as_ref()?.windows.last()?;
    Some(format!(
        "held out: {} misses the largest budget by {} % ({} runs at {} times the compute)",
        fit.law,
        fixed(100.0 * last.rms_error, 2),
        last.held_out,
        fixed(last.reach, 1)
    ))
}

/// A line for each series: the exponents of loss and of the best size, and the best loss.
fn table(view: &View<'_>) -> Vec<String> {
    let mut rows =
        vec![format!("  {:<32} {:<22} {:<22} best loss", "series", "loss in 1/C", "N* in C")];
    for series in view.series.iter().take(SERIES) {
        let of_loss = power_laws::of_series(view, Axis::C, series)
            .and_then(|fit| fit.into_inner().parameters.get("alpha").map(with_interval));
        let isoflop = view.report.fits.isoflop.iter().find(|isoflop| isoflop.series == *series);
        let of_size = isoflop
            .and_then(|isoflop| isoflop.n_exponent)
            .and_then(|n| Some(with_interval(n.licensed()?.get())));
        let runs = view.finished.iter().filter(|run| run.series == *series);
        let unit = view.shared_unit(series);
        let lowest = runs.filter_map(|run| run.test_loss).fold(f64::INFINITY, f64::min) * unit;
        let open = || "not identified".to_owned();
        let loss = if lowest.is_finite() { fixed(lowest, 3) } else { "none".to_owned() };
        rows.push(format!(
            "  {:<32} {:<22} {:<22} {loss}",
            clip(&view.series_name(series), 32),
            of_loss.unwrap_or_else(open),
            of_size.unwrap_or_else(open),
        ));
    }
    match view.series.len().saturating_sub(SERIES) {
        0 => {}
        1 => rows.push("  one series more is on the page".to_owned()),
        more => rows.push(format!("  {more} series more are on the page")),
    }
    rows
}

/// What there is to act on, with what to do, a line each.
fn to_act_on(view: &View<'_>, width: usize) -> Vec<String> {
    let all = warned(view);
    let mut lines = Vec::new();
    for warned in all.iter().take(WARNINGS) {
        let line = format!("to act on: {}: {}", warned.text, warned.action);
        let mut folded = wrap(&line, width);
        // What to do stands at the end, and is not cut off.
        if folded.len() > 2 {
            let room = width.saturating_sub("to act on: ".len());
            folded = vec![
                format!("to act on: {}", clip(&warned.text, room)),
                clip(&format!("  {}", warned.action), width),
            ];
        }
        lines.extend(folded);
    }
    match all.len().saturating_sub(WARNINGS) {
        0 => {}
        1 => lines.push("one matter more to act on is on the page".to_owned()),
        more => lines.push(format!("{more} matters more to act on are on the page")),
    }
    lines
}
