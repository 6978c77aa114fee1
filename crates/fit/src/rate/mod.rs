//! The best learning rate as a function of N, D and the batch, and the best batch as one of D: from runs that
//! differ in rate, batch and decay.

mod batches;
mod groups;
mod identified;
mod law;
mod lowest;
mod published;
mod transfer;
mod valley;

pub use published::SMALLEST;
pub use transfer::{TOLERANCE, Transfer, TransferRun, TransferValue, TransferVerdict, transfer};

use crate::error::FitError;
use crate::output::{Edge, Estimate, NotIdentified, RateCell, Rates, RuleCost};
use groups::{Group, groups};
use law::{Cell, Fitted, Loss, Steepens, Term, as_scale, law};
use lowest::{Lowest, loss_at, lowest, means, near};
use statrs::distribution::{ContinuousCDF, Normal};
use valley::Kind;

/// A run as far as its rate is the question.
#[derive(Clone, Debug, PartialEq)]
pub struct RateRun {
    /// Run id.
    pub label: String,
    /// Cell of the axes but for rate, batch and decay; a law is fitted to each.
    pub series: String,
    /// What else sets runs apart whose rates are compared: the shape, say.
    pub model: String,
    /// Parameters.
    pub n: f64,
    /// Training tokens.
    pub d: f64,
    /// Tokens a step.
    pub batch: f64,
    /// Share of the steps over which the rate falls; 1 where it falls all along, 0 where it never does.
    pub decay: f64,
    /// Peak rate.
    pub rate: f64,
    /// Seed.
    pub seed: u64,
    /// Test loss in nats per token; none where the run diverged.
    pub loss: Option<f64>,
    /// The rate that the rule of `auto` gives such a run.
    pub rule: Option<f64>,
}

/// Rates of one cell from which on its best can be told.
const FEWEST_RATES: usize = 3;

/// The terms of the law of rates. A power of N is seen to be one from three sizes on.
const TERMS: [Term; 4] = [
    Term { name: "a", sign: -1.0, of: 0, called: "size", needed: 3 },
    Term { name: "p", sign: 1.0, of: 2, called: "batch", needed: 2 },
    Term { name: "b", sign: 1.0, of: 1, called: "token count", needed: 2 },
    Term { name: "decay", sign: 1.0, of: 3, called: "decay", needed: 2 },
];

/// Walls get steeper with the size, and with steps: where these are few, a low rate learns little.
const STEEPENS: [Steepens; 2] = [(0, None), (1, Some(2))];

/// Walls that are tried. They are uneven in any case: where they are and a fit takes them for even, the floor lies to
/// one side by as much, which no interval sees.
const KINDS: [Kind; 2] =
    [Kind { is_uneven: true, is_bent: false }, Kind { is_uneven: true, is_bent: true }];

/// Best rates and batches of each series.
///
/// # Errors
/// A number without a logarithm, or no series with three rates in one cell.
pub fn rates(runs: &[RateRun], n_kind: &str) -> Result<Vec<Rates>, FitError> {
    runs.iter().try_for_each(check)?;
    let mut series: Vec<&str> = Vec::new();
    for run in runs {
        if !series.contains(&run.series.as_str()) {
            series.push(&run.series);
        }
    }
    let found: Vec<Rates> = series
        .into_iter()
        .filter_map(|series| {
            let own: Vec<&RateRun> = runs.iter().filter(|run| run.series == series).collect();
            of_series(&own, n_kind)
        })
        .collect();
    match found.is_empty() {
        true => Err(FitError::NoRates { most: most_rates(runs) }),
        false => Ok(found),
    }
}

/// Whether any series of the runs has a cell with enough rates to ask.
pub fn has_rates(runs: &[RateRun]) -> bool {
    most_rates(runs) >= FEWEST_RATES
}

