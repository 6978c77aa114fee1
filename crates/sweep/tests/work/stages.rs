//! Tests of sweeps whose sizes follow from budgets that have ended: the same stages, however often work is
//! stopped or killed.

use crate::fake::{Bench, Fake, SWEEP, bench_with, next_stage, with_rounds};
use isoflop_sweep::plan::{AddedRun, BudgetSizes, Round};
use isoflop_sweep::workplace::Shift;
use isoflop_sweep::{Plan, ResultsFolder};
use std::collections::HashSet;

const AUTO: &str = r#"
name = "fake"
[data]
corpus = "any"
[model]
sizes = "auto"
[plan]
isoflop = { budgets = ["1e10", "3e10", "1e11", "3e11", "1e12"] }
[train]
batch_tokens = 1024
"#;

/// Chinchilla's form, with an optimum six times as large as the prior takes it to be at the smallest budget.
fn law(n: f64, d: f64) -> f64 {
    0.9 + 9.2 / n.powf(0.33) + 30.0 / d.powf(0.33)
}

/// Takes a folder through the stages of its sweep, with a stop after so many steps of each shift and a
/// look at the plan between any two.
fn night(
    source: &str,
    every: Option<u64>,
    mut between: impl FnMut(&ResultsFolder),
) -> (Bench, Vec<Plan>) {
    let nowhere = ResultsFolder::at("none".into());
    let mut bench = bench_with(next_stage(source, &nowhere), source);
    let mut stages = vec![bench.plan.clone()];
    loop {
        let mut fake = Fake { law: Some(law), stop_after: every, ..Fake::default() };
        let shift = bench.work(&mut fake);
        between(&bench.folder);
        let plan = next_stage(source, &bench.folder);
        if shift == Shift::Done && plan.waiting().count() == 0 && plan == bench.plan {
            return (bench, stages);
        }
        if plan != *stages.last().unwrap() {
            stages.push(plan.clone());
        }
        bench.folder.adopt(&plan, source).unwrap();
        bench.plan = plan;
    }
}

fn placed(plan: &Plan) -> Vec<&BudgetSizes> {
    plan.sizes().iter().filter(|sizes| !sizes.waits).collect()
}

#[test]
fn budgets_that_have_ended_place_the_next() {
    let (bench, stages) = night(AUTO, None, |_| ());
    assert!(stages.len() >= 2 && stages.len() <= 4, "{}", stages.len());
    for (earlier, later) in stages.iter().zip(&stages[1..]) {
        assert!(placed(later).starts_with(&placed(earlier)), "what was chosen stays");
        assert!(placed(later).len() > placed(earlier).len());
    }
    let first = &stages[0];
    assert!(first.runs().len() >= 10, "{:?}", first.sizes());
    assert_eq!((placed(first).len(), first.waiting().count()), (2, 3));
    // Best sizes by a scan of the law under `6 (N + 256 d) + 6 L d 129` FLOPs a token.
    let miss = |plan: &Plan, k: usize, n: f64| (plan.sizes()[k].expected / n).ln().abs();
    assert!(miss(first, 2, 22.9e3) > 0.9, "the prior is far off: {:?}", first.sizes());
    assert!(miss(&bench.plan, 2, 22.9e3) < 0.75, "{:?}", bench.plan.sizes());
    assert!(miss(&bench.plan, 4, 70.3e3) < 0.45, "{:?}", bench.plan.sizes());
    let last = bench.plan.sizes().last().unwrap();
    assert!(last.minima.len() >= 2, "{last:?}");
    assert!(!last.minima.iter().any(|minimum| minimum.budget == last.budget));
    // Each budget's best size has smaller and larger ones beside it.
    for sizes in &bench.plan.sizes()[2..] {
        let runs: Vec<_> =
            bench.plan.runs().iter().filter(|r| r.flops_budget == Some(sizes.budget)).collect();
        let losses: Vec<f64> = runs.iter().map(|r| law(r.n().0, r.tokens().0)).collect();
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(losses[0] > least && *losses.last().unwrap() > least, "{sizes:?}");
    }
}

#[test]
fn the_plan_is_the_same_wherever_work_is_stopped_and_what_is_trained_is_trained_once() {
    let (whole, stages) = night(AUTO, None, |_| ());
    let ids = |plan: &Plan| -> HashSet<String> {
        plan.runs().iter().map(|run| run.id().to_owned()).collect()
    };
    for every in [12_000, 40_000] {
        let (stopped, again) = night(AUTO, Some(every), |_| ());
        assert_eq!(again, stages, "stopped every {every} steps");
        assert_eq!(stopped.losses(), whole.losses());
        assert_eq!(ids(&stopped.plan), stopped.folder.recorded().unwrap().into_iter().collect());
    }
}

