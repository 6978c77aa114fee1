//! The words of a comparison, a sentence a finding.

use super::compared::{Compared, Counted, HALF_WIDTH};
use super::measured::Factor;
use super::pairs::{EXPONENTS, Pair, pairs};
use super::ranked::{lines, ranked};
use crate::seconds::Machine;
use crate::text::{clip, factor, three_digits, with_interval};
use crate::view::View;
use isoflop_core::units::scientific;
use isoflop_fit::output::Estimate;

/// What readers ask of every pair of series first: which needs how much more, in compute and by the clock,
/// and whether their exponents differ, each with an interval.
pub(crate) fn headlines(view: &View<'_>) -> Vec<String> {
    let mut out = match ranked(view) {
        Some(ranked) => lines(view, &ranked),
        None => by_pair(view),
    };
    if view.many_series() {
        out.extend(crate::verdict::learned(view));
    }
    if !out.is_empty() && !one_text(view) {
        out.push(
            "These series were not scored on one test text: their losses are of different tasks, and what differs \
             may be the text."
                .to_owned(),
        );
    }
    out
}

/// Whether all finished runs were scored on one text: the test text of one corpus, and of one preparation of it
/// where their tokenizers are one.
fn one_text(view: &View<'_>) -> bool {
    let mut runs = view.finished.iter();
    let Some(first) = runs.next() else {
        return true;
    };
    runs.all(|run| {
        let same_tokens = run.tokenizer != first.tokenizer || run.data_digest == first.data_digest;
        run.corpus == first.corpus && same_tokens
    })
}

fn by_pair(view: &View<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for pair in &pairs(view) {
        let names = names(view, pair);
        let by_law = pair.compared().filter_map(|c| by_law(view, pair, c, &names));
        out.extend(by_law);
        out.extend(both(pair, &names));
        out.extend(exponent(pair, &names));
    }
    out
}

/// Factors read off the runs of every pair of series.
pub(crate) fn sentences(view: &View<'_>) -> Vec<String> {
    let pairs = pairs(view);
    let mut out = Vec::new();
    // A table has them of many series.
    let few = if ranked(view).is_none() { pairs.as_slice() } else { &[] };
    for pair in few {
        let names = names(view, pair);
        out.extend(pair.compared().filter_map(|c| measured(pair, c, &names)));
    }
    if !out.is_empty() {
        out.push(
            "Measured factors are read off the best runs at each cost, with ln cost linear in ln L between \
             them. Compute is exact and includes the head of each vocabulary."
                .to_owned(),
        );
    }
    if pairs.iter().any(|pair| pair.all_products.is_some()) {
        out.push(ALL_PRODUCTS.to_owned());
    }
    out.extend(clock(view, &pairs));
    if pairs.iter().any(|pair| pair.seconds.is_some()) {
        out.push(format!("{SECONDS} Factors in seconds hold for that machine alone."));
    }
    out
}

/// A scatter of speeds that needs no word.
const STEADY: f64 = 0.05;

/// A caution where speeds scatter between runs of one model, with the comparisons that are within it.
fn clock(view: &View<'_>, pairs: &[Pair<'_>]) -> Option<String> {
    let seconds = || pairs.iter().filter_map(|pair| Some((pair, pair.seconds.as_ref()?)));
    if seconds().next().is_some() && seconds().all(|(_, c)| c.scatter.is_none()) {
        return Some(
            "No two runs are of one model, so that nothing says how much speeds scatter: factors in seconds may \
             be the load of the machine."
                .to_owned(),
        );
    }
    let scatter = |c: &Compared<'_>| c.scatter.filter(|scatter| *scatter > STEADY);
    let (_, widest) = seconds().max_by(|a, b| {
        let of = |c: &Compared<'_>| scatter(c).unwrap_or(0.0);
        of(a.1).total_cmp(&of(b.1))
    })?;
    let most = scatter(widest)?;
    let within = |c: &Compared<'_>| match (&c.measured, scatter(c)) {
        (Some(Factor::Reached { at_lowest, .. }), Some(scatter)) => {
            at_lowest.get().ln().abs() < HALF_WIDTH * scatter
        }
        _ => false,
    };
    let lost: Vec<String> = seconds()
        .filter(|(_, compared)| within(compared))
        .map(|(pair, _)| clip(&view.series_name(pair.other), 40))
        .collect();
    let which = match (lost.is_empty(), pairs.first()) {
        (false, Some(pair)) => format!(
            " The measured factor in seconds is within this between {} and {}: the clock does not tell them apart.",
            clip(&view.series_name(pair.base), 40),
            lost.join(", ")
        ),
        _ => String::new(),
    };
    Some(format!(
        "Speeds of runs of one model differ{}, as they do under a load that changes: a factor in seconds may be \
         off by a factor of {} (one standard deviation) for that alone, as if all runs of a series had shared it, and the \
         intervals of seconds hold it.{which}",
        machine_words(&widest.counted),
        three_digits(most.exp()),
    ))
}

