//! Shows fits to a person in a terminal.

mod brief;
mod choice;
mod rates;

pub(crate) use brief::brief;
pub(crate) use choice::chosen;

use crate::held_out_text::held_out;
use crate::tables::{interval, number, table};
use isoflop_core::units::{scientific, short};
use isoflop_fit::output::{
    Approach, Approaches, EffectiveSize, Estimate, Fit, Fits, Isoflop, Problem, Remarks, RowSource,
    Warning,
};
use isoflop_fit::{Law, best, checklist, level_words};
use isoflop_lab::curve_laws;

/// The list of laws that `fit --list` prints.
pub(crate) fn list() -> String {
    let isoflop = (
        "isoflop",
        "a parabola of loss in ln N for each budget, and Akima's interpolation: N*(C) and D*(C); Hoffmann et al. 2022, approach 2",
    );
    let rate = (
        "rate",
        "eta = c N^-a D^b B^p and B = k D^q: the best learning rate and batch of a results folder that tried several",
    );
    let curves = (
        curve_laws::NAME,
        "L = L0 + A S^-alpha - B sum_k (eta_(k-1) - eta_k) C S_k / (1 + C S_k), S sums of rates: learning curves of a results folder under any schedule; Luo et al. 2025, arXiv 2503.12811, with beta 1 and gamma 0",
    );
    let rows: Vec<Vec<String>> = Law::list()
        .chain([isoflop, rate, curves])
        .map(|(name, what)| vec![name.to_owned(), what.to_owned()])
        .collect();
    let table = table(&["law", "what it is"], &rows);
    format!("{table}\n\nX is n, d or c, given with --x.")
}

/// All fits with everything that is known about them.
pub(crate) fn details(fits: &Fits) -> String {
    let mut blocks = Vec::from_iter(brief::sources(&fits.sources));
    blocks.extend(fits.fits.iter().map(one_fit));
    blocks.extend(fits.isoflop.iter().map(one_isoflop));
    blocks.extend(fits.approaches.iter().map(approaches));
    blocks.extend(fits.rates.iter().map(rates::details));
    blocks.extend(fits.choices.iter().map(choice::table_of));
    if !fits.ranking.is_empty() {
        blocks.push(ranking(fits));
    }
    if !fits.refused.is_empty() {
        let mut lines = vec!["not fitted".to_owned()];
        for refused in &fits.refused {
            let x = refused.x.map_or(String::new(), |x| format!(" in {x:?}"));
            lines.push(format!(
                "  {}{x}{}: {}",
                refused.law,
                of_series(&refused.series),
                refused.reason
            ));
            let hint = refused.hint.as_ref();
            lines.extend(hint.map(|hint| format!("    hint: {hint}")));
        }
        blocks.push(lines.join("\n"));
    }
    if !fits.excluded.is_empty() {
        let mut lines = vec!["left out".to_owned()];
        let rows = fits.excluded.iter();
        lines.extend(rows.map(|row| format!("  {}: {}", row.label, row.reason)));
        blocks.push(lines.join("\n"));
    }
    blocks.join("\n\n")
}