#[test]
fn a_plan_that_is_lost_between_stages_is_made_again() {
    let (whole, _) = night(AUTO, None, |_| ());
    let mut lost = 0;
    let (again, _) = night(AUTO, None, |folder| {
        if lost < 2 {
            std::fs::remove_file(folder.root().join("plan.json")).unwrap();
            lost += 1;
        }
    });
    assert_eq!(again.plan, whole.plan);
    assert_eq!(again.losses(), whole.losses());
}

#[test]
fn a_run_that_was_given_up_places_budgets_without_it_and_its_success_later_moves_none() {
    let nowhere = ResultsFolder::at("none".into());
    let bench = bench_with(next_stage(AUTO, &nowhere), AUTO);
    let failing = bench.id(2);
    let mut fake = Fake { law: Some(law), failing: [failing.clone()].into(), ..Fake::default() };
    bench.work(&mut fake);
    let second = next_stage(AUTO, &bench.folder);
    assert!(placed(&second).len() > 2, "{:?}", second.sizes());
    bench.folder.adopt(&second, AUTO).unwrap();
    let records = bench.folder.records(&second).unwrap();
    isoflop_sweep::claim::allow_retries(&bench.folder, &records.failed).unwrap();
    let mut mended = Fake { law: Some(law), ..Fake::default() };
    let later = Bench { plan: second.clone(), ..bench };
    later.work(&mut mended);
    assert!(mended.started.contains(&failing));
    let third = next_stage(AUTO, &later.folder);
    assert_eq!(placed(&third)[..placed(&second).len()], placed(&second)[..]);
}

#[test]
fn other_models_or_another_range_are_placed_anew() {
    let (bench, _) = night(AUTO, None, |_| ());
    for edit in ["[model]\nnorm = \"layer\"", "[model]\nposition = \"learned\""] {
        let plan = next_stage(&AUTO.replace("[model]", edit), &bench.folder);
        assert_eq!((placed(&plan).len(), plan.waiting().count()), (2, 3), "{edit}");
    }
    let ranged = AUTO.replace("[plan]", "[plan]\ntokens_per_param_range = [5, 1500]");
    assert!(next_stage(&ranged, &bench.folder).sizes() != bench.plan.sizes());
    let seeds = AUTO.replace("[train]", "[train]\nseeds = [0, 1]");
    let more = next_stage(&seeds, &bench.folder);
    assert_eq!(more.sizes(), bench.plan.sizes());
    assert_eq!(more.runs().len(), 2 * bench.plan.runs().len());
}

#[test]
fn added_runs_stay_in_the_plan_with_their_reason_until_the_file_asks_for_other_models() {
    let nowhere = ResultsFolder::at("none".into());
    let bench = bench_with(next_stage(SWEEP, &nowhere), SWEEP);
    let added = |size: &str, tokens: f64| AddedRun { id: None, size: size.to_owned(), tokens };
    let round = Round {
        series: "".into(),
        target: "n_exponent".to_owned(),
        wanted: 0.03,
        width: Some(0.2),
        expected: 0.1,
        // The last is shorter than ten steps, and none.
        runs: vec![added("10k", 2e6), added("24x2x2", 1e6), added("10k", 1e3)],
    };
    let plan = with_rounds(SWEEP, &bench.folder, std::slice::from_ref(&round));
    assert_eq!(plan.runs().len(), bench.plan.runs().len() + 2);
    let [kept] = plan.rounds() else {
        panic!("one round was added");
    };
    assert_eq!((kept.width, kept.runs.len()), (Some(0.2), 2));
    for (added, tokens) in kept.runs.iter().zip([2e6, 1e6]) {
        let run = plan.run(added.id.as_ref().unwrap()).unwrap();
        assert!((run.tokens().0 / tokens - 1.0).abs() < 0.01 && run.flops_budget.is_none());
    }
    // A command that dies before its workers start has written the plan, and the next goes on with it.
    bench.folder.adopt(&plan, SWEEP).unwrap();
    assert_eq!(next_stage(SWEEP, &bench.folder), plan);
    let seeds = SWEEP.replace("[plan]", "[train]\nseeds = [0, 1]\n[plan]");
    assert_eq!(next_stage(&seeds, &bench.folder).rounds(), plan.rounds());
    let others = SWEEP.replace("[model]", "[model]\nnorm = \"layer\"");
    let changed = next_stage(&others, &bench.folder);
    assert!(changed.rounds().is_empty() && changed.runs().len() == bench.plan.runs().len());
    let told = changed.dropped().last().unwrap();
    assert_eq!(told.cell, "2 runs added for n_exponent");
    assert!(told.reason.starts_with("the sweep file has changed since"));
}
