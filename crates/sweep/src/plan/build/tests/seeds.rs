//! Tests of seeds that differ between budgets.

use super::{SWEEP, plan};
use std::collections::BTreeMap;

fn with(isoflop: &str, train: &str) -> String {
    let plan = format!("isoflop = {{ budgets = [\"1e11\", \"3e11\"], seeds = {isoflop} }}");
    SWEEP.replace("isoflop = { budgets = [\"1e11\", \"3e11\"] }", &plan) + "[train]\n" + train
}

#[test]
fn each_budget_takes_as_many_seeds_as_the_plan_gives_it() {
    let plan = plan(&with("[3, 1]", "seeds = [7, 5, 2]")).unwrap();
    let mut seeds: BTreeMap<(String, u64), Vec<u64>> = BTreeMap::new();
    for run in &plan.runs {
        let budget = run.flops_budget.unwrap() as u64;
        seeds.entry((run.size.clone(), budget)).or_default().push(run.config.seed);
    }
    assert_eq!(seeds.len(), 6);
    for ((_, budget), seeds) in seeds {
        let expected: &[u64] = if budget == 100_000_000_000 { &[7, 5, 2] } else { &[7] };
        assert_eq!(seeds, expected);
    }
}

#[test]
fn the_runs_are_those_that_the_whole_list_would_have_too() {
    let ids = |source: &str| -> Vec<String> {
        plan(source).unwrap().runs.iter().map(|run| run.id().to_owned()).collect()
    };
    let all = ids(&(SWEEP.to_owned() + "[train]\nseeds = [0, 1]\n"));
    let some = ids(&with("[2, 1]", "seeds = [0, 1]"));
    assert_eq!((all.len(), some.len()), (12, 9));
    assert!(some.iter().all(|id| all.contains(id)), "{some:?} {all:?}");
}

#[test]
fn numbers_of_seeds_that_cannot_be_are_refused() {
    for (isoflop, said, hint) in [
        ("[2]", "`seeds` has a length of 1 and `budgets` of 2", "one number for each budget"),
        ("[1, 0]", "a budget with no seed has no runs", "one seed at least"),
        ("[3, 1]", "3 seeds are asked for, and train.seeds has 2", "add seeds to train.seeds"),
    ] {
        let refusal = plan(&with(isoflop, "seeds = [0, 1]")).unwrap_err();
        assert!(refusal.contains(said) && refusal.contains(hint), "{refusal}");
    }
}
