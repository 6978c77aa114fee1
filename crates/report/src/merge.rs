//! Several sweeps as one report, each a series of its own.

use crate::report::ScoredForecast;
use isoflop_core::Series;
use isoflop_fit::output::{Fits, FittedPoint};
use isoflop_results::DataRecord;
use isoflop_results::{Curve, Positions, RunRow};
use std::collections::HashSet;

/// What a sweep brings to a comparison.
#[derive(Clone, Debug, Default)]
pub struct SweepResults {
    /// All runs, finished or not.
    pub runs: Vec<RunRow>,
    /// Learning curves.
    pub curves: Vec<Curve>,
    /// Losses by position in the context.
    pub positions: Vec<Positions>,
    /// Trials of the stage that chose the learning rates.
    pub tuning: Vec<RunRow>,
    /// Facts on the texts: reference losses, entropy.
    pub data: Vec<DataRecord>,
    /// Fits of the runs.
    pub fits: Fits,
    /// Runs that were forecast before they were trained.
    pub forecasts: Vec<ScoredForecast>,
}

/// Merges sweeps given by name into one; the series of each begins with `sweep=NAME`. A run of two
/// sweeps appears under both names.
pub fn merge(sweeps: Vec<(String, SweepResults)>) -> SweepResults {
    let mut all = SweepResults::default();
    let mut known: HashSet<String> = HashSet::new();
    for (name, mut sweep) in sweeps {
        let series = |series: &str| match series {
            "" => format!("sweep={name}"),
            rest => format!("sweep={name}, {rest}"),
        };
        let ids = sweep.runs.iter().map(|r| r.run_id.clone());
        let taken: HashSet<String> = ids.filter(|id| known.contains(id)).collect();
        let label = |id: &mut String| {
            if taken.contains(id) {
                *id = format!("{name}/{id}");
            }
        };
        for run in sweep.runs.iter_mut().chain(&mut sweep.tuning) {
            label(&mut run.run_id);
            let mut pairs = vec![("sweep".to_owned(), name.clone())];
            pairs.extend(run.series.pairs().iter().cloned());
            run.series = Series::new(pairs);
        }
        sweep.curves.iter_mut().for_each(|c| label(&mut c.run_id));
        sweep.positions.iter_mut().for_each(|p| label(&mut p.run_id));
        let fits = &mut sweep.fits;
        let points =
            |points: &mut Vec<FittedPoint>| points.iter_mut().for_each(|p| label(&mut p.label));
        for fit in &mut fits.fits {
            fit.series = series(&fit.series);
            points(&mut fit.data);
            fit.influence.iter_mut().for_each(|i| label(&mut i.label));
            let windows = fit
                .validation
                .iter_mut()
                .flat_map(|v| v.windows.iter_mut().chain(&mut v.largest_size));
            windows.flat_map(|w| &mut w.points).for_each(|p| label(&mut p.label));
        }
        for isoflop in &mut fits.isoflop {
            isoflop.series = series(&isoflop.series);
            isoflop.budgets.iter_mut().for_each(|b| points(&mut b.runs));
        }
        fits.excluded.iter_mut().for_each(|e| label(&mut e.label));
        fits.refused.iter_mut().for_each(|r| r.series = series(&r.series));
        fits.approaches.iter_mut().for_each(|a| a.series = series(&a.series));
        fits.ranking.iter_mut().for_each(|r| r.series = series(&r.series));
        fits.choices.iter_mut().for_each(|c| c.series = series(&c.series));
        for forecast in &mut sweep.forecasts {
            label(&mut forecast.run_id);
            forecast.series = series(&forecast.series);
        }
        known.extend(sweep.runs.iter().map(|r| r.run_id.clone()));
        all.runs.extend(sweep.runs);
        all.curves.extend(sweep.curves);
        all.positions.extend(sweep.positions);
        all.tuning.extend(sweep.tuning);
        all.forecasts.extend(sweep.forecasts);
        for record in sweep.data {
            if all.data.iter().all(|r| r.data_digest != record.data_digest) {
                all.data.push(record);
            }
        }
        all.fits.level = sweep.fits.level;
        all.fits.fits.extend(sweep.fits.fits);
        all.fits.isoflop.extend(sweep.fits.isoflop);
        all.fits.excluded.extend(sweep.fits.excluded);
        all.fits.refused.extend(sweep.fits.refused);
        all.fits.approaches.extend(sweep.fits.approaches);
        all.fits.ranking.extend(sweep.fits.ranking);
        all.fits.choices.extend(sweep.fits.choices);
    }
    all
}