fn of_series(series: &str) -> String {
    match series {
        "" => String::new(),
        series => format!(" ({series})"),
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

fn ends(low: Option<f64>, high: Option<f64>) -> String {
    let end = |end: Option<f64>| end.map_or("open".to_owned(), number);
    format!("[{}, {}]", end(low), end(high))
}

/// Parameters in the order in which they are shown.
fn parameters_of(fit: &Fit) -> Vec<(&String, &Estimate)> {
    fit.parameters.iter().collect()
}

fn parameters(fit: &Fit) -> String {
    // A second column has the intervals of the other method, beside those of the headline.
    let replicates = fit.bootstrap.as_ref().filter(|b| b.is_profiled());
    let profile = |name: &str| {
        let found = fit.profiles.iter().find(|profile| profile.parameter == name);
        found.map_or(String::new(), |p| ends(p.low, p.high))
    };
    let other = |name: &str| match replicates {
        Some(b) => b.intervals.get(name).map_or(String::new(), |i| ends(i.low, i.high)),
        None => profile(name),
    };
    let rows: Vec<Vec<String>> = parameters_of(fit)
        .into_iter()
        .map(|(name, estimate)| vec![name.clone(), interval(estimate), other(name)])
        .collect();
    match (replicates, fit.profiles.is_empty()) {
        (Some(_), _) => {
            let value = format!("value [{}, profile]", level_words());
            table(&["", &value, "replicates"], &rows)
        }
        (None, false) => table(&["", &format!("value [{}]", level_words()), "profile"], &rows),
        (None, true) => {
            let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row[..2].to_vec()).collect();
            table(&["", "value"], &rows)
        }
    }
}

fn sensitivity(fit: &Fit) -> Option<String> {
    let names: Vec<&String> = fit.sensitivity.first()?.parameters.keys().collect();
    let shown = |name: &&&String| fit.parameters.contains_key(**name);
    let names: Vec<&&String> = names.iter().filter(shown).take(8).collect();
    let mut header = vec!["objective"];
    header.extend(names.iter().map(|name| name.as_str()));
    let rows: Vec<Vec<String>> = fit
        .sensitivity
        .iter()
        .map(|other| {
            let values = names.iter().map(|name| {
                let value = other.parameters.get(**name);
                value.map_or(String::new(), |value| number(*value))
            });
            std::iter::once(other.objective.clone()).chain(values).collect()
        })
        .collect();
    Some(table(&header, &rows))
}

fn one_fit(fit: &Fit) -> String {
    let x = fit.x.map_or(String::new(), |x| format!(" in {x:?}"));
    let dropped = match fit.dropped {
        0 => String::new(),
        dropped => format!(", {dropped} of highest loss dropped"),
    };
    let objective = match fit.objective.delta {
        Some(delta) => format!("{} {}:{delta:e}", fit.objective.reduction, fit.objective.kind),
        None => format!("{} {}", fit.objective.reduction, fit.objective.kind),
    };
    let mut lines = vec![
        format!("{}{x}{}: {}", fit.law, of_series(&fit.series), fit.formula),
        format!(
            "  {} rows ({}){dropped}; N is {}; {objective} = {:.9e}; {} of {} starts agree, gradient {:.0e}",
            fit.rows,
            fit.points,
            fit.n_kind,
            fit.objective.value,
            fit.starts_agreed,
            fit.starts_tried,
            fit.gradient_norm
        ),
        indented(&parameters(fit)),
    ];
    lines.push(match &fit.bootstrap {
        Some(b) => {
            let replicates =
                format!("{} {} replicates of {} ({})", b.replicates, b.interval, b.unit, b.units);
            match b.is_profiled() {
                true => {
                    format!("  {} intervals: profiles; beside them {replicates}", level_words())
                }
                false => format!("  {} intervals: {replicates}", level_words()),
            }
        }
        None => "  no intervals (--bootstrap 0)".to_owned(),
    });
    if let Some(text) = sensitivity(fit) {
        lines.push("  other thresholds".to_owned());
        lines.push(indented(&text));
    }
    if let Some(outliers) = &fit.outliers {
        let changes: Vec<String> = outliers
            .without
            .iter()
            .filter_map(|(name, without)| {
                let with = outliers.with.get(name)?;
                Some(format!("{name} {} -> {}", number(*with), number(*without)))
            })
            .collect();
        lines.push(format!("  without the outliers: {}", changes.join(", ")));
    }
    if let Some(first) = fit.influence.first() {
        lines.push(format!(
            "  most influential row: without {} {} goes to {} ({:+.1} %)",
            first.label,
            first.parameter,
            number(first.without),
            100.0 * first.relative_change
        ));
    }
    lines.extend(effective(fit));
    let floor = fit.known_floor.iter();
    lines.extend(floor.map(|floor| format!("  entropy known: {floor}")));
    lines.extend(fit.validation.iter().map(|held| indented(&held_out(held))));
    lines.extend(remarks(&fit.remarks));
    lines.join("\n")
}

/// What there is to act on. That a law errs stands with its rows held out.
fn warnings(remarks: &Remarks) -> impl Iterator<Item = &Warning> {
    remarks.warnings().filter(|warning| warning.problem != Problem::Errs)
}

/// What there is to act on, then how the numbers were made.
fn remarks(remarks: &Remarks) -> Vec<String> {
    let warnings = warnings(remarks).map(|warning| format!("  warning: {warning}"));
    warnings.chain(remarks.notes().map(|note| format!("  note: {note}"))).collect()
}

/// What the mixtures of experts among the rows are worth.
fn effective(fit: &Fit) -> Vec<String> {
    if fit.effective.is_empty() {
        return Vec::new();
    }
    let row = |of: &EffectiveSize| {
        let tokens = of.d.map_or(String::new(), short);
        vec![number(of.experts), short(of.n), tokens, interval(&of.n_effective)]
    };
    let rows: Vec<Vec<String>> = fit.effective.iter().map(row).collect();
    let header = ["experts", "N", "D", "dense N of equal loss [90 %]"];
    vec!["  effective sizes".to_owned(), indented(&table(&header, &rows))]
}

fn one_isoflop(isoflop: &Isoflop) -> String {
    let mut lines = vec![format!(
        "isoFLOP{}: a parabola of loss in ln N per budget; N is {}",
        of_series(&isoflop.series),
        isoflop.n_kind
    )];
    for curve in &isoflop.budgets {
        let budget = scientific(curve.flops_budget);
        lines.push(match &curve.minimum {
            Some(minimum) => format!(
                "  {budget:<8} N* {}  D* {}  loss {}",
                interval(&minimum.n_opt),
                interval(&minimum.d_opt),
                interval(&minimum.loss)
            ),
            None => format!("  {budget:<8} no minimum"),
        });
        if let (Some(below), Some(above), Some(offset)) = (curve.below, curve.above, curve.offset) {
            lines.push(format!(
                "           sizes from 1/{below:.1} to {above:.1} of N*, {:+.0} % off centre",
                100.0 * offset
            ));
        }
        lines.extend(curve.note.as_ref().map(|note| format!("           {note}")));
    }
    lines.extend(exponents(isoflop));
    lines.extend(isoflop.drift.map(|drift| {
        format!("  the centre of the sizes drifts by {:+.0} % of their half-width for each factor of ten of compute", 100.0 * drift)
    }));
    lines.extend(isoflop.bias.map(|bias| {
        format!("  under the fitted law these parabolas alone put a off by {bias:+.4}")
    }));
    lines.extend(remarks(&isoflop.remarks));
    lines.join("\n")
}

fn exponents(isoflop: &Isoflop) -> Vec<String> {
    let exponent = |name: &str, found: &Option<Estimate>| {
        let found = found.as_ref()?;
        Some(format!("  {name} = {}", interval(found)))
    };
    let both = [
        exponent("N* ~ C^a, a", &isoflop.n_exponent),
        exponent("D* ~ C^b, b", &isoflop.d_exponent),
    ];
    both.into_iter().flatten().collect()
}

fn approaches(set: &Approaches) -> String {
    let two = set.approaches.iter().any(|a| a.six_nd.is_some());
    let row = |approach: &Approach| {
        let mut found = vec![approach.n_exponent, approach.d_exponent];
        if two {
            // Where both ways of counting FLOPs agree, the exponents are the same.
            let six = approach.six_nd;
            found.push(six.map_or(approach.n_exponent, |six| Some(six.n_exponent)));
            found.push(six.map_or(approach.d_exponent, |six| Some(six.d_exponent)));
        }
        let shown = |found: &Option<Estimate>| found.as_ref().map_or(String::new(), interval);
        let mut cells = vec![approach.name.clone()];
        cells.extend(found.iter().map(shown));
        cells.push(approach.words.clone());
        cells
    };
    let rows: Vec<Vec<String>> = set.approaches.iter().map(row).collect();
    let mut header = vec!["approach", "a of N* ~ C^a", "b of D* ~ C^b"];
    if two {
        header.extend(["a, C = 6 N D", "b, C = 6 N D"]);
    }
    header.push("how");
    let notes = set.approaches.iter().flat_map(|approach| {
        let name = &approach.name;
        approach.remarks.notes().map(move |note| format!("\n  note on {name}: {note}"))
    });
    let why = set.counting();
    let why = why.map(|words| format!("\n  the exponents {words}"));
    format!(
        "approaches of Hoffmann et al. 2022{}; N is {}, C is {}\n{}{}",
        of_series(&set.series),
        set.n_kind,
        set.c_kind,
        indented(&table(&header, &rows)),
        why.unwrap_or_default()
    ) + &notes.collect::<String>()
}

fn ranking(fits: &Fits) -> String {
    let rows: Vec<Vec<String>> = fits
        .ranking
        .iter()
        .map(|law| {
            vec![
                format!("{}{}", law.law, of_series(&law.series)),
                format!("{:.3} %", 100.0 * law.rms_error),
                law.covered
                    .map_or(String::new(), |covered| format!("{covered} of {}", law.held_out)),
                law.windows.to_string(),
            ]
        })
        .collect();
    let inside = format!("inside {}", level_words());
    let header = ["law", "held-out error", &inside, "windows"];
    let mut lines =
        vec!["laws by their error on rows held out".to_owned(), indented(&table(&header, &rows))];
    let best = best(fits);
    lines.extend(best.into_iter().map(|best| {
        let x = best.x.map_or(String::new(), |x| format!(" in {x:?}"));
        let series = of_series(&best.series);
        format!("  {}{x}{series}: {}", best.law, best.reason)
    }));
    lines.join("\n")
}

/// Everything that a reader must know to reproduce each fit.
pub(crate) fn checklists(fits: &Fits) -> String {
    let one = |fit: &Fit| {
        let items = checklist(fit).into_iter();
        let lines: Vec<String> = items.map(|(what, text)| format!("- {what}: {text}")).collect();
        lines.join("\n")
    };
    let mut all: Vec<String> = fits.sources.iter().map(of_source).collect();
    all.extend(fits.fits.iter().map(one));
    all.join("\n\n")
}

/// A file of rows: its name, its whole digest, and how it was understood.
fn of_source(source: &RowSource) -> String {
    let filter = match source.filter.is_empty() {
        true => "none".to_owned(),
        false => source.filter.join(" and "),
    };
    let mut lines = vec![
        format!("- file: {}", source.file),
        format!("- rows used: {} of {}; filter: {filter}", source.used, source.rows),
        format!("- columns: {}", source.columns()),
    ];
    let digest = source.sha256.iter();
    lines.extend(digest.map(|digest| format!("- sha256 of the file: {digest}")));
    let remarks = source.remarks.iter();
    lines.extend(remarks.map(|remark| format!("- note: {remark}")));
    lines.join("\n")
}
