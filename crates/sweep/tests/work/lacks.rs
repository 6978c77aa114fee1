//! Tests of what a worker lacks itself, and of which trials may decide a learning rate.

use crate::fake::{Fake, SWEEP, bench, bench_with, no_text, stage_of};
use isoflop_sweep::SweepError;
use isoflop_sweep::claim::{allow_retries, unfinished};
use isoflop_sweep::tuning::Tuned;

const TUNED: &str = "[train]\nlearning_rate = { tune = { tokens = \"100k\" } }\n";

#[test]
fn a_worker_that_lacks_something_claims_nothing_and_says_so() {
    let bench = bench();
    let mut unable = Fake { lacking: Some(no_text()), ..Fake::default() };
    let error = bench.try_work(&mut unable).unwrap_err();
    assert!(matches!(&error, SweepError::Lack(lack) if *lack == no_text()), "{error}");
    assert!(error.is_lack());
    assert_eq!(error.hint().as_deref(), Some("bring it"));
    assert_eq!(unable.started, [""; 0]);
    assert_eq!(unfinished(&bench.folder, &bench.plan.work_order()).unwrap().len(), 6);
    assert_eq!(bench.folder.failed().unwrap().len(), 0);
}

#[test]
fn a_lack_noticed_at_a_run_gives_the_run_back_without_a_failure() {
    let bench = bench();
    let third = bench.plan.work_order()[2].id().to_owned();
    let mut unable = Fake { lacking_at: [third.clone()].into(), ..Fake::default() };
    let error = bench.try_work(&mut unable).unwrap_err();
    assert!(matches!(error, SweepError::Lack(_)), "{error}");
    assert_eq!(unable.started.len(), 2);
    assert_eq!(bench.folder.failed().unwrap().len(), 0);
    assert!(!bench.folder.lease_path(&third).exists());
    let mut able = Fake::default();
    bench.work(&mut able);
    assert_eq!(able.started[0], third);
    assert_eq!(bench.folder.recorded().unwrap().len(), 6);
}

#[test]
fn a_failed_trial_decides_no_rate_and_is_tried_again() {
    let source = format!("{SWEEP}{TUNED}");
    let bench = bench_with(stage_of(&source), &source);
    let failing = bench.id(2);
    bench.work(&mut Fake { failing: [failing.clone()].into(), ..Fake::default() });
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!(records.failed.len(), 1);
    assert_eq!(Tuned::of(&bench.plan, &records.done), Err(vec![failing.clone()]));
    // The failed record decides nothing even if it is passed along with the others.
    let all = [records.done, records.failed.clone()].concat();
    assert_eq!(Tuned::of(&bench.plan, &all), Err(vec![failing.clone()]));

    allow_retries(&bench.folder, &records.failed).unwrap();
    let mut again = Fake::default();
    bench.work(&mut again);
    assert_eq!(again.started, [failing]);
    let done = bench.folder.records(&bench.plan).unwrap().done;
    let tuned = Tuned::of(&bench.plan, &done).unwrap();
    assert_eq!(tuned.rates.len(), 3);
    assert!(tuned.rates.iter().all(|rate| rate.trials.iter().all(|(_, loss)| loss.is_some())));
}

#[test]
fn a_diverged_trial_counts_as_none() {
    let source = format!("{SWEEP}{TUNED}");
    let bench = bench_with(stage_of(&source), &source);
    bench.work(&mut Fake { diverging: [bench.id(4)].into(), ..Fake::default() });
    let done = bench.folder.records(&bench.plan).unwrap().done;
    let tuned = Tuned::of(&bench.plan, &done).unwrap();
    let without: usize = tuned
        .rates
        .iter()
        .map(|rate| rate.trials.iter().filter(|trial| trial.1.is_none()).count())
        .sum();
    assert_eq!(without, 1);
}
