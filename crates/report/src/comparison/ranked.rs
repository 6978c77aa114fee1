//! Three series or more, in a few lines: the best at the largest common compute or, without one, the most tokens,
//! and which are told apart from it.

use super::pairs::{Pair, pairs};
use super::standing::{Measure, Place, Standing};
use super::words::{Side, both, side};
use crate::text::{clip, fixed, with_interval};
use crate::view::View;
use isoflop_core::units::{scientific, short};
use isoflop_fit::output::Estimate;

/// From so many series on, pairs are a table and not sentences.
const MANY: usize = 3;
/// Most series that a line names.
const NAMED: usize = 6;

/// Whether a series is told apart from the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Apart,
    /// The interval of the difference holds 0, or that of the factor 1.
    NotApart,
    /// There is no interval, or one too wide.
    Unknown,
}

impl Told {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Told::Apart => "told apart",
            Told::NotApart => "not told apart",
            Told::Unknown => "no interval",
        }
    }
}

/// A series against the best.
#[derive(Clone, Debug)]
pub(crate) struct Against<'a> {
    pub(crate) place: Place<'a>,
    /// Loss above that of the best, and half of its interval by the noise between seeds.
    pub(crate) above: (f64, Option<f64>),
    pub(crate) pair: Option<Pair<'a>>,
    pub(crate) told: Told,
}

impl Against<'_> {
    /// What it needs over the compute of the best at equal loss, by the laws of both.
    pub(crate) fn by_law(&self) -> Option<Estimate> {
        let found = self.pair.as_ref()?.compute.by_law.as_ref()?;
        found.last().estimate.licensed().map(|e| e.into_inner())
    }

    /// Loss above that of the best with its interval, `0.046 [0.020, 0.072]`.
    pub(crate) fn above_words(&self) -> String {
        let (less, half) = self.above;
        let e = |end: f64| half.map(|half| less + end * half);
        match (e(-1.0), e(1.0)) {
            (Some(low), Some(high)) => {
                format!("{} [{}, {}]", fixed(less, 3), fixed(low, 3), fixed(high, 3))
            }
            _ => fixed(less, 3),
        }
    }
}

/// Many series, ranked.
#[derive(Clone, Debug)]
pub(crate) struct Ranked<'a> {
    pub(crate) standing: Standing<'a>,
    /// All but the best, in order.
    pub(crate) others: Vec<Against<'a>>,
    /// The same with less compute or fewer tokens, the least first.
    pub(crate) earlier: Vec<Standing<'a>>,
}

/// The ranking of three series or more that have a compute or a number of tokens in common.
pub(crate) fn ranked<'a>(view: &View<'a>) -> Option<Ranked<'a>> {
    if view.series.len() < MANY {
        return None;
    }
    let mut earlier = Standing::along(view);
    let standing = earlier.pop()?;
    let mut pairs = pairs(view);
    let others = standing.places[1..].iter().map(|place| {
        let at = pairs.iter().position(|pair| pair.other == place.series);
        let pair = at.map(|at| pairs.swap_remove(at));
        let above = standing.above_best(*place);
        let told = match (above, &pair) {
            ((less, Some(half)), _) if less.abs() > half => Told::Apart,
            ((_, Some(_)), _) => Told::NotApart,
            (_, Some(pair)) => by_law(pair),
            _ => Told::Unknown,
        };
        Against { place: *place, above, pair, told }
    });
    let others = others.collect();
    Some(Ranked { standing, others, earlier })
}

fn by_law(pair: &Pair<'_>) -> Told {
    let found = pair.compute.by_law.as_ref().map(|found| side(&found.last().estimate));
    match found {
        Some(Side::Less | Side::More) => Told::Apart,
        Some(Side::NotToldApart) => Told::NotApart,
        Some(Side::Unknown) | None => Told::Unknown,
    }
}