fn check(run: &RateRun) -> Result<(), FitError> {
    let columns = [
        ("n", Some(run.n)),
        ("d", Some(run.d)),
        ("batch_tokens", Some(run.batch)),
        ("learning_rate", Some(run.rate)),
        ("loss", run.loss),
        ("rule", run.rule),
    ];
    let wrong =
        columns.into_iter().find(|(_, value)| value.is_some_and(|v| !(v.is_finite() && v > 0.0)));
    match wrong {
        Some((column, value)) => Err(FitError::BadValue {
            label: run.label.clone(),
            column,
            value: value.unwrap_or(f64::NAN),
        }),
        None => Ok(()),
    }
}

/// Distinct rates of the cell that has most.
fn most_rates(runs: &[RateRun]) -> usize {
    let all: Vec<&RateRun> = runs.iter().collect();
    groups(&all).iter().map(|group| means(&group.points()).len()).max().unwrap_or(0)
}

fn of_series(runs: &[&RateRun], n_kind: &str) -> Option<Rates> {
    let mut groups: Vec<Group<'_>> = groups(runs);
    groups.retain(|group| means(&group.points()).len() >= FEWEST_RATES);
    if groups.is_empty() {
        return None;
    }
    let mut found = Rates {
        series: runs[0].series.clone(),
        n_kind: n_kind.to_owned(),
        rows: runs.iter().filter(|run| run.loss.is_some()).count(),
        diverged: runs.iter().filter(|run| run.loss.is_none()).count(),
        noise: noise(&groups),
        ..Rates::default()
    };
    let cells: Vec<Cell> = cells(&groups);
    let mut missing: Vec<NotIdentified> = Vec::new();
    // One decay is what most sweeps have, and no gap.
    let has_decays =
        groups.iter().any(|group| !groups::alike(group.decay(), groups[0].decay(), 0.05));
    let terms = if has_decays { &TERMS[..] } else { &TERMS[..3] };
    let fitted = law(&cells, terms, (&STEEPENS, &KINDS), &mut missing);
    found.not_identified = missing;
    if let Some(fitted) = &fitted {
        found.rate = Some(fitted.named(formula(fitted), "c", true));
        batches::add(&mut found, fitted, &groups);
    }
    let spread = fitted.as_ref().map(|fitted| fitted.valley.spread).or(found.noise);
    let each = groups.iter().zip(&cells);
    found.cells =
        each.map(|(group, cell)| describe(group, cell, fitted.as_ref(), spread)).collect();
    found.rule = rule_cost(&found.cells);
    published::add(&mut found);
    let of_batches = std::mem::take(&mut found.warnings);
    warn(&mut found);
    found.warnings.extend(of_batches);
    Some(found)
}

fn formula(fitted: &Fitted) -> String {
    let power = |term: &Term| match term.name {
        "a" => " N^-a",
        "b" => " D^b",
        "p" => " B^p",
        _ => " decay^s",
    };
    let powers: String = ["a", "b", "p", "decay"]
        .iter()
        .filter_map(|name| fitted.terms.iter().find(|term| term.name == *name))
        .map(power)
        .collect();
    format!("eta = c{powers}")
}

/// Each group as the law sees it.
fn cells<'a>(groups: &'a [Group<'a>]) -> Vec<Cell> {
    let mut levels: Vec<(usize, u64)> = Vec::new();
    let mut trunks: Vec<(&str, u64, u64, u64)> = Vec::new();
    let mut cells = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let points = group.points();
        let is_near = near(&points);
        let mut losses = Vec::new();
        for ((run, (x, loss)), _) in
            group.finished().zip(&points).zip(&is_near).filter(|(_, near)| **near)
        {
            let level = number(&mut levels, (at, run.seed));
            let bits = (run.batch.to_bits(), run.rate.to_bits());
            let trunk = number(&mut trunks, (run.model.as_str(), bits.0, bits.1, run.seed));
            losses.push(Loss { level, x: *x, loss: *loss, trunk });
        }
        let inside = match lowest(&points) {
            Lowest::Inside { at, .. } => Some(at),
            _ => None,
        };
        cells.push(Cell { place: group.place(), inside, losses, unit: at });
    }
    cells
}

/// The number of a key among those met so far.
fn number<T: PartialEq>(keys: &mut Vec<T>, key: T) -> usize {
    keys.iter().position(|other| *other == key).unwrap_or_else(|| {
        keys.push(key);
        keys.len() - 1
    })
}

