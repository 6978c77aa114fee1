//! From a sweep to a plan on this machine, and from where its results stand.

use crate::jobs::Jobs;
use crate::notice::preparing;
use crate::places::Places;
use crate::{Lab, LabError, no_room};
use isoflop_core::units::scientific;
use isoflop_data::DataError;
use isoflop_sweep::plan::{DataFacts, DataRefusal, DataRequest, History, Round, TimeBudget};
use isoflop_sweep::spec::TimeSpec;
use isoflop_sweep::tuning::Tuned;
use isoflop_sweep::{Plan, PlanContext, ResultsFolder, Sweep, memory};
use isoflop_train::{data_facts, numerics_version};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

/// What a plan depends on besides its sweep file.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// Folder of all results: budgets that a time came to once stay, and so do sizes that were chosen.
    pub results: &'a Path,
    /// Workers to plan for.
    pub jobs: Jobs,
    /// What it may be trained on.
    pub places: &'a Places,
    /// Choose the budgets of a time, and sizes, anew.
    pub replan: bool,
}

/// A sweep, planned.
pub struct Planned {
    /// Its runs, with those of budgets whose sizes wait for others to end as they are expected.
    pub plan: Plan,
    /// The plan without those; none where no budget waits.
    pub next: Option<Plan>,
    /// The stage that its learning rates wait for; the plan then has those of the rule.
    pub stage: Option<Plan>,
    /// The stage that found its learning rates, and what it found.
    pub tuned: Option<(Plan, Tuned)>,
}

/// Plans a sweep. A built-in corpus is built on first use.
///
/// # Errors
/// The sweep file asks for what cannot be, a text cannot be had, or a speed that a time depends on cannot be measured.
pub fn plan(lab: &Lab<'_>, sweep: &Sweep, setting: &Setting<'_>) -> Result<Planned, LabError> {
    plan_with_rounds(lab, sweep, setting, &[])
}

/// [`plan`], with more runs that are added to know a quantity better.
pub(crate) fn plan_with_rounds(
    lab: &Lab<'_>,
    sweep: &Sweep,
    setting: &Setting<'_>,
    rounds: &[Round],
) -> Result<Planned, LabError> {
    // A plan keeps the words of an error alone; that the disk is full is more than words.
    let full: RefCell<Option<DataError>> = RefCell::new(None);
    // A plan given as a time is laid out many times, over the same texts.
    let mut known: HashMap<DataRequest, DataFacts> = HashMap::new();
    let mut facts = |request: &DataRequest| {
        if let Some(facts) = known.get(request) {
            return Ok(facts.clone());
        }
        let found = preparing(lab.notice, |progress| {
            data_facts(request, progress, &|remark| lab.notice.note(remark))
        });
        let facts = found.map_err(|error| {
            let told = (error.to_string(), error.hint());
            if no_room(&error).is_some() {
                full.replace(Some(error));
            }
            told
        })?;
        Ok(known.entry(request.clone()).or_insert(facts).clone())
    };
    let planned = plan_with(lab, sweep, setting, rounds, &mut facts);
    planned.map_err(|error| full.take().map_or(error, LabError::Data))
}

fn plan_with(
    lab: &Lab<'_>,
    sweep: &Sweep,
    setting: &Setting<'_>,
    rounds: &[Round],
    facts: &mut dyn FnMut(&DataRequest) -> Result<DataFacts, DataRefusal>,
) -> Result<Planned, LabError> {
    let folder = folder(sweep, setting.results);
    let mut history = History::of(&folder)?;
    if setting.replan {
        history = history.without_sizes();
    }
    history.rounds.extend(rounds.iter().cloned());
    let mut context = PlanContext {
        facts,
        numerics_version,
        memory_bytes: memory::machine_bytes(),
        tuned: None,
        history: Some(&history),
        with_waiting: true,
    };
    let stage = Plan::tuning_stage(sweep, &mut context)?;
    let tuned = match &stage {
        Some(stage) => finished_stage(stage, setting.results)?,
        None => None,
    };
    context.tuned = tuned.as_ref();
    let budget = match sweep.only_time() {
        None => None,
        Some(time) => Some(budgets(lab, sweep, time, setting, &mut context)?),
    };
    // Runs that score forecasts are the folder's own, and stay in its plan.
    let earlier = folder.plan().ok();
    let mut build = |with_waiting: bool| -> Result<Plan, LabError> {
        context.with_waiting = with_waiting;
        let plan = match &budget {
            None => Plan::build(sweep, &mut context)?,
            Some(budget) => Plan::build(&sweep.with_budgets(&budget.budgets), &mut context)?
                .chosen_for(budget.clone()),
        };
        Ok(match &earlier {
            Some(earlier) => plan.with_validation_of(earlier),
            None => plan,
        })
    };
    let plan = build(true)?;
    let next = match plan.waiting().next() {
        Some(_) => Some(build(false)?),
        None => None,
    };
    let (stage, tuned) = match (stage, tuned) {
        (Some(stage), Some(tuned)) => (None, Some((stage, tuned))),
        (stage, _) => (stage, None),
    };
    Ok(Planned { plan, next, stage, tuned })
}

/// What a stage found, once each of its trials has finished or diverged.
fn finished_stage(stage: &Plan, results: &Path) -> Result<Option<Tuned>, LabError> {
    let folder = ResultsFolder::at(results.join(stage.name()));
    Ok(Tuned::of(stage, &folder.peek(stage)?.done).ok())
}

/// What the time of a sweep comes to: as it did before, or as large as fits.
fn budgets(
    lab: &Lab<'_>,
    sweep: &Sweep,
    time: &TimeSpec,
    setting: &Setting<'_>,
    context: &mut PlanContext<'_>,
) -> Result<TimeBudget, LabError> {
    let folder = folder(sweep, setting.results);
    let frozen = folder.plan().ok().and_then(|plan| plan.time().cloned());
    let same = |found: &TimeBudget| {
        !setting.replan
            && found.limit_s == time.limit
            && found.budgets.len() == time.budgets as usize
    };
    let budget = match frozen.filter(same) {
        Some(budget) => budget,
        None => TimeBudget::choose(sweep, time, context, &mut |plan| finish(lab, plan, setting))?,
    };
    let shown: Vec<_> = budget.budgets.iter().map(|c| scientific(*c)).collect();
    lab.notice.note(&format!("budgets for {}: {} FLOPs", time.text, shown.join(", ")));
    Ok(budget)
}

fn finish(lab: &Lab<'_>, plan: &Plan, setting: &Setting<'_>) -> Result<f64, String> {
    let settled = setting.places.settle(lab, plan, setting.jobs, false);
    Ok(settled.map_err(|error| error.in_full())?.finish)
}

/// The folder that a sweep's results go to.
pub fn folder(sweep: &Sweep, results: &Path) -> ResultsFolder {
    ResultsFolder::at(results.join(sweep.spec().name.get_ref()))
}
