//! The best batch: the loss at the best rate of each batch, and where it is lowest.

use super::groups::{Group, alike};
use super::law::{Cell, Fitted, Loss, Steepens, Term, law};
use super::lowest::{Lowest, lowest, means};
use super::number;
use super::valley::Kind;
use crate::design::mean;
use crate::intervals::TAIL;
use crate::output::{BatchCell, DecayLoss, Edge, Estimate, Rates};
use statrs::distribution::{ContinuousCDF, StudentsT};

const TOKENS: Term = Term { name: "q", sign: 1.0, of: 1, called: "token count", needed: 2 };
const SIZE: Term = Term { name: "r", sign: 1.0, of: 0, called: "size", needed: 3 };

/// Share by which token counts of one number of a sweep file may differ, since they are whole steps.
const STEPS: f64 = 0.03;
const FEWEST_BATCHES: usize = 3;
/// Levels are few and near one another: their walls are parabolas.
const PLAIN: (&[Steepens], &[Kind]) = (&[], &[Kind { is_uneven: false, is_bent: false }]);

/// The loss of a cell and seed at the best rate.
struct Level {
    model: String,
    n: f64,
    d: f64,
    batch: f64,
    decay: f64,
    seed: u64,
    loss: f64,
}

/// Adds what batches and decays say.
pub(super) fn add(found: &mut Rates, fitted: &Fitted, groups: &[Group<'_>]) {
    let levels = levels(fitted, groups);
    found.decays = decays(&levels);
    let (mut cells, mut described) = (Vec::new(), Vec::new());
    let mut first_level = 0;
    let mut trunks: Vec<(&str, u64, u64)> = Vec::new();
    for (unit, of) in by_model(&levels).iter().enumerate() {
        let points: Vec<(f64, f64)> =
            of.iter().map(|level| (level.batch.ln(), level.loss)).collect();
        if means(&points).len() < FEWEST_BATCHES {
            continue;
        }
        let at = lowest(&points);
        let mut seeds: Vec<u64> = Vec::new();
        let losses = of.iter().map(|level| Loss {
            level: first_level + number(&mut seeds, level.seed),
            x: level.batch.ln(),
            loss: level.loss,
            trunk: number(&mut trunks, (level.model.as_str(), level.batch.to_bits(), level.seed)),
        });
        let losses: Vec<Loss> = losses.collect();
        first_level += seeds.len();
        let first = of[0];
        let inside = match at {
            Lowest::Inside { at, .. } => Some(at),
            _ => None,
        };
        let place = [first.n.ln(), first.d.ln(), 0.0, first.decay.max(1e-3).ln()];
        cells.push(Cell { place, inside, losses, unit });
        described.push(describe(first, &points, at));
    }
    found.batch_cells = described;
    warn(found);
    if cells.is_empty() {
        return;
    }
    let mut missing = Vec::new();
    let of_tokens = law(&cells, &[TOKENS], PLAIN, &mut missing).filter(|law| law.terms.len() == 1);
    let of_both =
        law(&cells, &[TOKENS, SIZE], PLAIN, &mut missing).filter(|law| law.terms.len() == 2);
    missing.dedup();
    found.not_identified.extend(missing);
    found.batch = of_tokens.map(|law| law.named("B = k D^q".to_owned(), "k", false));
    found.batch_with_n = of_both.map(|law| law.named("B = k D^q N^r".to_owned(), "k", false));
}

/// Loss at the best rate of each cell whose best rate lies among those tried, by the valley of all cells.
fn levels(fitted: &Fitted, groups: &[Group<'_>]) -> Vec<Level> {
    let losses = fitted.valley.levels(&fitted.samples);
    let mut levels = Vec::new();
    let mut next = 0;
    for group in groups {
        let rates = group.points();
        let low = rates.iter().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let high = rates.iter().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
        let mut seeds: Vec<u64> = Vec::new();
        let is_near = super::near(&rates);
        for (run, _) in group.finished().zip(&is_near).filter(|(_, near)| **near) {
            if !seeds.contains(&run.seed) {
                seeds.push(run.seed);
            }
        }
        let best = fitted.best(&group.place());
        for (k, seed) in seeds.iter().enumerate() {
            let Some(loss) = losses.get(next + k).copied().flatten() else { continue };
            if (low..=high).contains(&best) {
                levels.push(Level {
                    model: group.runs[0].model.clone(),
                    n: group.n(),
                    d: group.d(),
                    batch: group.batch(),
                    decay: group.decay(),
                    seed: *seed,
                    loss,
                });
            }
        }
        next += seeds.len();
    }
    levels
}

/// Levels of one model, token count and decay.
fn by_model(levels: &[Level]) -> Vec<Vec<&Level>> {
    let mut groups: Vec<Vec<&Level>> = Vec::new();
    for level in levels {
        let same = |group: &&mut Vec<&Level>| {
            let first = group[0];
            first.model == level.model
                && first.n == level.n
                && alike(first.d, level.d, STEPS)
                && alike(first.decay, level.decay, 2.0 * STEPS)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(level),
            None => groups.push(vec![level]),
        }
    }
    groups
}

fn describe(first: &Level, points: &[(f64, f64)], at: Lowest) -> BatchCell {
    let (mut best, mut edge): (Option<f64>, Option<Edge>) = (None, None);
    match at {
        Lowest::Inside { at, .. } => best = Some(at.exp()),
        Lowest::At(end) => edge = Some(end),
        Lowest::Nowhere | Lowest::Few => {}
    }
    let losses = means(points).into_iter().map(|(x, loss)| (x.exp(), loss)).collect();
    BatchCell { n: first.n, d: first.d, decay: first.decay, losses, best, edge }
}

fn warn(found: &mut Rates) {
    let all = found.batch_cells.len();
    for (edge, which, more) in
        [(Edge::Low, "smallest", "smaller"), (Edge::High, "largest", "larger")]
    {
        let count = found.batch_cells.iter().filter(|cell| cell.edge == Some(edge)).count();
        if count > 0 {
            found.warnings.push(format!(
                "at {count} of {all} sizes and token counts the {which} batch is the best, so that the best batch is not known there; add {more} batches"
            ));
        }
    }
}

/// What each decay costs against the smallest, over cells and seeds that have both.
fn decays(levels: &[Level]) -> Vec<DecayLoss> {
    let mut all: Vec<f64> = Vec::new();
    for level in levels {
        if !all.iter().any(|decay| alike(*decay, level.decay, 2.0 * STEPS)) {
            all.push(level.decay);
        }
    }
    all.sort_by(f64::total_cmp);
    let Some((first, others)) = all.split_first() else { return Vec::new() };
    let of = |decay: f64| levels.iter().filter(move |level| alike(level.decay, decay, 2.0 * STEPS));
    let pairs = |decay: f64| -> Vec<f64> {
        let partner = |level: &Level| {
            let same = |other: &&Level| {
                other.model == level.model
                    && other.n == level.n
                    && other.d == level.d
                    && other.batch == level.batch
                    && other.seed == level.seed
            };
            of(*first).find(same).map(|other| level.loss - other.loss)
        };
        of(decay).filter_map(partner).collect()
    };
    let decays = others.iter().filter_map(|decay| {
        let differences = pairs(*decay);
        (!differences.is_empty()).then(|| DecayLoss {
            decay: *decay,
            difference: paired(&differences),
            pairs: differences.len(),
        })
    });
    let decays: Vec<DecayLoss> = decays.collect();
    match decays.is_empty() {
        true => decays,
        false => {
            let none = Estimate { identified: true, ..paired(&[0.0]) };
            [DecayLoss { decay: *first, difference: none, pairs: 0 }]
                .into_iter()
                .chain(decays)
                .collect()
        }
    }
}

/// The mean of differences with Student's interval.
fn paired(differences: &[f64]) -> Estimate {
    let (value, count) = (mean(differences), differences.len() as f64);
    let squares: f64 = differences.iter().map(|x| (x - value).powi(2)).sum();
    let error = (count > 1.0).then(|| (squares / (count - 1.0) / count).sqrt());
    let half = error.map(|error| {
        error
            * StudentsT::new(0.0, 1.0, count - 1.0)
                .expect("degrees are positive")
                .inverse_cdf(1.0 - TAIL)
    });
    Estimate {
        value,
        low: half.map(|half| value - half),
        high: half.map(|half| value + half),
        standard_error: error,
        identified: error.is_some(),
        fixed: false,
    }
}
