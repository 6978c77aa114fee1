//! Learning curves on one another: each divided by its final loss, against the share of training.
//!
//! Compared are finished runs of a series under `wsd` with the share of decay that most of them have, whose
//! test losses were measured through the decay. Runs under `cosine` and `linear` have two such losses in their
//! fall, which do not show a rate that is a factor of two off, and under `constant` nothing falls.

use crate::text::fixed;
use crate::view::View;
use isoflop_fit::collapse::{Collapse, Fall, Standing, TooFew, collapse};
use isoflop_fit::output::{Problem, Warning};
use isoflop_results::{Curve, RunRow};
use std::collections::HashMap;

/// Shares of the decay at which a fall is read off: those where `curves.parquet` has test losses.
const READ_AT: [f64; 2] = [1.0 / 3.0, 2.0 / 3.0];
/// Share of warm-up above which a curve is no curve at a stable rate.
const LONGEST_WARMUP: f64 = 0.2;
/// Loss over the best of its budget up to which a run counts as near the optimum.
const NEAR: f64 = 1.02;

/// The curves of one series beside one another.
#[derive(Debug)]
pub(crate) struct Compared<'a> {
    pub(crate) series: &'a str,
    /// Finished runs of the series.
    pub(crate) finished: usize,
    /// The curves that compare.
    pub(crate) curves: Vec<Normalised<'a>>,
    pub(crate) score: Result<Collapse, TooFew>,
}

/// A curve over its final loss.
#[derive(Debug)]
pub(crate) struct Normalised<'a> {
    pub(crate) run: &'a RunRow,
    /// Share of training, and test loss over the final one.
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether the run is within two per cent of the best loss of its budget; all are in a sweep without budgets.
    pub(crate) is_near: bool,
}

impl Compared<'_> {
    /// Places that are off.
    pub(crate) fn off(&self) -> impl Iterator<Item = &Standing> {
        let places = self.score.iter().flat_map(|score| &score.places);
        places.filter(|place| place.is_off)
    }

    /// What to do about each place that is off.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Warning> {
        let places = self.score.as_ref().map_or(0, |score| score.places.len());
        self.off().map(move |place| {
            let (fall, rate, other) = match place.shift > 0.0 {
                true => ("more", "too high", "a lower"),
                false => ("less", "too low", "a higher"),
            };
            let name = place.labels.join(", ");
            let text = format!(
                "over the decay of its rate the loss of {name} falls {} % {fall} than the others tell (t = {}, chance \
                 {} over {places} places), as after a rate that is {rate}",
                fixed(100.0 * (place.shift.exp() - 1.0).abs(), 0),
                fixed(place.t, 1),
                chance(place.chance),
            );
            Warning::new(Problem::OffCurve, text, vec![format!("{name} at {other} rate")])
        })
    }
}

/// A chance in words.
pub(crate) fn chance(chance: f64) -> String {
    match chance < 0.001 {
        true => "below 0.001".to_owned(),
        false => fixed(chance, 3),
    }
}

/// Every series whose runs have curves under `wsd`.
pub(crate) fn of_series<'a>(view: &View<'a>) -> Vec<Compared<'a>> {
    let curves: HashMap<&str, &Curve> =
        view.report.curves.iter().map(|curve| (curve.run_id.as_str(), curve)).collect();
    let one = |series: &'a str| {
        let runs: Vec<&RunRow> =
            view.finished.iter().filter(|run| run.series == series).copied().collect();
        let found: Vec<Normalised<'a>> = alike(&runs)
            .into_iter()
            .filter_map(|run| normalised(run, curves.get(run.run_id.as_str())?, &runs))
            .collect();
        let falls: Vec<Fall> = found.iter().filter_map(fall).collect();
        (!found.is_empty()).then(|| Compared {
            series,
            finished: runs.len(),
            score: collapse(&falls),
            curves: found,
        })
    };
    view.series.iter().copied().filter_map(one).collect()
}

/// Runs under `wsd` by the optimizer and the share of decay that most of them have.
fn alike<'a>(runs: &[&'a RunRow]) -> Vec<&'a RunRow> {
    let mut groups: Vec<((&str, i64), Vec<&'a RunRow>)> = Vec::new();
    for run in runs.iter().copied() {
        let warmup = run.warmup_steps as f64 / run.steps as f64;
        if run.schedule != "wsd" || run.decay_steps == 0 || warmup > LONGEST_WARMUP {
            continue;
        }
        let key = (run.optimizer.as_str(), (100.0 * decay(run)).round() as i64);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(run),
            None => groups.push((key, vec![run])),
        }
    }
    let most = groups.into_iter().rev().max_by_key(|(_, group)| group.len());
    most.map_or_else(Vec::new, |(_, group)| group)
}

/// Share of training over which the rate falls.
fn decay(run: &RunRow) -> f64 {
    run.decay_steps as f64 / run.steps as f64
}

fn normalised<'a>(run: &'a RunRow, curve: &Curve, runs: &[&RunRow]) -> Option<Normalised<'a>> {
    let measured = curve.points.iter().filter_map(|point| {
        let loss = point.test_loss.filter(|loss| loss.is_finite() && *loss > 0.0)?;
        Some((point.step, point.step as f64 / run.steps as f64, loss))
    });
    let measured: Vec<(u64, f64, f64)> = measured.collect();
    let (_, _, last) = *measured.last().filter(|(step, ..)| *step == run.steps)?;
    let start = 1.0 - decay(run);
    let falling = measured.iter().filter(|(step, share, _)| *share > start && *step < run.steps);
    if falling.count() < READ_AT.len() || measured[0].1 > start {
        return None;
    }
    let rivals = runs.iter().filter(|other| other.flops_budget == run.flops_budget);
    let best = rivals.filter_map(|other| other.test_loss).fold(f64::INFINITY, f64::min);
    Some(Normalised {
        run,
        points: measured.into_iter().map(|(_, share, loss)| (share, loss / last)).collect(),
        is_near: run.flops_budget.is_none() || run.test_loss.is_some_and(|l| l <= NEAR * best),
    })
}

/// The fall of a curve; none where the loss does not fall over the decay.
fn fall(curve: &Normalised<'_>) -> Option<Fall> {
    let (run, start) = (curve.run, 1.0 - decay(curve.run));
    let at = |share: f64| between(&curve.points, start + share * decay(run));
    let logs: Option<Vec<f64>> = READ_AT.iter().map(|share| Some(at(*share)?.ln())).collect();
    let logs = logs?;
    let fall = logs.iter().sum::<f64>() / logs.len() as f64;
    (fall > 0.0).then(|| Fall {
        label: run.run_id.clone(),
        place: format!(
            "{} {} {}x{} {} {}",
            run.n(),
            run.tokens,
            run.d_model,
            run.n_layers,
            run.learning_rate,
            run.batch_tokens
        ),
        n: run.n() as f64,
        d: run.tokens as f64,
        fall,
    })
}

/// The curve at a share of training, ln loss linear in the logarithm of the share between its points.
fn between(points: &[(f64, f64)], share: f64) -> Option<f64> {
    let above = points.iter().position(|point| point.0 >= share)?;
    let (left, right) = (points[above.checked_sub(1)?], points[above]);
    let part = (share / left.0).ln() / (right.0 / left.0).ln();
    Some((left.1.ln() + part * (right.1 / left.1).ln()).exp())
}
