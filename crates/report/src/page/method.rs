//! The sections on method and provenance: what the numbers mean and how to get them again.

use crate::options::{self, Choice};
use crate::text::escape;
use crate::view::{View, n_words};
use isoflop_core::units::{FLOPS_PER_PF_DAY, scientific};
use isoflop_fit::output::Bootstrap;
use isoflop_results::spent::flops_executed;
use isoflop_results::{RunRow, Status};
use std::collections::BTreeSet;

/// The section on method: definitions and choices.
pub(crate) fn method(view: &View<'_>) -> String {
    let fits = view.report.fits;
    let mut items: Vec<(&str, String)> = Vec::new();
    let kinds =
        distinct(fits.fits.iter().map(|f| format!("{} ({})", f.n_kind, n_words(&f.n_kind))));
    if !kinds.is_empty() {
        items.push(("N", escape(&kinds)));
    }
    items.push((
        "Compute",
        "C counts the floating-point operations of every matrix product, forward and backward, a \
         multiply-add as two. Causal attention and the head are included; element-wise work and \
         evaluation are not. One PF-day is 8.64\u{d7}10<sup>19</sup> FLOPs."
            .to_owned(),
    ));
    items.push((
        "Loss",
        "A loss is the cross-entropy in nats per token on held-out documents, every test token \
         scored once; \u{b1} is a standard error over documents."
            .to_owned(),
    ));
    let kinds: BTreeSet<&str> = fits.fits.iter().map(|f| f.objective.kind.as_str()).collect();
    let objectives: Vec<String> = kinds.into_iter().filter_map(objective).collect();
    if !objectives.is_empty() {
        let words = objectives.join("; ");
        items.push((
            "Fits",
            format!("{words}. A basin is a distinct optimum; each start ends in one."),
        ));
    }
    let scaled = |name: &str| fits.fits.iter().any(|f| f.parameters.contains_key(name));
    if scaled("X_c") {
        items.push((
            "X_c",
            "X<sub>c</sub> is the x at which a power law gives one nat per token: \
             L = (X<sub>c</sub> / x)<sup>\u{3b1}</sup>."
                .to_owned(),
        ));
    }
    let level = view.level();
    let bootstraps = fits.fits.iter().filter_map(|f| f.bootstrap.as_ref());
    let bootstraps = bootstraps.chain(fits.isoflop.iter().filter_map(|i| i.bootstrap.as_ref()));
    let intervals = distinct(bootstraps.map(|b| bootstrap(b, level)));
    items.push(match intervals.is_empty() {
        true => ("Intervals", "None: the laws were fitted without a bootstrap.".to_owned()),
        false => ("Intervals", escape(&intervals)),
    });
    items.push(("Left out", left_out(view)));
    definitions(&items)
}

/// An objective in words.
fn objective(kind: &str) -> Option<String> {
    let (log, penalty) = match kind.strip_prefix("log-") {
        Some(rest) => (" of ln L", rest),
        None => (" of L", kind),
    };
    let words = match penalty {
        "mse" => "squares of the residuals",
        "huber" => "Huber\u{2019}s penalty on the residuals",
        "absolute" => "absolute residuals",
        "asymmetric" => "Huber\u{2019}s penalty, a quarter of it above the law, on the residuals",
        _ => return None,
    };
    Some(format!("{kind}: {words}{log}"))
}

/// The sentence on rows that no fit saw.
fn left_out(view: &View<'_>) -> String {
    let badly = |label: &str| {
        let run = view.run(label);
        run.is_some_and(|run| run.status != Status::Finished)
    };
    let excluded = view.report.fits.excluded.iter();
    let more = excluded.filter(|row| !badly(&row.label)).count();
    let all_well = view.report.runs.iter().all(|run| run.status == Status::Finished);
    let rows = match more {
        0 if all_well => "No run is left out.".to_owned(),
        0 => "Diverged and failed runs are left out, and no others.".to_owned(),
        1 => {
            "Diverged and failed runs, and one finished run for the reason given above, are left out.".to_owned()
        }
        more => format!(
            "Diverged and failed runs, and {more} finished runs for the reasons given above, are left out."
        ),
    };
    format!("{rows} Mid-run losses are drawn, never fitted.")
}

