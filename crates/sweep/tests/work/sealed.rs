//! Tests of the chain of forecasts in a folder, and of the runs that score them.

use super::fake::{Bench, Fake, SWEEP, bench, plan_of, plan_over};
use isoflop_results::parquet::read_runs;
use isoflop_results::sealed::Predicted;
use isoflop_results::{Chain, SealedForecast};
use isoflop_sweep::plan::Beyond;
use isoflop_sweep::supervise::settle;
use isoflop_sweep::{Plan, PlannedRun, RunRole, Sweep, SweepError};
use std::path::Path;

/// A run of the sweep's series with another size and compute.
fn beyond(plan: &Plan, compute: f64, seeds: &[u64]) -> Vec<PlannedRun> {
    let sweep = Sweep::parse(Path::new("fake.toml"), SWEEP.to_owned()).unwrap();
    let asked = Beyond { series: "", size: "13k", compute, seeds };
    plan.runs_beyond(&sweep, &asked, |_| 1, None).unwrap()
}

fn forecast(runs: &[PlannedRun]) -> SealedForecast {
    let positive = Predicted { value: 2.0, low: 1.9, high: 2.1 };
    SealedForecast {
        compute: 1e12,
        reach: 3.0,
        level: 0.9,
        n_opt: positive,
        d_opt: positive,
        loss_opt: positive,
        loss: positive,
        c_exact: 1e12,
        epochs: 1.0,
        seeds: runs.iter().map(|run| run.config.seed).collect(),
        run_ids: runs.iter().map(|run| run.id().to_owned()).collect(),
        ..SealedForecast::new()
    }
}

fn refusal(bench: &Bench, runs: &[PlannedRun]) -> String {
    let error = bench.folder.seal([forecast(runs)]).unwrap_err();
    assert!(matches!(error, SweepError::KnownRun { .. }) && error.hint().is_some());
    error.to_string()
}

#[test]
fn runs_beyond_the_sweep_file_are_laid_out_as_its_own() {
    let plan = plan_of(SWEEP);
    let [a, b] = beyond(&plan, 3e11, &[0, 7]).try_into().unwrap();
    assert!((a.c_exact().0 / 3e11 - 1.0).abs() < 0.05, "{}", a.c_exact().0);
    assert!((a.n().0 / 13e3 - 1.0).abs() < 0.3, "{}", a.n().0);
    assert_eq!((a.config.seed, b.config.seed, a.size.as_str()), (0, 7, "13k"));
    assert!(plan.run(a.id()).is_none() && a.id() != b.id());
    // The size of a run in the plan gives that very run.
    let sweep = Sweep::parse(Path::new("fake.toml"), SWEEP.to_owned()).unwrap();
    let asked = Beyond { series: "", size: "10k", compute: 3e11, seeds: &[0] };
    let known = plan.runs_beyond(&sweep, &asked, |_| 1, None).unwrap();
    assert!(plan.run(known[0].id()).is_some());
    let none = Beyond { series: "a=b", ..asked };
    let error = plan.runs_beyond(&sweep, &none, |_| 1, None).unwrap_err();
    assert!(error.to_string().contains("`a=b`"), "{error}");
    let short = Beyond { compute: 1e8, ..asked };
    let error = plan.runs_beyond(&sweep, &short, |_| 1, None).unwrap_err();
    assert!(error.to_string().contains("fewer than 10"), "{error}");
}

#[test]
fn many_writers_append_one_after_another_under_the_lock() {
    let bench = bench();
    let runs = beyond(&bench.plan, 1e12, &(0..8).collect::<Vec<u64>>());
    std::thread::scope(|scope| {
        for run in &runs {
            let folder = bench.folder.clone();
            scope.spawn(move || {
                for _ in 0..4 {
                    folder.seal([forecast(std::slice::from_ref(run))]).unwrap();
                }
            });
        }
    });
    let chain = Chain::read(&bench.folder.forecasts_path()).unwrap();
    assert_eq!(chain.forecasts().len(), 32);
    for run in &runs {
        let of_run = |forecast: &&SealedForecast| forecast.run_ids == [run.id()];
        assert_eq!(chain.forecasts().iter().filter(of_run).count(), 4);
    }
}