fn describe(
    group: &Group<'_>,
    cell: &Cell,
    fitted: Option<&Fitted>,
    spread: Option<f64>,
) -> RateCell {
    let points = group.points();
    let losses: Vec<(f64, f64)> =
        means(&points).into_iter().map(|(x, loss)| (x.exp(), loss)).collect();
    let least = losses.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let (mut best, mut edge): (Option<Estimate>, Option<Edge>) = (None, None);
    match lowest(&points) {
        Lowest::Inside { at, per_nat, .. } => {
            let half = Normal::standard().inverse_cdf(1.0 - crate::intervals::TAIL);
            let error = spread.map(|spread| spread * per_nat);
            best = Some(as_scale(at, error.map(|error| (error, half * error))));
        }
        Lowest::At(end) => edge = Some(end),
        Lowest::Nowhere | Lowest::Few => {}
    }
    let rule = group.rule();
    let within = |rate: f64| loss_at(&points, rate.ln()).map(|loss| loss - least);
    RateCell {
        n: group.n(),
        d: group.d(),
        batch: group.batch(),
        decay: group.decay(),
        seeds: group.seeds(),
        best,
        edge,
        by_law: fitted.map(|fitted| fitted.best(&cell.place).exp()),
        rule,
        rule_cost: rule.and_then(within),
        rule_cost_by_law: rule.and_then(|rate| {
            let is_inside = within(rate).is_some();
            fitted.filter(|_| is_inside).map(|fitted| fitted.cost(rate.ln(), &cell.place))
        }),
        losses,
    }
}

fn rule_cost(cells: &[RateCell]) -> Option<RuleCost> {
    let costs: Vec<(usize, f64)> =
        cells.iter().enumerate().filter_map(|(k, cell)| Some((k, cell.rule_cost?))).collect();
    let (worst_cell, worst) = costs.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let by_law: Vec<f64> = cells.iter().filter_map(|cell| cell.rule_cost_by_law).collect();
    let has_law = by_law.len() == costs.len();
    Some(RuleCost {
        mean: crate::design::mean(&costs.iter().map(|(_, cost)| *cost).collect::<Vec<_>>()),
        worst,
        worst_cell,
        mean_by_law: has_law.then(|| crate::design::mean(&by_law)),
        worst_by_law: has_law.then(|| by_law.iter().copied().fold(0.0, f64::max)),
        cells: costs.len(),
        outside: cells.iter().filter(|cell| cell.rule.is_some()).count() - costs.len(),
    })
}

/// The standard deviation of a loss between seeds, pooled over runs that differ in their seed alone.
fn noise(groups: &[Group<'_>]) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0);
    for group in groups {
        let points = group.points();
        for (x, mean) in means(&points) {
            let own: Vec<f64> =
                points.iter().filter(|p| (p.0 - x).abs() < 1e-6).map(|p| p.1).collect();
            squares += own.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>();
            freedom += own.len() - 1;
        }
    }
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

fn warn(found: &mut Rates) {
    let censored = |edge: Edge| found.cells.iter().filter(|cell| cell.edge == Some(edge)).count();
    let all = found.cells.len();
    for (edge, which, more) in [(Edge::Low, "lowest", "lower"), (Edge::High, "highest", "higher")] {
        let count = censored(edge);
        if count > 0 {
            found.warnings.push(format!(
                "in {count} of {all} cells the {which} rate has the lowest loss, so that their best rate is not known; add {more} rates there"
            ));
        }
    }
    let at_ends = censored(Edge::Low) + censored(Edge::High);
    if found.rate.is_some() && 2 * at_ends > all {
        found.warnings.push(format!(
            "{at_ends} of {all} cells have no best rate inside those tried, so that the law rests on the form of its walls; try other rates before it is believed"
        ));
    }
    if found.rate.is_none() {
        found.warnings.push(
            "no law of rates: fewer than two cells have their best rate inside the rates tried, or the losses have no valley".to_owned(),
        );
    }
}

#[cfg(test)]
mod tests;