fn bootstrap(b: &Bootstrap, level: f64) -> String {
    let failed = match b.failed {
        0 => String::new(),
        k => format!(", {k} without convergence left out"),
    };
    let replicates = format!(
        "{} bootstrap replicates (seed {}{failed}), of {} ({})",
        b.replicates, b.seed, b.unit, b.units
    );
    match b.is_profiled() {
        true => format!("{level} % intervals from profiles; beside them {replicates}"),
        false => format!("{level} % {} intervals from {replicates}", b.interval),
    }
}

/// The section on provenance: where the runs come from.
pub(crate) fn provenance(view: &View<'_>) -> String {
    let report = view.report;
    let each = |what: fn(&RunRow) -> String| escape(&distinct(report.runs.iter().map(what)));
    let mut items: Vec<(&str, String)> = Vec::new();
    for fact in &report.provenance.facts {
        items.push((&fact.label, escape(&fact.value)));
    }
    if !report.runs.is_empty() {
        items.push(("Sweep", each(|r| r.sweep.clone())));
        // Facts about texts, where they are given, hold corpus and digest.
        let mut facts = report.provenance.facts.iter();
        if !facts.any(|fact| fact.label.contains("text ")) {
            items.push(("Corpus", each(|r| r.corpus.clone())));
            items.push(("Data digest", each(|r| r.data_digest.clone())));
        }
        items.push(("Tokenizer, context", each(|r| format!("{}, {}", r.tokenizer, r.context))));
        items.push((
            "Model",
            each(|r| {
                let (norm, position, how) = (&r.norm, &r.position, &r.parametrization);
                format!("{}, {norm} norm, {position} position, {how} parametrisation", r.family)
            }),
        ));
        items.push((
            "Schedule, batch",
            each(|r| format!("{}, {} tokens", r.schedule, r.batch_tokens)),
        ));
        let options = options_used(report.runs);
        if !options.is_empty() {
            items.push(("Options", escape(&options)));
        }
        items.push((
            "Device",
            each(|r| {
                format!("{} ({}), micro-batch {}", r.device, r.instruction_set, r.micro_batch)
            }),
        ));
        items.push((
            "Versions",
            each(|r| {
                format!(
                    "isoflop {}, burn {}, numerics {}",
                    r.isoflop_version, r.burn_version, r.numerics_version
                )
            }),
        ));
        let spent = flops_executed(report.runs);
        let hours: f64 = report.runs.iter().map(|r| r.wall_time_s).sum::<f64>() / 3600.0;
        items.push((
            "Cost",
            format!(
                "{} FLOPs ({} PF-days; the steps that runs of one trunk share are counted once), \
                 {hours:.2} hours of workers",
                scientific(spent),
                scientific(spent / FLOPS_PER_PF_DAY)
            ),
        ));
    }
    let sources = report.fits.sources.iter();
    items.extend(sources.map(|source| ("Rows fitted", escape(&source.words()))));
    if let Some(when) = &report.provenance.generated {
        items.push(("Generated", escape(when)));
    }
    let mut out = definitions(&items);
    if !report.provenance.commands.is_empty() {
        let commands = escape(&report.provenance.commands.join("\n"));
        out.push_str(&format!(
            "<h3>Commands</h3>\n<pre tabindex=\"0\"><code>{commands}</code></pre>\n"
        ));
    }
    out
}

/// Options at other values than the default, each with the values that runs have.
fn options_used(runs: &[RunRow]) -> String {
    let values = |choice: &Choice| {
        let found =
            runs.iter().map(|run| (choice.value)(run).unwrap_or_else(|| "default".to_owned()));
        format!("{}: {}", choice.name, distinct(found).replace("; ", ", "))
    };
    let used = options::used(runs.iter());
    used.iter().map(values).collect::<Vec<_>>().join("; ")
}

/// The distinct values of a column, in alphabetical order, as one text.
fn distinct(texts: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let all: BTreeSet<String> = texts.filter(|t| !t.is_empty()).collect();
    let mut shown: Vec<String> = all.iter().take(SHOWN).cloned().collect();
    if all.len() > SHOWN {
        shown.push(format!("and {} more", all.len() - SHOWN));
    }
    shown.join("; ")
}

/// A list of definitions: labels are text and become HTML, values are HTML.
fn definitions(items: &[(&str, String)]) -> String {
    let rows: String = items
        .iter()
        .map(|(label, value)| format!("<dt>{}</dt><dd>{value}</dd>\n", escape(label)))
        .collect();
    format!("<dl>\n{rows}</dl>\n")
}