/// The ranking in sentences.
pub(crate) fn lines(view: &View<'_>, ranked: &Ranked<'_>) -> Vec<String> {
    let Ranked { standing, others, .. } = ranked;
    let name = |place: Place<'_>| clip(&view.series_name(place.series), 60);
    let best = standing.best();
    let unit = if view.by_bytes() { "bits per byte" } else { "nats per token" };
    let most = match standing.measure {
        Measure::Compute => "the largest compute",
        Measure::Tokens => "the most",
    };
    let mut out = vec![format!(
        "At {}, {most} that all {} series have, {} is the best, with a test loss of {} {unit}.",
        standing.measure.amount(standing.amount),
        standing.places.len(),
        name(best),
        fixed(best.loss, 3),
    )];
    let of = |told: Told| others.iter().filter(move |other| other.told == told);
    let list = |told: Told, words: &dyn Fn(&Against<'_>) -> String| -> Option<String> {
        let all: Vec<String> =
            of(told).map(|other| format!("{} {}", name(other.place), words(other))).collect();
        let more = all.len().saturating_sub(NAMED);
        let shown = all[..all.len() - more].join("; ");
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        (!all.is_empty()).then(|| format!("{shown}{more}"))
    };
    let measure = |other: &Against<'_>| match (other.above.1, other.by_law()) {
        (None, Some(e)) => format!("({} times the compute for the same loss)", with_interval(&e)),
        _ => format!("(+{})", other.above_words()),
    };
    let apart = list(Told::Apart, &measure);
    out.extend(apart.map(|all| format!("Told apart from it: {all}.")));
    let level = list(Told::NotApart, &measure);
    out.extend(level.map(|all| format!("Not told apart from it: {all}.")));
    let unknown = list(Told::Unknown, &|other| format!("(+{})", fixed(other.above.0, 3)));
    out.extend(unknown.map(|all| {
        format!(
            "No interval says whether these differ from it: {all}. Several seeds, such as seeds = [0, 1, 2], would \
             give one."
        )
    }));
    out.extend(with_less(view, ranked));
    for other in others {
        if let Some(pair) = &other.pair {
            let names = [pair.base, pair.other].map(|s| clip(&view.series_name(s), 60));
            out.extend(both(pair, &names));
        }
    }
    out
}

/// Which series is the best with less, a clause for each stretch.
fn with_less(view: &View<'_>, ranked: &Ranked<'_>) -> Option<String> {
    let stretches: Vec<String> = ranked
        .earlier
        .chunk_by(|a, b| a.best().series == b.best().series)
        .map(|stretch| {
            let name = clip(&view.series_name(stretch[0].best().series), 60);
            format!("{name} {}{}", span(stretch), told_in(view, stretch))
        })
        .collect();
    let what = match ranked.standing.measure {
        Measure::Compute => "less compute, in FLOPs",
        Measure::Tokens => "fewer tokens",
    };
    (!stretches.is_empty()).then(|| format!("The best with {what}: {}.", stretches.join("; ")))
}

/// `from 3e10 to 1e12`, or `at 3e10`.
fn span(stretch: &[Standing<'_>]) -> String {
    let (first, last) = (number(&stretch[0]), number(&stretch[stretch.len() - 1]));
    match stretch.len() {
        1 => format!("at {first}"),
        _ => format!("from {first} to {last}"),
    }
}

/// The amount without its unit.
fn number(standing: &Standing<'_>) -> String {
    match standing.measure {
        Measure::Compute => scientific(standing.amount),
        Measure::Tokens => short(standing.amount),
    }
}

/// Whether the best of a stretch is told apart from all others, in brackets; nothing without seeds.
fn told_in(view: &View<'_>, stretch: &[Standing<'_>]) -> String {
    if !stretch.iter().all(Standing::has_noise) {
        return String::new();
    }
    let clear: Vec<&Standing<'_>> = stretch.iter().filter(|standing| standing.is_clear()).collect();
    if clear.len() == stretch.len() {
        return " (told apart from all others)".to_owned();
    }
    if !clear.is_empty() {
        let at: Vec<String> = clear.iter().map(|standing| number(standing)).collect();
        return format!(" (told apart from all others at {})", at.join(", "));
    }
    let last = &stretch[stretch.len() - 1];
    let level: Vec<String> = last.places[1..]
        .iter()
        .filter(|place| !last.tells_apart(**place))
        .map(|place| clip(&view.series_name(place.series), 60))
        .collect();
    let more = level.len().saturating_sub(NAMED);
    let named = level[..level.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(" (not told apart from {named}{more})")
}
