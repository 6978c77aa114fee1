//! From the path of a sweep file to a plan on this machine.

use crate::calibration;
use crate::jobs::Jobs;
use crate::output::note;
use crate::progress::DataBar;
use anyhow::Result;
use isoflop_core::units::scientific;
use isoflop_sweep::forecast::{Forecast, Standing};
use isoflop_sweep::plan::{DataRequest, TimeBudget};
use isoflop_sweep::{Plan, PlanContext, ResultsFolder, Sweep, memory};
use isoflop_train::{NUMERICS_VERSION, data_facts};
use std::path::Path;

/// What a plan given as a time depends on besides its sweep file.
pub(crate) struct Setting<'a> {
    /// Folder of all results: budgets that a time came to once stay.
    pub(crate) results: &'a Path,
    /// Workers to plan for.
    pub(crate) jobs: Jobs,
    /// Choose the budgets of a time anew.
    pub(crate) replan: bool,
}

/// Reads a sweep file and plans it. A built-in corpus is built on first use.
pub(crate) fn plan(path: &Path, setting: &Setting<'_>) -> Result<(Sweep, Plan)> {
    let sweep = Sweep::read(path)?;
    let mut facts = |request: &DataRequest| {
        let bar = DataBar::new();
        data_facts(request, &|progress| bar.show(progress))
            .map_err(|error| (error.to_string(), error.hint()))
    };
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: NUMERICS_VERSION,
        memory_bytes: memory::machine_bytes(),
    };
    let plan = match sweep.only_time() {
        None => Plan::build(&sweep, &mut context)?,
        Some(time) => {
            let folder = ResultsFolder::at(setting.results.join(sweep.spec().name.get_ref()));
            let frozen = folder.plan().ok().and_then(|plan| plan.time().cloned());
            let same = |found: &TimeBudget| {
                !setting.replan
                    && found.limit_s == time.limit
                    && found.budgets.len() == time.budgets as usize
            };
            let budget = match frozen.filter(same) {
                Some(budget) => budget,
                None => TimeBudget::choose(&sweep, time, &mut context, &mut |plan| {
                    finish(plan, setting.jobs)
                })?,
            };
            let shown: Vec<_> = budget.budgets.iter().map(|c| scientific(*c)).collect();
            note(&format!(
                "budgets for {}: {} FLOPs",
                time.text,
                shown.join(", ")
            ));
            Plan::build(&sweep.with_budgets(&budget.budgets), &mut context)?.chosen_for(budget)
        }
    };
    Ok((sweep, plan))
}

fn finish(plan: &Plan, jobs: Jobs) -> Result<f64, String> {
    let jobs = jobs.resolve(plan);
    let prices = calibration::prices(plan, jobs, false).map_err(|error| error.to_string())?;
    Ok(Forecast::of(plan, &prices, &Standing::default(), jobs).finish)
}
