//! What comes after the runs of a plan have ended: budgets that waited for them, and runs that make a
//! quantity known better.

use crate::plan::{self, Planned, Setting};
use crate::run::Request;
use crate::{Lab, LabError, until};
use isoflop_core::units::scientific;
use isoflop_fit::output::Fits;
use isoflop_sweep::folder::Records;
use isoflop_sweep::plan::BudgetSizes;
use isoflop_sweep::{Plan, ResultsFolder};

/// Tells the sizes that a plan has and the folder's plan has not.
pub(crate) fn tell(lab: &Lab<'_>, folder: &ResultsFolder, plan: &Plan) {
    let earlier = folder.plan().map_or(Vec::new(), |plan| plan.sizes().to_vec());
    let is_new = |sizes: &&BudgetSizes| !sizes.waits && !earlier.contains(sizes);
    for sizes in plan.sizes().iter().filter(is_new) {
        lab.notice.note(&in_words(sizes));
    }
    let waiting: Vec<String> = plan.waiting().map(|of| scientific(of.budget)).collect();
    if !waiting.is_empty() {
        lab.notice
            .note(&format!("budgets {} get their sizes as the others end", waiting.join(", ")));
    }
}

/// One line of a budget and its sizes.
pub fn in_words(sizes: &BudgetSizes) -> String {
    let of = match sizes.series.as_str() {
        "" => String::new(),
        series => format!(" ({series})"),
    };
    format!("budget {}{of}: {}", scientific(sizes.budget), sizes.in_words())
}

/// The plan with what follows the runs of a plan, all of which have ended, or none where nothing does;
/// with the fits where these had to be made.
pub(crate) fn further(
    lab: &Lab<'_>,
    request: &Request,
    setting: &Setting<'_>,
    folder: &ResultsFolder,
    plan: &Plan,
    records: &Records,
) -> Result<(Option<Planned>, Option<Fits>), LabError> {
    if plan.waiting().next().is_some() {
        return Ok((Some(plan::plan(lab, &request.sweep, setting)?), None));
    }
    let (rounds, fits) = until::rounds(lab, request, folder, plan, records)?;
    if rounds.is_empty() {
        return Ok((None, fits));
    }
    let planned = plan::plan_with_rounds(lab, &request.sweep, setting, &rounds)?;
    let more = planned.plan.runs().len() - plan.runs().len().min(planned.plan.runs().len());
    match more {
        0 => {
            lab.notice.note("until: the runs that would help are in the plan already; stopped");
            Ok((None, fits))
        }
        _ => Ok((Some(planned), None)),
    }
}
