//! Which runs come next: a stage of trials, the sweep, or what follows runs that have ended.

use super::Request;
use crate::jobs::Jobs;
use crate::plan::{self, Planned, Setting};
use crate::tune::keep_rates;
use crate::{Hinted, Lab, LabError, run, stages};
use isoflop_sweep::claim::unfinished;
use isoflop_sweep::supervise::settle;
use isoflop_sweep::tuning::Tuned;
use isoflop_sweep::{Plan, ResultsFolder};

/// A plan with open runs, and where its results are.
pub(super) struct Stage {
    pub(super) folder: ResultsFolder,
    pub(super) plan: Plan,
}

/// A sweep of which all runs have ended.
pub(super) struct Over {
    pub(super) name: String,
    pub(super) runs: usize,
    pub(super) failed: usize,
}

/// The next plan that has open runs, or what there is to say where none has.
pub(super) fn next(
    lab: &Lab<'_>,
    request: &Request,
    setting: &Setting<'_>,
) -> Result<Result<Stage, Over>, LabError> {
    let results = setting.results;
    let mut planned = plan::plan(lab, &request.sweep, setting)?;
    if let Some(stage) = planned.stage {
        let folder = ResultsFolder::at(results.join(stage.name()));
        return match is_open(&folder, &stage, request)? {
            true => Ok(Ok(Stage { folder, plan: stage })),
            // Its trials have ended without a rate for each size.
            false => Err(untuned(&folder, &stage)?),
        };
    }
    if let Some((stage, tuned)) = &planned.tuned
        && !request.dry
    {
        keep_rates(&ResultsFolder::at(results.join(stage.name())), stage, tuned)?;
    }
    let folder = plan::folder(&request.sweep, results);
    let setting = Setting { replan: false, ..*setting };
    loop {
        let Planned { plan, next, .. } = planned;
        let plan = next.unwrap_or(plan);
        stages::tell(lab, &folder, &plan);
        if is_open(&folder, &plan, request)? {
            return Ok(Ok(Stage { folder, plan }));
        }
        let records = match request.dry {
            true => folder.peek(&plan)?,
            false => {
                run::adopt(&folder, &plan, &request.sweep)?;
                settle(&folder, &plan)?
            }
        };
        let (name, runs) = (plan.name().to_owned(), plan.runs().len());
        let over = Over { name, runs, failed: records.failed.len() };
        if request.dry {
            return Ok(Err(over));
        }
        let night = night(request, &setting);
        match stages::further(lab, &night, &setting, &folder, &plan, &records)? {
            (Some(further), _) => planned = further,
            (None, _) => return Ok(Err(over)),
        }
    }
}

/// Whether runs are left to train; where a person asks, those that failed are.
fn is_open(folder: &ResultsFolder, plan: &Plan, request: &Request) -> Result<bool, LabError> {
    let failed = folder.failed()?;
    let retried = request.by_hand && failed.iter().any(|run_id| plan.run(run_id).is_some());
    Ok(retried || !unfinished(folder, &plan.work_order())?.is_empty())
}

fn untuned(folder: &ResultsFolder, stage: &Plan) -> Result<LabError, LabError> {
    let open = Tuned::of(stage, &folder.peek(stage)?.done).err().unwrap_or_default();
    let message = format!("no rate can be chosen without the trials {}", open.join(", "));
    let hint = format!("`isoflop status {}` shows them", folder.root().display());
    Ok(Hinted::new(message, hint).into())
}

/// The request as the road on one machine has it.
fn night(request: &Request, setting: &Setting<'_>) -> run::Request {
    run::Request {
        sweep: request.sweep.clone(),
        jobs: Jobs::Auto,
        deadline: None,
        places: setting.places.clone(),
        replan: false,
        results: request.asked.results.clone(),
        reports: "reports".into(),
    }
}
