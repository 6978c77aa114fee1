//! Seeds of the runs of a budget.

use super::length::Length;
use crate::error::Problem;
use crate::spec::{IsoflopSpec, Spec};

/// Seeds of the runs of a length: those of `[train]`, or as many of them as the plan gives the budget.
///
/// # Errors
/// The plan gives other than one number a budget, or a number below one or above that of the seeds.
pub(super) fn seeds_at<'a>(spec: &'a Spec, length: &Length<'_>) -> Result<&'a [u64], Problem> {
    let all = spec.train.seeds.get_ref().as_slice();
    let isoflop = spec.plan.get_ref().isoflop.as_ref();
    let (Length::Budget(budget), Some(IsoflopSpec { budgets, seeds: Some(counts) })) =
        (length, isoflop)
    else {
        return Ok(all);
    };
    let (budgets, counts_of_all) = (budgets.get_ref(), counts.get_ref());
    if counts_of_all.len() != budgets.len() {
        let message = format!(
            "`seeds` has a length of {} and `budgets` of {}",
            counts_of_all.len(),
            budgets.len()
        );
        return Err(Problem::new(counts.span(), message)
            .hint("give one number for each budget, in the order of the budgets"));
    }
    let value = budget.get_ref().value;
    let index = budgets.iter().position(|other| other.get_ref().value == value);
    let Some(count) = index.map(|index| &counts_of_all[index]) else {
        return Ok(all);
    };
    match *count.get_ref() {
        0 => Err(Problem::new(count.span(), "a budget with no seed has no runs")
            .hint("give it one seed at least, or leave the budget out")),
        most if most > all.len() => {
            let message = format!("{most} seeds are asked for, and train.seeds has {}", all.len());
            Err(Problem::new(count.span(), message)
                .hint("add seeds to train.seeds, such as seeds = [0, 1, 2]"))
        }
        some => Ok(&all[..some]),
    }
}