/// Which compute is taken with the optimizer.
const ALL_PRODUCTS: &str = "Compute with the optimizer included is c_exact + flops_optimizer: the products by \
    which Muon orthogonalises take the same FLOPs a step whatever the batch.";

/// Which seconds are taken.
pub(crate) const SECONDS: &str = "Seconds are those of a whole run, evaluation left out: its tokens times \
    the median seconds of a token over the runs of its model on one machine, since a run of a trunk was \
    timed over its own branch alone.";

fn names<'a>(view: &View<'a>, pair: &Pair<'a>) -> [String; 2] {
    [pair.base, pair.other].map(|series| clip(&view.series_name(series), 60))
}

impl Counted<'_> {
    /// `the compute`, `the seconds`.
    fn of(&self) -> &'static str {
        match self {
            Counted::Compute => "the compute",
            Counted::AllProducts => "the compute (optimizer included)",
            Counted::Seconds(_) => "the seconds",
        }
    }

    /// `1e11 FLOPs`, `12.3 s`.
    fn amount(&self, cost: f64) -> String {
        match self {
            Counted::Compute => format!("{} FLOPs", scientific(cost)),
            Counted::AllProducts => format!("{} FLOPs (optimizer included)", scientific(cost)),
            Counted::Seconds(_) => format!("{} s", three_digits(cost)),
        }
    }

    /// How a series wins or loses: `by FLOPs`, `by the clock`.
    fn by(&self) -> &'static str {
        match self {
            Counted::Compute => "by FLOPs",
            Counted::AllProducts => "by FLOPs (optimizer included)",
            Counted::Seconds(_) => "by the clock",
        }
    }

    fn machine(&self) -> Option<Machine<'_>> {
        match self {
            Counted::Compute | Counted::AllProducts => None,
            Counted::Seconds(machine) => Some(*machine),
        }
    }
}

/// The machine of seconds with a space before it: ` on host (cpu, avx512)`.
pub(crate) fn machine_words(counted: &Counted<'_>) -> String {
    let machine = counted.machine();
    machine.map_or(String::new(), |machine| format!(" on {}", clip(&machine.words(), 60)))
}

/// What an interval says of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The other needs less.
    Less,
    /// The other needs more.
    More,
    /// The interval holds 1.
    NotToldApart,
    /// The interval is too wide to say anything, or lacks an end.
    Unknown,
}

pub(super) fn side(e: &Estimate) -> Side {
    match (e.licensed(), e.low, e.high) {
        (Some(_), _, Some(high)) if high < 1.0 => Side::Less,
        (Some(_), Some(low), _) if low > 1.0 => Side::More,
        (Some(_), Some(_), Some(_)) => Side::NotToldApart,
        _ => Side::Unknown,
    }
}

fn by_law(
    view: &View<'_>,
    pair: &Pair<'_>,
    compared: &Compared<'_>,
    [base, other]: &[String; 2],
) -> Option<String> {
    let found = compared.by_law.as_ref()?;
    let (counted, last, first) = (&compared.counted, found.last(), found.first());
    let (of, on) = (counted.of(), machine_words(counted));
    let at = format!(
        "the loss that {base} reaches with {}{on} ({} {})",
        counted.amount(last.cost),
        three_digits(last.loss),
        pair.unit()
    );
    let level = view.level();
    let claim = match side(&last.estimate) {
        Side::Less | Side::More => {
            format!("{other} needs {} times {of} of {base} for {at}", with_interval(&last.estimate))
        }
        Side::NotToldApart => format!(
            "{other} and {base} are not told apart {}: for {at}, {other} needs {} times {of}",
            counted.by(),
            with_interval(&last.estimate)
        ),
        Side::Unknown => {
            return Some(format!(
                "These runs do not tell {of} that {other} needs over {base} for {at}: the {level}\u{a0}% \
                 interval of the factor spans more than a factor of ten.{}",
                read_off(compared)
            ));
        }
    };
    let amount = counted.amount(first.cost);
    let before = match side(&first.estimate) {
        Side::Unknown => format!("; at {amount} the runs do not tell the factor"),
        Side::NotToldApart => {
            format!("; at {amount} it is {}, which holds 1", with_interval(&first.estimate))
        }
        Side::Less | Side::More => {
            let apart = match side(&last.estimate) {
                Side::NotToldApart => ", which does not hold 1",
                _ => "",
            };
            format!("; at {amount} it is {}{apart}", with_interval(&first.estimate))
        }
    };
    let edge = match compared.at_edge {
        [false, false] => String::new(),
        [true, false] => edge_words(base),
        [false, true] => edge_words(other),
        [true, true] => edge_words(&format!("{base} and of {other}")),
    };
    Some(format!("{claim}{before}.{edge}"))
}

