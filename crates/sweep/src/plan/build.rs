//! Lays out the runs of a sweep file.

use super::cell::{CellPlanner, LaidOut, check_count};
use super::{Dropped, Plan, PlanContext, PlanKind, SCHEMA, data};
use crate::error::Problem;
use crate::spec::{PlanSpec, Sweep};
use crate::tuned::SUFFIX;
use std::collections::{HashMap, HashSet};
use toml::Spanned;

/// Default number of runs that may be given up before a sweep stops.
const MAX_FAILURES: u64 = 5;

pub(super) fn build(sweep: &Sweep, context: &mut PlanContext<'_>) -> Result<Plan, Problem> {
    let spec = sweep.spec();
    let plan = lay_out(sweep, context, plan_kind(&spec.plan)?, |planner| planner.runs())?;
    match plan.runs.is_empty() {
        true => Err(Problem::new(spec.plan.span(), "the plan has no run of at least ten steps")
            .hint("give larger budgets, or a smaller train.batch_tokens")),
        false => Ok(plan),
    }
}

pub(super) fn tuning_stage(
    sweep: &Sweep,
    context: &mut PlanContext<'_>,
) -> Result<Option<Plan>, Problem> {
    let mut plan = lay_out(sweep, context, PlanKind::Grid, |planner| {
        Ok(LaidOut { runs: planner.tuning_runs()?, ..LaidOut::default() })
    })?;
    plan.name.push_str(SUFFIX);
    plan.question = Some(format!("Which learning rates are best for {}?", plan.name));
    // A size that several cells of the axes share is tuned once, and this need not be listed.
    plan.dropped.clear();
    Ok((!plan.runs.is_empty()).then_some(plan))
}

/// Lays out the runs of every cell of the axes, each distinct run once.
fn lay_out(
    sweep: &Sweep,
    context: &mut PlanContext<'_>,
    kind: PlanKind,
    of_cell: impl Fn(&CellPlanner<'_, '_>) -> Result<LaidOut, Problem>,
) -> Result<Plan, Problem> {
    let spec = sweep.spec();
    check_name(&spec.name)?;
    let mut plan = Plan {
        schema: SCHEMA,
        name: spec.name.get_ref().clone(),
        question: spec.question.clone(),
        kind,
        max_failures: max_failures(&spec.max_failures)?,
        time: None,
        data: Vec::new(),
        runs: Vec::new(),
        dropped: Vec::new(),
        sizes: Vec::new(),
        rounds: Vec::new(),
    };
    let mut known = HashMap::new();
    let mut ids = HashSet::new();
    for cell in sweep.cells() {
        let request = data::request(&cell.spec.data, sweep.path())?;
        let facts = match known.get(&request) {
            Some(facts) => facts,
            None => {
                let span = data::span(&cell.spec.data);
                let facts = (context.facts)(&request).map_err(|(message, hint)| {
                    Problem { span: Some(span), message, hint: None }.maybe_hint(hint)
                })?;
                known.entry(request.clone()).or_insert(facts)
            }
        };
        if !plan.data.iter().any(|known| known.data_digest == facts.record.data_digest) {
            plan.data.push(facts.record.clone());
        }
        let planner = CellPlanner { cell, request: &request, facts, context };
        let LaidOut { runs, dropped, sizes, rounds } = of_cell(&planner)?;
        check_count(&spec.plan, &[plan.runs.len() + runs.len()])?;
        plan.dropped.extend(dropped);
        plan.sizes.extend(sizes);
        plan.rounds.extend(rounds);
        for run in runs {
            match ids.insert(run.id().to_owned()) {
                true => plan.runs.push(run),
                false => plan.dropped.push(Dropped {
                    cell: run.id().to_owned(),
                    reason: "the same run stands in the plan already".to_owned(),
                }),
            }
        }
    }
    Ok(plan)
}

fn max_failures(given: &Option<Spanned<u64>>) -> Result<u64, Problem> {
    match given {
        Some(limit) if *limit.get_ref() == 0 => {
            Err(Problem::new(limit.span(), "no failure at all would be allowed")
                .hint("max_failures = 1 stops at the first run that is given up"))
        }
        Some(limit) => Ok(*limit.get_ref()),
        None => Ok(MAX_FAILURES),
    }
}

fn check_name(name: &Spanned<String>) -> Result<(), Problem> {
    let text = name.get_ref();
    match name_problem(text) {
        None => Ok(()),
        Some(why) => {
            Err(Problem::new(name.span(), format!("`{text}` cannot name a results folder: {why}"))
                .hint("use letters, digits, `-`, `_` and `.`, such as \"quickstart\""))
        }
    }
}

/// Reason why a name cannot be that of a results folder.
pub(super) fn name_problem(text: &str) -> Option<&'static str> {
    let odd = |text: &str| {
        text.starts_with('.') || text.contains(['/', '\\', ':']) || text.contains(char::is_control)
    };
    match text {
        text if text.trim().is_empty() => Some("it is empty"),
        text if odd(text) => Some("it has a character that a folder must not have"),
        text if text.len() > 200 => Some("it is longer than 200 bytes"),
        _ => None,
    }
}

fn plan_kind(plan: &Spanned<PlanSpec>) -> Result<PlanKind, Problem> {
    let given: Vec<_> = [
        (plan.get_ref().isoflop.is_some(), PlanKind::Isoflop),
        (plan.get_ref().grid.is_some(), PlanKind::Grid),
        (plan.get_ref().tokens_per_param.is_some(), PlanKind::TokensPerParam),
        (plan.get_ref().epochs.is_some(), PlanKind::Epochs),
        (plan.get_ref().time.is_some(), PlanKind::Time),
    ]
    .into_iter()
    .filter_map(|(is_given, kind)| is_given.then_some(kind))
    .collect();
    match given[..] {
        [kind] => Ok(kind),
        [] if plan.get_ref().runs.is_some() => Ok(PlanKind::Runs),
        [] => Err(Problem::new(plan.span(), "the plan has no kind")
            .hint("give one of isoflop = { budgets = [..] }, grid = { tokens = [..] }, tokens_per_param = [..], epochs = [..], time = \"8h\", runs = [{ size = \"30k\", tokens = \"3M\" }]")),
        _ => {
            let names: Vec<_> = given.iter().map(|kind| format!("`{kind}`")).collect();
            Err(Problem::new(plan.span(), format!("the plan has two kinds: {}", names.join(" and ")))
                .hint("keep one; write a second sweep file for the other"))
        }
    }
}

#[cfg(test)]
mod tests;
