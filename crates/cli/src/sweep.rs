//! From the path of a sweep file to a plan on this machine.

use crate::fail;
use crate::jobs::Jobs;
use crate::output::note;
use crate::place::Places;
use crate::progress::DataBar;
use anyhow::Result;
use isoflop_core::units::scientific;
use isoflop_sweep::plan::{DataFacts, DataRefusal, DataRequest, TimeBudget};
use isoflop_sweep::spec::TimeSpec;
use isoflop_sweep::tuning::Tuned;
use isoflop_sweep::{Plan, PlanContext, ResultsFolder, Sweep, memory};
use isoflop_train::{NUMERICS_VERSION, data_facts};
use std::cell::RefCell;
use std::path::Path;

/// What a plan given as a time depends on besides its sweep file.
pub(crate) struct Setting<'a> {
    /// Folder of all results: budgets that a time came to once stay.
    pub(crate) results: &'a Path,
    /// Workers to plan for.
    pub(crate) jobs: Jobs,
    /// What it may be trained on.
    pub(crate) places: &'a Places,
    /// Choose the budgets of a time anew.
    pub(crate) replan: bool,
}

/// A sweep file read and planned.
pub(crate) struct Planned {
    pub(crate) sweep: Sweep,
    pub(crate) plan: Plan,
    /// The stage that its learning rates wait for; the plan then has those of the rule.
    pub(crate) stage: Option<Plan>,
    /// The stage that found its learning rates, and what it found.
    pub(crate) tuned: Option<(Plan, Tuned)>,
}

/// Reads a sweep file and plans it. A built-in corpus is built on first use.
pub(crate) fn plan(path: &Path, setting: &Setting<'_>) -> Result<Planned> {
    // A plan keeps the words of an error alone; that the disk is full is more than words.
    let no_room = RefCell::new(None);
    let mut facts = |request: &DataRequest| {
        let bar = DataBar::new();
        data_facts(request, &|progress| bar.show(progress), &note).map_err(|error| {
            let told = (error.to_string(), error.hint());
            let error = anyhow::Error::from(error);
            if fail::no_room(&error).is_some() {
                no_room.replace(Some(error));
            }
            told
        })
    };
    plan_with(path, setting, &mut facts).map_err(|error| no_room.take().unwrap_or(error))
}

fn plan_with(
    path: &Path,
    setting: &Setting<'_>,
    facts: &mut dyn FnMut(&DataRequest) -> Result<DataFacts, DataRefusal>,
) -> Result<Planned> {
    let sweep = Sweep::read(path)?;
    let mut context = PlanContext {
        facts,
        numerics_version: NUMERICS_VERSION,
        memory_bytes: memory::machine_bytes(),
        tuned: None,
    };
    let stage = Plan::tuning_stage(&sweep, &mut context)?;
    let tuned = match &stage {
        Some(stage) => finished_stage(stage, setting.results)?,
        None => None,
    };
    context.tuned = tuned.as_ref();
    let plan = match sweep.only_time() {
        None => Plan::build(&sweep, &mut context)?,
        Some(time) => {
            let budget = budgets(&sweep, time, setting, &mut context)?;
            Plan::build(&sweep.with_budgets(&budget.budgets), &mut context)?.chosen_for(budget)
        }
    };
    let (stage, tuned) = match (stage, tuned) {
        (Some(stage), Some(tuned)) => (None, Some((stage, tuned))),
        (stage, _) => (stage, None),
    };
    Ok(Planned { sweep, plan, stage, tuned })
}

/// What a stage found, once each of its trials has finished or diverged.
fn finished_stage(stage: &Plan, results: &Path) -> Result<Option<Tuned>> {
    let folder = ResultsFolder::at(results.join(stage.name()));
    Ok(Tuned::of(stage, &folder.peek(stage)?.done).ok())
}

/// What the time of a sweep comes to: as it did before, or as large as fits.
fn budgets(
    sweep: &Sweep,
    time: &TimeSpec,
    setting: &Setting<'_>,
    context: &mut PlanContext<'_>,
) -> Result<TimeBudget> {
    let folder = ResultsFolder::at(setting.results.join(sweep.spec().name.get_ref()));
    let frozen = folder.plan().ok().and_then(|plan| plan.time().cloned());
    let same = |found: &TimeBudget| {
        !setting.replan
            && found.limit_s == time.limit
            && found.budgets.len() == time.budgets as usize
    };
    let budget = match frozen.filter(same) {
        Some(budget) => budget,
        None => TimeBudget::choose(sweep, time, context, &mut |plan| finish(plan, setting))?,
    };
    let shown: Vec<_> = budget.budgets.iter().map(|c| scientific(*c)).collect();
    note(&format!("budgets for {}: {} FLOPs", time.text, shown.join(", ")));
    Ok(budget)
}

fn finish(plan: &Plan, setting: &Setting<'_>) -> Result<f64, String> {
    let settled = setting.places.settle(plan, setting.jobs, false);
    Ok(settled.map_err(|error| format!("{error:#}"))?.finish)
}

/// The folder that a sweep's results go to, by its file.
pub(crate) fn folder(path: &Path, results: &Path) -> Result<ResultsFolder> {
    let sweep = Sweep::read(path)?;
    Ok(ResultsFolder::at(results.join(sweep.spec().name.get_ref())))
}