/// The factor that the best runs give, where laws give none.
fn read_off(compared: &Compared<'_>) -> String {
    match &compared.measured {
        Some(Factor::Reached { at_lowest, .. }) => {
            format!(" The best runs alone give {}, without an interval.", factor(*at_lowest.get()))
        }
        _ => String::new(),
    }
}

fn edge_words(of: &str) -> String {
    format!(
        " The best size of {of} is the smallest or largest trained there: other sizes may change this."
    )
}

/// A series that wins in compute and loses by the clock, or the reverse: with intervals, or else as the best
/// runs have it over all losses.
pub(super) fn both(pair: &Pair<'_>, [base, other]: &[String; 2]) -> Option<String> {
    let seconds = pair.seconds.as_ref()?;
    let told = |c: &Compared<'_>| c.by_law.as_ref().map(|found| side(&found.last().estimate));
    let known = |c: &Compared<'_>| told(c).filter(|side| *side != Side::Unknown);
    let (sides, as_told) = match (known(&pair.compute), known(seconds)) {
        (Some(compute), Some(seconds)) => ((compute, seconds), ""),
        _ => (
            (read_off_side(&pair.compute)?, read_off_side(seconds)?),
            " Read off the best runs, without intervals for both.",
        ),
    };
    let [compute, clock] = match sides {
        (Side::Less, Side::More) => ["wins by FLOPs", "loses by the clock"],
        (Side::More, Side::Less) => ["loses by FLOPs", "wins by the clock"],
        _ => return None,
    };
    let machine = machine_words(&seconds.counted);
    Some(format!("{other} {compute} and {clock} against {base}{machine}.{as_told}"))
}

/// The side on which the measured factor lies at every loss that both have reached.
fn read_off_side(compared: &Compared<'_>) -> Option<Side> {
    // What is within the scatter of speeds may be the load of the machine.
    let blur = (HALF_WIDTH * compared.scatter.unwrap_or(0.0)).exp();
    match compared.measured.as_ref()? {
        Factor::Reached { range: (_, most), .. } if most * blur < 1.0 => Some(Side::Less),
        Factor::Reached { range: (least, _), .. } if least / blur > 1.0 => Some(Side::More),
        Factor::Below { factor, .. } if factor.get() * blur <= 1.0 => Some(Side::Less),
        Factor::Above { factor, .. } if factor.get() / blur >= 1.0 => Some(Side::More),
        _ => None,
    }
}

fn measured(
    pair: &Pair<'_>,
    compared: &Compared<'_>,
    [base, other]: &[String; 2],
) -> Option<String> {
    let unit = pair.unit();
    let of = compared.counted.of();
    let on = machine_words(&compared.counted);
    Some(match compared.measured.as_ref()? {
        Factor::Reached { trace, at_lowest, range } => {
            let (lowest, highest) = (trace.first()?.0, trace.last()?.0);
            let over = match highest > lowest {
                true => format!(
                    ", and between {} and {} times over the losses that both have reached, up to {}",
                    factor(range.0),
                    factor(range.1),
                    three_digits(highest)
                ),
                false => String::new(),
            };
            format!(
                "Measured{on}: {other} needs {} times {of} of {base} for a loss of {} {unit}, the lowest \
                 that both have reached{over}.",
                factor(*at_lowest.get()),
                three_digits(lowest)
            )
        }
        Factor::Below { loss, factor: f } => format!(
            "Measured{on}: {other} needs less than {} times {of} of {base} for a loss of {} {unit}, the \
             lowest of {base}: its cheapest runs are below that already.",
            factor(*f.get()),
            three_digits(*loss)
        ),
        Factor::Above { loss, factor: f } => format!(
            "Measured{on}: {other} needs more than {} times {of} of {base} for a loss of {} {unit}, its \
             lowest: the cheapest runs of {base} are below that already.",
            factor(*f.get()),
            three_digits(*loss)
        ),
    })
}

fn exponent(pair: &Pair<'_>, [base, other]: &[String; 2]) -> Option<String> {
    let mut all = pair.exponents.iter();
    let d = all.find(|d| d.name == EXPONENTS[0].0)?;
    let less = d.less.licensed()?.into_inner();
    let apart = match (less.low, less.high) {
        (Some(low), Some(high)) if low > 0.0 || high < 0.0 => "they differ",
        (Some(_), Some(_)) => "no difference shows",
        _ => "without intervals",
    };
    Some(format!(
        "The loss of {base} falls with an exponent of {} in compute, that of {other} with {}: {apart} (the \
         second less the first is {}).",
        with_interval(&d.base),
        with_interval(&d.other),
        with_interval(&less)
    ))
}
