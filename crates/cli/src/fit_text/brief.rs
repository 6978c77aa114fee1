//! Shows fits in as few lines as possible: the law, its parameters, and one line each on the fit,
//! on held-out rows and on warnings.

use super::{approaches, exponents, of_series, parameters_of, warnings};
use crate::tables::{interval, table};
use isoflop_fit::output::{
    Estimate, Fit, Fits, HeldOut, Isoflop, Remarks, RowSource, Validation, Warned,
};
use isoflop_fit::{best, level_words};

/// Number of refusals and of best laws that are shown.
const SHOWN: usize = 2;
/// Maximum number of parameters that are shown one per line; more are shown side by side.
const IN_A_COLUMN: usize = 7;

/// Maximum number of laws and isoFLOP exponents that are listed.
const LISTED: usize = 12;

/// All fits as text: a single fit in full, several with one line each.
pub(crate) fn brief(fits: &Fits) -> String {
    let mut blocks = Vec::new();
    match (&fits.fits[..], &fits.isoflop[..]) {
        ([], []) if !fits.rates.is_empty() => blocks.extend(sources(&fits.sources)),
        ([only], []) => blocks.push(one_fit(only, sources(&fits.sources).as_deref())),
        ([], [only]) => {
            blocks.extend(sources(&fits.sources));
            blocks.push(isoflop(only));
            blocks.extend(fits.approaches.iter().map(approaches));
        }
        _ => blocks.push(many(fits)),
    }
    blocks.extend(fits.rates.iter().map(super::rates::brief));
    let mut last = Vec::new();
    let refused = fits.refused.iter().take(SHOWN).map(|refused| {
        let x = refused.x.map_or(String::new(), |x| format!(" in {x:?}"));
        let series = of_series(&refused.series);
        format!("not fitted: {}{x}{series}: {}", refused.law, refused.reason)
    });
    last.extend(refused);
    if fits.refused.len() > SHOWN {
        let more = fits.refused.len() - SHOWN;
        last.push(format!("not fitted: {more} more (--details)"));
    }
    if !fits.excluded.is_empty() {
        let rows = fits.excluded.len();
        last.push(format!("left out: {rows} rows (--details lists them)"));
    }
    if !last.is_empty() {
        blocks.push(last.join("\n"));
    }
    blocks.join("\n\n")
}

/// Several fits: the source of the rows, a table of the laws, and the law that held best.
fn many(fits: &Fits) -> String {
    let mut lines = Vec::from_iter(sources(&fits.sources));
    let mut rows: Vec<Vec<String>> = fits.isoflop.iter().map(isoflop_row).collect();
    rows.extend(fits.fits.iter().map(law_row));
    let more = rows.len().saturating_sub(LISTED);
    rows.truncate(LISTED);
    let exponents = format!("exponents and E [{}]", level_words());
    let header = ["law", &exponents, "off by", "held out"];
    lines.push(table(&header, &rows));
    if more > 0 {
        lines.push(format!("{more} more (--details)"));
    }
    let best = best(fits);
    lines.extend(best.into_iter().take(SHOWN).map(|best| {
        let x = best.x.map_or(String::new(), |x| format!(" in {x:?}"));
        let series = of_series(&best.series);
        format!("{}{x}{series}: {}", best.law, best.reason)
    }));
    let warned = Warned::of(fits.met(|what, series| format!("{what}{}", of_series(series))));
    lines.extend(warned.iter().map(|warned| format!("mind: {warned}")));
    lines.push("* is not identified; --details has every parameter, window and remark".to_owned());
    lines.join("\n")
}

/// The exponents and the floor of a law. Coefficients are left out, since they cannot be compared
/// between laws.
fn law_row(fit: &Fit) -> Vec<String> {
    let x = fit.x.map_or(String::new(), |x| format!(" in {x:?}"));
    let is_shown =
        |name: &str| name == "E" || name.starts_with("alpha") || name.starts_with("beta");
    let shown = parameters_of(fit).into_iter().filter(|(name, _)| is_shown(name));
    let shown: Vec<String> =
        shown.map(|(name, found)| format!("{name} {}", short(found))).collect();
    let held = fit.validation.as_ref().and_then(last_window);
    vec![
        format!("{}{x}{}", fit.law, of_series(&fit.series)),
        shown.join("  "),
        fit.noise.map_or(String::new(), |noise| format!("{:.2} %", 100.0 * noise)),
        held.map_or(String::new(), |held| {
            format!("{:+.2} % at {:.1} x C", 100.0 * held.mean_error.exp_m1(), held.reach)
        }),
    ]
}

fn isoflop_row(isoflop: &Isoflop) -> Vec<String> {
    let both = [("a", &isoflop.n_exponent), ("b", &isoflop.d_exponent)];
    let shown = both
        .into_iter()
        .filter_map(|(name, found)| Some(format!("{name} {}", short(found.as_ref()?))));
    let shown: Vec<String> = shown.collect();
    vec![
        format!("isoflop{}", of_series(&isoflop.series)),
        format!("{}  (N* ~ C^a, D* ~ C^b)", shown.join("  ")),
        String::new(),
        String::new(),
    ]
}