#[test]
fn a_run_that_is_planned_begun_or_trained_is_no_forecast_any_more() {
    let bench = bench();
    let of_sweep = &bench.plan.runs()[..1];
    assert!(refusal(&bench, of_sweep).contains("stands in the plan"));
    let runs = beyond(&bench.plan, 1e12, &[0]);
    bench.folder.seal([forecast(&runs)]).unwrap();
    let lease = bench.folder.lease_path(runs[0].id());
    std::fs::write(&lease, "{}").unwrap();
    assert!(refusal(&bench, &runs).contains("is being trained"));
    std::fs::remove_file(&lease).unwrap();
    for path in [bench.folder.record_path(runs[0].id()), bench.folder.failure_path(runs[0].id())] {
        std::fs::write(&path, "{}").unwrap();
        assert!(refusal(&bench, &runs).contains("has been trained"));
        std::fs::remove_file(&path).unwrap();
    }
    let plan = bench.folder.plan_validation(runs.clone()).unwrap();
    assert_eq!(plan.run(runs[0].id()).unwrap().role, RunRole::Validation);
    assert!(refusal(&bench, &runs).contains("stands in the plan"));
    assert_eq!(bench.folder.forecasts().unwrap().forecasts().len(), 1);
}

#[test]
fn a_broken_chain_is_named_with_its_line_and_not_appended_to() {
    let bench = bench();
    let runs = beyond(&bench.plan, 1e12, &[0, 1, 2]);
    for run in &runs {
        bench.folder.seal([forecast(std::slice::from_ref(run))]).unwrap();
    }
    let path = bench.folder.forecasts_path();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let edited = lines[1].replace("\"reach\":3.0", "\"reach\":3.5");
    std::fs::write(&path, [lines[0], &edited, lines[2]].concat()).unwrap();
    let error = bench.folder.seal([forecast(&runs)]).unwrap_err();
    let place = format!("{}:2: the chain of forecasts is broken", path.display());
    assert!(error.to_string().starts_with(&place) && error.hint().is_some(), "{error}");
}

#[test]
fn validation_runs_are_trained_resumed_and_kept_by_the_next_run_of_the_sweep() {
    let mut bench = bench();
    bench.work(&mut Fake::default());
    let losses = bench.losses();
    let runs = beyond(&bench.plan, 1e12, &[0, 1]);
    bench.folder.seal([forecast(&runs)]).unwrap();
    let sweep = bench.plan.clone();
    bench.plan = bench.folder.plan_validation(runs.clone()).unwrap();
    // Added twice they stand there once.
    assert_eq!(bench.folder.plan_validation(runs.clone()).unwrap(), bench.plan);
    assert_eq!(bench.plan, bench.folder.plan().unwrap());

    // A worker that is stopped in the middle keeps its state, and the sweep's next `run` goes on.
    let mut stopped = Fake { stop_after: Some(40), ..Fake::default() };
    bench.work(&mut stopped);
    assert_eq!(stopped.started.len(), 1);
    bench.plan = bench.folder.adopt(&sweep, SWEEP).unwrap();
    assert_eq!(bench.plan.validation_runs().count(), 2);
    let mut resumed = Fake::default();
    bench.work(&mut resumed);
    assert_eq!(resumed.started.len(), 2);
    let all: u64 = runs.iter().map(|run| run.config.recipe.schedule.steps).sum();
    assert_eq!(stopped.steps + resumed.steps, all, "no step is taken twice");

    let records = settle(&bench.folder, &bench.plan).unwrap();
    assert_eq!((records.done.len(), records.orphaned.len()), (8, 0));
    assert_eq!(bench.losses()[..6], losses);
    let rows = read_runs(&bench.folder.runs_path()).unwrap();
    let roles: Vec<bool> = rows.iter().map(|row| row.is_validation()).collect();
    assert_eq!(roles, [false, false, false, false, false, false, true, true]);
    // Over another text they could not be trained, and are left out as the sweep's own are.
    let other = bench.folder.adopt(&plan_over(&"1".repeat(16), SWEEP), SWEEP).unwrap();
    assert_eq!((other.runs().len(), other.validation_runs().count()), (6, 0));
}

#[test]
fn a_validation_run_that_the_sweep_file_names_later_is_one_of_its_own() {
    let bench = bench();
    let sweep = Sweep::parse(Path::new("fake.toml"), SWEEP.to_owned()).unwrap();
    let asked = Beyond { series: "", size: "10k", compute: 6e11, seeds: &[0] };
    let runs = bench.plan.runs_beyond(&sweep, &asked, |_| 1, None).unwrap();
    bench.folder.plan_validation(runs.clone()).unwrap();
    let source = SWEEP.replace("\"3e11\"", "\"3e11\", \"6e11\"");
    let longer = bench.folder.adopt(&plan_of(&source), &source).unwrap();
    assert_eq!(longer.run(runs[0].id()).unwrap().role, RunRole::Sweep);
}
