//! Replicates of a fit: the numbers that it would have had on other draws of the same runs.

use crate::design::{Design, mean};
use crate::engine::{End, Engine, Held, Resample, engine};
use crate::few::Few;
use crate::intervals::{TAIL, corrected, estimate_within, expanded};
use crate::laws::Law;
use crate::objective::{Objective, Penalty};
use crate::options::Options;
use crate::output::{Bootstrap, Estimate};
use crate::point::Point;
use crate::units::Units;
use crate::watch::Task;
use crate::work::REFITS;
use rayon::prelude::*;

/// Replicates below which an interval is not corrected, because its ends would be single replicates.
const FEWEST_CORRECTED: usize = 100;

/// The replicates that converged.
pub(crate) struct Replicates {
    /// [`Law::natural`] of each replicate.
    pub(crate) values: Vec<Vec<f64>>,
    /// [`Law::natural`] of the fits that leave out one unit each, where all of them converged.
    jackknife: Option<Vec<Vec<f64>>>,
    /// Share of the replicates that lies beyond either end of an interval.
    tail: f64,
    pub(crate) summary: Bootstrap,
}

/// Refits resamples of the rows. Many units are drawn with replacement; rows of few err anew about the
/// fit. A replicate depends on its number and the seed alone, never on the thread.
pub(crate) fn bootstrap(
    design: &Design,
    engine: &dyn Engine,
    units: &Units,
    few: Option<&Few>,
    known: &[Vec<f64>],
    options: &Options,
    task: Option<&Task>,
) -> Replicates {
    let residuals = engine.residuals(&known[0]);
    // A law that runs below most rows has errors of another mean than zero.
    let shift = match engine.objective().penalty {
        Penalty::Asymmetric { .. } => mean(&residuals),
        _ => 0.0,
    };
    let refit = |index: u64| {
        if options.watch.is_stopped() {
            return None;
        }
        let mut changed = Resample::of(engine);
        match few {
            Some(few) => few.err_anew(options.seed, index, &residuals, shift, &mut changed),
            None if units.are_few() => {}
            None => units.reweigh(options.seed, index, &mut changed),
        }
        // The units drawn may not tell the parameters.
        let told = design.determined_by(&changed.weights);
        let end = told.then(|| engine.resolve(&changed, known));
        if let Some(task) = task {
            task.part(REFITS / options.bootstrap as f64);
        }
        Some(engine.natural(&end??.t))
    };
    let asked = options.bootstrap;
    let values: Vec<_> = (0..asked as u64).into_par_iter().map(refit).collect();
    let mut found = summarise(
        values.into_iter().flatten().collect(),
        &units.words(&options.unit),
        units.count(),
        options,
    );
    if !units.are_few() {
        found.tail = expanded(units.count());
        if found.values.len() >= FEWEST_CORRECTED {
            found.jackknife = jackknife(design, engine, units, known);
            if found.jackknife.is_some() {
                found.summary.interval = "BCa".into();
            }
        }
    }
    found
}

/// The fits that leave out one unit each; none unless all converge.
fn jackknife(
    design: &Design,
    engine: &dyn Engine,
    units: &Units,
    known: &[Vec<f64>],
) -> Option<Vec<Vec<f64>>> {
    let without = |unit: usize| {
        let mut changed = Resample::of(engine);
        for (weight, number) in changed.weights.iter_mut().zip(units.numbers()) {
            if *number == unit {
                *weight = 0.0;
            }
        }
        let told = design.determined_by(&changed.weights);
        let end = told.then(|| engine.refit(Some(&changed), &known[..1]))??;
        Some(engine.natural(&end.t))
    };
    (0..units.count()).into_par_iter().map(without).collect()
}

/// Refits the points as each replicate of an earlier analysis placed them.
pub(crate) fn carried(
    draws: &[Vec<Point>],
    law: Law,
    objective: Objective,
    holds: &[Held],
    options: &Options,
) -> Replicates {
    let refit = |points: &Vec<Point>| {
        Design::new(points, law, holds.len()).ok()?;
        let mut engine = engine(points, law, objective, holds).ok()?;
        engine.watched_by(&options.watch);
        let solution = engine.solve()?;
        let best = solution.best();
        (best.end == End::Converged).then(|| engine.natural(&best.t))
    };
    let values: Vec<_> = draws.par_iter().map(refit).collect();
    let unit = "residuals of runs about their isoFLOP parabolas, carried through the minima; without the law's own lack of fit";
    let units = draws.first().map_or(0, Vec::len);
    summarise(values.into_iter().flatten().collect(), unit, units, options)
}

fn summarise(values: Vec<Vec<f64>>, unit: &str, units: usize, options: &Options) -> Replicates {
    let summary = Bootstrap {
        replicates: options.bootstrap,
        failed: options.bootstrap - values.len(),
        unit: unit.into(),
        units,
        interval: "percentile".into(),
        seed: options.seed,
        ..Bootstrap::default()
    };
    Replicates { values, jackknife: None, tail: TAIL, summary }
}

impl Replicates {
    /// Quantity `k` with its interval.
    pub(crate) fn estimate(&self, k: usize, value: f64) -> Estimate {
        let column: Vec<f64> = self.values.iter().map(|values| values[k]).collect();
        let plain = estimate_within(value, &column, self.tail);
        let Some(left_out) = &self.jackknife else {
            return plain;
        };
        let left_out: Vec<f64> = left_out.iter().map(|values| values[k]).collect();
        match corrected(value, &column, &left_out, self.tail) {
            Some((low, high)) => {
                Estimate { low: Some(low), high: Some(high), ..plain }.with_its_value()
            }
            None => plain,
        }
    }
}