/// An estimate such as `0.302 [0.182, 0.518]`, with a star if it is not identified.
fn short(estimate: &Estimate) -> String {
    let mark = if estimate.identified { "" } else { "*" };
    let end = |end: Option<f64>| end.map_or("open".to_owned(), |end| format!("{end:.3}"));
    match (estimate.low, estimate.high) {
        (None, None) => format!("{:.3}{mark}", estimate.value),
        (low, high) => format!("{:.3}{mark} [{}, {}]", estimate.value, end(low), end(high)),
    }
}

/// Where the rows are from, a line a file.
pub(super) fn sources(sources: &[RowSource]) -> Option<String> {
    let lines: Vec<String> =
        sources.iter().map(|source| format!("data: {}", source.words())).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

pub(super) fn one_fit(fit: &Fit, source: Option<&str>) -> String {
    let x = fit.x.map_or(String::new(), |x| format!(" in {x:?}"));
    let mut lines = vec![format!("{}{x}{}: {}", fit.law, of_series(&fit.series), fit.formula)];
    lines.extend(source.map(|source| format!("  {source}")));
    lines.extend(estimates(fit));
    lines.push(format!("  fit: {}", quality(fit)));
    lines.extend(fit.validation.as_ref().and_then(held_out));
    lines.extend(minds(&fit.remarks));
    lines.join("\n")
}

/// What there is to act on, and how many notes there are besides.
fn minds(remarks: &Remarks) -> Vec<String> {
    let told = warnings(remarks);
    let mut lines: Vec<String> = told.map(|warning| format!("  mind: {warning}")).collect();
    match remarks.notes().count() {
        0 => {}
        1 => lines.push("  1 note on method (--details)".to_owned()),
        notes => lines.push(format!("  {notes} notes on method (--details)")),
    }
    lines
}

fn estimates(fit: &Fit) -> Vec<String> {
    let all: Vec<String> = parameters_of(fit)
        .iter()
        .map(|(name, estimate)| format!("{name} = {}", interval(estimate)))
        .collect();
    let columns = all.len().div_ceil(IN_A_COLUMN).max(1);
    let rows = all.len().div_ceil(columns);
    let width = all.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    (0..rows)
        .map(|row| {
            let cells = all.iter().skip(row).step_by(rows.max(1));
            let cells: Vec<String> = cells.map(|cell| format!("{cell:<width$}")).collect();
            format!("  {}", cells.join("   ").trim_end())
        })
        .collect()
}

fn quality(fit: &Fit) -> String {
    let noise = fit
        .noise
        .map_or(String::new(), |noise| format!(", off by {:.2} % root mean square", 100.0 * noise));
    let dropped = match fit.dropped {
        0 => String::new(),
        dropped => format!(", {dropped} of highest loss dropped"),
    };
    let intervals = match &fit.bootstrap {
        Some(b) => {
            let (level, unit) = (level_words(), unit(&b.unit));
            format!("{level} intervals: {}, {} units{unit}", b.words(), b.units)
        }
        None => "no intervals (--bootstrap 0)".to_owned(),
    };
    format!(
        "{} rows ({}){dropped}{noise}; {} {:.6e}, {} of {} starts agree; {intervals}",
        fit.rows,
        fit.points,
        fit.objective.kind,
        fit.objective.value,
        fit.starts_agreed,
        fit.starts_tried,
    )
}

/// The definition of a unit, if the text about resampling ends with one.
fn unit(resampled: &str) -> String {
    let last = resampled.rsplit("; ").next();
    let last = last.filter(|last| last.ends_with(" unit"));
    last.map_or(String::new(), |last| format!(" ({last})"))
}

/// The window whose held-out rows reach farthest.
fn last_window(validation: &Validation) -> Option<&HeldOut> {
    let all = validation.windows.iter().chain(&validation.largest_size);
    all.max_by(|a, b| a.reach.total_cmp(&b.reach))
}

fn held_out(validation: &Validation) -> Option<String> {
    let last = last_window(validation)?;
    let covered = last.covered.map_or(String::new(), |covered| {
        format!(", {covered} inside their {} interval", level_words())
    });
    let more = match validation.windows.len() + usize::from(validation.largest_size.is_some()) {
        1 => String::new(),
        windows => format!(" (one of {windows} windows: --details)"),
    };
    Some(format!(
        "  held out: {} up to {:.3} times the compute, off by {:+.2} % on average{covered}{more}",
        match last.held_out {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        },
        last.reach,
        100.0 * last.mean_error.exp_m1(),
    ))
    .map(|line| match validation.verdict() {
        Some(misfit) => format!("{line}\n  mind: {}", misfit.sentence),
        None => line,
    })
}

fn isoflop(isoflop: &Isoflop) -> String {
    let minima = isoflop.budgets.iter().filter(|b| b.minimum.is_some()).count();
    let mut lines = vec![format!(
        "isoFLOP{}: {minima} of {} budgets have a minimum",
        of_series(&isoflop.series),
        isoflop.budgets.len()
    )];
    lines.extend(exponents(isoflop));
    lines.extend(minds(&isoflop.remarks));
    lines.join("\n")
}
