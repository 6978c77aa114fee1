//! Tests of runs that share the part with a constant rate.

use crate::claim_next;
use crate::fake::{Fake, SWEEP, bench, bench_of, plan_of};
use isoflop_sweep::files::done;
use isoflop_sweep::lease::{Owner, Stage};
use isoflop_sweep::shelf::Shelf;
use isoflop_sweep::workplace::Shift;
use std::fs;
use std::sync::Mutex;

/// The same sweep with every run trained from its beginning.
fn alone() -> String {
    format!("{SWEEP}[train]\ntrunks = false\n")
}

#[test]
fn a_branch_ends_like_a_run_of_its_own_for_fewer_steps() {
    let (shared, alone) = (bench(), bench_of(&alone()));
    let (mut few, mut many) = (Fake::default(), Fake::default());
    shared.work(&mut few);
    alone.work(&mut many);
    assert_eq!(shared.losses(), alone.losses());
    let steps = |of: fn(&isoflop_core::Schedule) -> u64| -> Vec<u64> {
        shared.plan.runs().iter().map(|run| of(&run.config.recipe.schedule)).collect()
    };
    let (all, decay) = (steps(|s| s.steps), steps(|s| s.decay));
    assert_eq!(many.steps, all.iter().sum::<u64>());
    // Runs 0 to 2 are of the smaller budget; their trunks are part of those of runs 3 to 5.
    let trunks: u64 = (3..6).map(|i| all[i] - decay[i]).sum();
    assert_eq!(few.steps, trunks + decay.iter().sum::<u64>());
}

#[test]
fn work_stopped_anywhere_is_taken_up_where_it_was() {
    let undisturbed = bench();
    let mut whole = Fake::default();
    undisturbed.work(&mut whole);
    let bench = bench();
    let mut steps = 0;
    // The number of steps does not divide the length of any run.
    for stop_after in (0..).map(|i| 997 + 61 * i) {
        let mut fake = Fake { stop_after: Some(stop_after), ..Fake::default() };
        let shift = bench.work(&mut fake);
        steps += fake.steps;
        if shift == Shift::Done {
            break;
        }
        assert_eq!(shift, Shift::Stopped);
    }
    assert_eq!(bench.losses(), undisturbed.losses());
    assert_eq!(steps, whole.steps, "no step is taken twice");
}

#[test]
fn a_larger_budget_added_later_goes_on_from_the_trunks_last_state() {
    let bench = bench();
    bench.work(&mut Fake::default());
    let source = SWEEP.replace("\"3e11\"", "\"3e11\", \"6e11\"");
    let longer = plan_of(&source);
    bench.folder.adopt(&longer, &source).unwrap();
    let bench = crate::fake::Bench { plan: longer, ..bench };
    let mut fake = Fake::default();
    bench.work(&mut fake);
    let of = |i: usize| bench.plan.runs()[i].config.recipe.schedule;
    let new: u64 = (6..9).map(|i| of(i).steps - (of(i - 3).steps - of(i - 3).decay)).sum();
    assert_eq!(fake.steps, new);
    let alone = bench_of(&format!("{source}[train]\ntrunks = false\n"));
    alone.work(&mut Fake::default());
    assert_eq!(bench.losses(), alone.losses());
}

#[test]
fn a_damaged_state_falls_back_to_the_one_before() {
    let bench = bench();
    let mut fake = Fake { stop_after: Some(5000), ..Fake::default() };
    bench.work(&mut fake);
    let mut damaged = 0;
    for owner in fs::read_dir(bench.folder.checkpoints_path()).unwrap() {
        let shelf = owner.unwrap().path().join("none-4");
        let states = fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path());
        let states = states.filter(|path| path.extension().unwrap() == "safetensors");
        let step = |path: &std::path::PathBuf| -> u64 {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.split('.').next().unwrap().parse().unwrap()
        };
        let newest = states.max_by_key(step).unwrap();
        let mut bytes = fs::read(&newest).unwrap();
        bytes[9] ^= 64;
        fs::write(&newest, bytes).unwrap();
        damaged += 1;
    }
    assert!(damaged > 0);
    bench.work(&mut Fake::default());
    let undisturbed = crate::fake::bench();
    undisturbed.work(&mut Fake::default());
    assert_eq!(bench.losses(), undisturbed.losses());
}

#[test]
fn when_all_is_done_one_state_a_trunk_is_left() {
    let bench = bench();
    bench.work(&mut Fake::default());
    let mut owners: Vec<_> = fs::read_dir(bench.folder.checkpoints_path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    owners.sort();
    let mut trunks: Vec<_> = bench.plan.runs().iter().map(|run| run.trunk().to_owned()).collect();
    trunks.sort();
    trunks.dedup();
    assert_eq!(owners, trunks);
    for run in &bench.plan.runs()[3..] {
        let steps = done(Shelf::new(&bench.folder, run.trunk(), "none-4").steps()).unwrap();
        assert_eq!(steps, [run.branch_step()]);
    }
}

#[test]
fn nobody_else_trains_a_trunk_that_somebody_is_on() {
    let bench = bench();
    let me = Owner::current();
    let mut claims = Vec::new();
    while let Some((run, claim)) = claim_next(&bench, &me) {
        claims.push((run.trunk().to_owned(), claim));
    }
    let mut trunks: Vec<_> = claims.iter().map(|(trunk, _)| trunk.clone()).collect();
    trunks.sort();
    trunks.dedup();
    assert_eq!((claims.len(), trunks.len()), (3, 3));
    let leases =
        isoflop_sweep::leases::live_leases(&bench.folder, &bench.plan.work_order()).unwrap();
    assert!(leases.iter().all(|lease| lease.stage == Stage::Trunk));
    let (_, claim) = claims.pop().unwrap();
    claim.leave_trunk().unwrap();
    assert!(claim_next(&bench, &me).is_some());
}

#[test]
fn four_workers_at_once_take_every_step_of_a_trunk_once() {
    let (bench, whole) = (bench(), crate::fake::bench());
    let mut alone = Fake::default();
    whole.work(&mut alone);
    let all = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut fake = Fake::default();
                bench.work(&mut fake);
                *all.lock().unwrap() += fake.steps;
            });
        }
    });
    assert_eq!(bench.losses(), whole.losses());
    assert_eq!(all.into_inner().unwrap(), alone.steps);
}

#[test]
fn a_smaller_budget_added_later_keeps_its_states_beside_those_of_longer_runs() {
    let longer = SWEEP.replace("\"1e11\", \"3e11\"", "\"3e11\", \"6e11\"");
    let bench = bench_of(&longer);
    // The longer trunks are only begun and have states of their own.
    bench.work(&mut Fake { stop_after: Some(9000), ..Fake::default() });
    let source = SWEEP.replace("\"1e11\", \"3e11\"", "\"1e11\", \"3e11\", \"6e11\"");
    let plan = plan_of(&source);
    bench.folder.adopt(&plan, &source).unwrap();
    let bench = crate::fake::Bench { plan, ..bench };
    let mut steps = 0;
    loop {
        let mut fake = Fake { stop_after: Some(50), ..Fake::default() };
        let shift = bench.work(&mut fake);
        steps += fake.steps;
        if shift == Shift::Done {
            break;
        }
    }
    let at_once = bench_of(&source);
    let mut whole = Fake::default();
    at_once.work(&mut whole);
    assert_eq!(bench.losses(), at_once.losses());
    assert!(steps <= whole.steps, "{steps} steps, {} from nothing", whole.steps);
}
