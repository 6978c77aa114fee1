//! Tests order, claims and resuming, with a trainer that trains nothing.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod fake;
mod foreign;
mod lacks;
#[cfg(unix)]
mod pilots;
mod plans;
mod reuse;
mod sealed;
mod stages;
mod supervised;
mod trunks;

use fake::{Fake, SWEEP, bench, plan_of};
use isoflop_results::{FailureKind, RunRecord, Status, parquet::read_runs};
use isoflop_sweep::claim::{BURIAL, Claim, Claims, Next, allow_retries, given_up, unfinished};
use isoflop_sweep::files::Disk;
use isoflop_sweep::lease::{EXPIRY, Lease, Owner, Stage};
use isoflop_sweep::leases::{clear_dead, live_leases};
use isoflop_sweep::row::record_of_death;
use isoflop_sweep::supervise::settle;
use isoflop_sweep::{PlannedRun, Progress, ResultsFolder, SweepError};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

fn claim_next<'p>(bench: &'p fake::Bench, owner: &Owner) -> Option<(&'p PlannedRun, Claim)> {
    match Claims::new(&bench.folder, &bench.plan, owner, "none").claim().unwrap() {
        Next::Run(run, claim) => Some((run, claim)),
        Next::Wait | Next::Nothing => None,
    }
}

/// Lets an owner claim a run as its worker would, with the sign of life that it gives at once.
fn hold(bench: &fake::Bench, run: &PlannedRun, owner: Owner) {
    let lease = Lease {
        run_id: run.id().to_owned(),
        trunk: run.trunk().to_owned(),
        stage: Stage::Cooldown,
        owner,
        claim: 7,
        line: 1,
        beats: 1,
        attempt: 1,
        micro_windows: 4,
        progress: Progress::default(),
    };
    let text = serde_json::to_string(&lease).unwrap();
    let line = bench.folder.leases_path().join(format!("{}.1", run.id()));
    for path in [line, bench.folder.lease_path(run.id())] {
        std::fs::write(path, &text).unwrap();
    }
}

/// Claims of a worker whose clock the test moves on.
fn watching(bench: &fake::Bench) -> (Disk, Claims<'_>) {
    let disk = Disk::of(&bench.folder);
    let claims = Claims::on(disk.clone(), &bench.plan, &Owner::current(), 1 << 20, "none");
    (disk, claims)
}

fn claimed<'p>(claims: &mut Claims<'p>) -> (&'p str, Claim) {
    match claims.claim().unwrap() {
        Next::Run(run, claim) => (run.id(), claim),
        other => panic!("no run is open: {other:?}"),
    }
}

fn set_time(path: &Path, time: SystemTime) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn every_run_becomes_a_row_and_the_same_work_again_starts_nothing() {
    let bench = bench();
    let (mut first, mut second) = (Fake::default(), Fake::default());
    bench.work(&mut first);
    bench.work(&mut second);
    let order: Vec<_> = bench.plan.work_order().iter().map(|run| run.id().to_owned()).collect();
    assert_eq!(first.started, order);
    assert_eq!(second.started, [""; 0]);
    settle(&bench.folder, &bench.plan).unwrap();
    let rows = read_runs(&bench.folder.runs_path()).unwrap();
    let planned: Vec<_> = bench.plan.runs().iter().map(|run| run.id()).collect();
    assert_eq!(rows.iter().map(|row| row.run_id.as_str()).collect::<Vec<_>>(), planned);
    assert!(rows.iter().all(|row| row.status == Status::Finished && row.test_loss.is_some()));
}

#[test]
fn a_failed_run_is_retried_once_and_once_more_by_the_next_command() {
    let bench = bench();
    let mut fake = Fake { failing: [bench.id(1)].into(), ..Fake::default() };
    bench.work(&mut fake);
    assert_eq!(fake.started.iter().filter(|id| **id == bench.id(1)).count(), 2);
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.failed.len()), (5, 1));
    assert_eq!(records.failed[0].row.attempt, 2);
    assert_eq!(records.failed[0].row.message.as_deref(), Some("out of luck"));

    allow_retries(&bench.folder, &records.failed).unwrap();
    let mut mended = Fake::default();
    bench.work(&mut mended);
    assert_eq!(mended.started, [bench.id(1)]);
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.failed.len()), (6, 0));
}

#[test]
fn failures_of_runs_that_left_the_plan_do_not_count() {
    let bench = bench();
    bench.work(&mut Fake { failing: [bench.id(0), bench.id(4)].into(), ..Fake::default() });
    assert_eq!(given_up(&bench.folder, &bench.plan.work_order()).unwrap(), 2);
    let fewer = plan_of(&SWEEP.replace("\"1e11\", ", ""));
    assert_eq!(given_up(&bench.folder, &fewer.work_order()).unwrap(), 1);
}

#[test]
fn a_run_that_memory_was_too_small_for_is_tried_with_half_the_windows() {
    let bench = bench();
    let me = Owner::current();
    let (run, mut claim) = claim_next(&bench, &me).unwrap();
    let lease = live_leases(&bench.folder, &[run]).unwrap().remove(0);
    let half = claim.micro_windows() / 2;
    for (kind, windows) in [(FailureKind::Memory, half), (FailureKind::Worker, 2 * half)] {
        let record = record_of_death("fake", run, &lease, kind, "so it goes".to_owned());
        assert!(claim.finish(&record, true).unwrap());
        let again;
        (again, claim) = claim_next(&bench, &me).unwrap();
        assert_eq!(again.id(), run.id());
        assert_eq!((claim.attempt(), claim.micro_windows()), (2, windows));
    }
}

#[test]
fn a_failure_of_an_earlier_version_is_known_by_its_message() {
    let bench = bench();
    let me = Owner::current();
    let (run, mut claim) = claim_next(&bench, &me).unwrap();
    let lease = live_leases(&bench.folder, &[run]).unwrap().remove(0);
    let half = claim.micro_windows() / 2;
    for (message, windows) in [
        ("out of memory: its worker died (signal: 9 (SIGKILL))", half),
        ("its worker died (signal: 9 (SIGKILL)); it was out of memory, maybe", 2 * half),
    ] {
        let mut record =
            record_of_death("fake", run, &lease, FailureKind::Worker, message.to_owned());
        record.row.failure = None;
        assert!(claim.finish(&record, true).unwrap());
        (_, claim) = claim_next(&bench, &me).unwrap();
        assert_eq!((claim.attempt(), claim.micro_windows()), (2, windows), "{message}");
    }
}

#[test]
fn memory_that_runs_out_halves_the_windows_down_to_one_and_then_counts_as_a_failure() {
    let bench = bench();
    let me = Owner::current();
    let (run, mut claim) = claim_next(&bench, &me).unwrap();
    let (mut windows, mut attempt) = (claim.micro_windows(), 1);
    while windows > 1 {
        let lease = live_leases(&bench.folder, &[run]).unwrap().remove(0);
        assert_eq!((lease.attempt, lease.micro_windows), (attempt, windows));
        let record =
            record_of_death("fake", run, &lease, FailureKind::Memory, "so it goes".to_owned());
        assert!(claim.finish(&record, true).unwrap());
        let again;
        (again, claim) = claim_next(&bench, &me).unwrap();
        assert_eq!(again.id(), run.id());
        (windows, attempt) = (windows / 2, attempt + 1);
    }
    let lease = live_leases(&bench.folder, &[run]).unwrap().remove(0);
    let record = record_of_death("fake", run, &lease, FailureKind::Memory, "so it goes".to_owned());
    assert!(claim.finish(&record, true).unwrap());
    assert_eq!(given_up(&bench.folder, &[run]).unwrap(), 1);
}

#[test]
fn a_trainers_own_choice_of_windows_is_taken_at_the_first_attempt() {
    let bench = bench();
    let windows = vec![3; bench.plan.runs().len()];
    let mut claims =
        Claims::new(&bench.folder, &bench.plan, &Owner::current(), "fake").with(windows);
    let Next::Run(_, claim) = claims.claim().unwrap() else {
        panic!("every run is open");
    };
    assert_eq!(claim.micro_windows(), 3);
}

#[test]
fn a_diverged_run_is_a_result_and_never_retried() {
    let bench = bench();
    let mut fake = Fake { diverging: [bench.id(0)].into(), ..Fake::default() };
    bench.work(&mut fake);
    bench.work(&mut fake);
    assert_eq!(fake.started.len(), 6);
    let records = bench.folder.records(&bench.plan).unwrap();
    assert!(records.failed.is_empty());
    let row = &records.done[0].row;
    assert_eq!((row.status, row.diverged_step, row.test_loss), (Status::Diverged, Some(3), None));
}

#[test]
fn four_workers_at_once_train_each_run_once() {
    let bench = bench();
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.work(&mut Fake { all: Some(&all), ..Fake::default() }));
        }
    });
    let mut started = all.into_inner().unwrap();
    started.sort();
    let mut planned: Vec<_> = bench.plan.runs().iter().map(|run| run.id().to_owned()).collect();
    planned.sort();
    assert_eq!(started, planned);
}

#[test]
fn a_dead_owners_run_is_taken_over_and_a_living_ones_is_not() {
    let bench = bench();
    let order = bench.plan.work_order();
    let me = Owner::current();
    hold(&bench, order[0], me.clone());
    hold(&bench, order[1], Owner { pid_start: me.pid_start - 1000, ..me.clone() });
    std::fs::write(bench.folder.lease_path(order[2].id()), "torn").unwrap();
    let (disk, mut claims) = watching(&bench);
    let (third, _third) = claimed(&mut claims);
    assert_eq!(third, order[2].id(), "a fresh death is its supervisor's to record");
    disk.pass(BURIAL);
    let (second, _second) = claimed(&mut claims);
    assert_eq!(second, order[1].id());
    assert_eq!(live_leases(&bench.folder, &order).unwrap().len(), 3);
}

#[test]
fn a_living_owner_that_has_not_been_heard_of_for_long_is_replaced() {
    let bench = bench();
    let order = bench.plan.work_order();
    hold(&bench, order[0], Owner::current());
    let (disk, mut claims) = watching(&bench);
    let (other, _other) = claimed(&mut claims);
    assert_ne!(other, order[0].id());
    disk.pass(EXPIRY);
    let (taken, _taken) = claimed(&mut claims);
    assert_eq!(taken, order[0].id());
}

#[test]
fn no_time_of_a_file_frees_a_run_or_keeps_it() {
    let bench = bench();
    let order = bench.plan.work_order();
    let elsewhere = Owner { host: "elsewhere".to_owned(), ..Owner::current() };
    let day = Duration::from_secs(86_400);
    for (run, time) in order.iter().zip([SystemTime::now() + day, SystemTime::now() - 30 * day]) {
        hold(&bench, run, elsewhere.clone());
        for path in [
            bench.folder.lease_path(run.id()),
            bench.folder.leases_path().join(format!("{}.1", run.id())),
        ] {
            set_time(&path, time);
        }
    }
    let (disk, mut claims) = watching(&bench);
    let (third, _third) = claimed(&mut claims);
    assert_eq!(third, order[2].id());
    disk.pass(EXPIRY);
    let (first, _first) = claimed(&mut claims);
    let (second, _second) = claimed(&mut claims);
    assert_eq!([first, second], [order[0].id(), order[1].id()]);
}

#[test]
fn a_worker_whose_run_was_taken_over_writes_nothing() {
    let bench = bench();
    let (run, claim) = claim_next(&bench, &Owner::current()).unwrap();
    let (disk, mut claims) = watching(&bench);
    let (_, _other) = claimed(&mut claims);
    disk.pass(EXPIRY);
    let (taken, by) = claimed(&mut claims);
    assert_eq!(taken, run.id());
    let text = std::fs::read_to_string(bench.folder.lease_path(run.id())).unwrap();
    // A record made in another folder serves as one that can be written.
    let elsewhere = self::bench();
    elsewhere.work(&mut Fake::default());
    let record = RunRecord::read(&elsewhere.folder.record_path(run.id())).unwrap();
    assert!(!claim.finish(&record, false).unwrap());
    assert!(!bench.folder.record_path(run.id()).exists());
    assert_eq!(std::fs::read_to_string(bench.folder.lease_path(run.id())).unwrap(), text);
    assert!(by.finish(&record, false).unwrap());
    assert_eq!(RunRecord::read(&bench.folder.record_path(run.id())).unwrap(), record);
}

#[test]
fn a_record_whose_worker_died_before_it_was_in_place_is_placed_by_the_next() {
    let bench = bench();
    let elsewhere = self::bench();
    elsewhere.work(&mut Fake::default());
    let (run, claim) = claim_next(&bench, &Owner::current()).unwrap();
    let record = RunRecord::read(&elsewhere.folder.record_path(run.id())).unwrap();
    assert!(claim.finish(&record, false).unwrap());
    let staged = bench.folder.leases_path().join(format!("{}.1.record", run.id()));
    std::fs::rename(bench.folder.record_path(run.id()), &staged).unwrap();
    let mut fake = Fake::default();
    bench.work(&mut fake);
    assert!(!fake.started.contains(&run.id().to_owned()));
    assert_eq!(RunRecord::read(&bench.folder.record_path(run.id())).unwrap(), record);
    // A record that a person removes is not waiting anywhere; a command opens its run again.
    std::fs::remove_file(bench.folder.record_path(run.id())).unwrap();
    clear_dead(&bench.folder).unwrap();
    bench.work(&mut fake);
    assert!(fake.started.contains(&run.id().to_owned()));
    assert!(bench.folder.record_path(run.id()).exists());
}

#[test]
fn a_damaged_record_is_moved_aside_and_its_run_trained_again() {
    let bench = bench();
    bench.work(&mut Fake::default());
    let path = bench.folder.record_path(&bench.id(2));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(
        unfinished(&bench.folder, &bench.plan.work_order()).unwrap(),
        [] as [&PlannedRun; 0]
    );
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.damaged.len()), (5, 1));
    let mut fake = Fake::default();
    bench.work(&mut fake);
    assert_eq!(fake.started, [bench.id(2)]);
    assert_eq!(std::fs::read(path.with_extension("json.damaged")).unwrap(), bytes);
}

#[test]
fn an_edited_sweep_reuses_what_is_the_same_and_keeps_the_rest_as_orphans() {
    let bench = bench();
    bench.work(&mut Fake::default());
    let source = SWEEP.replace("\"3e11\"", "\"6e11\"");
    let edited = plan_of(&source);
    bench.folder.adopt(&edited, &source).unwrap();
    let records = bench.folder.records(&edited).unwrap();
    assert_eq!((records.done.len(), records.orphaned.len()), (3, 3));
    bench.folder.adopt(&bench.plan, SWEEP).unwrap();
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.orphaned.len()), (6, 0));
}

#[test]
fn a_reused_run_carries_the_names_of_the_sweep_file_that_reuses_it() {
    let bench = bench();
    bench.work(&mut Fake::default());
    let axis = "[axes]\n\"model.norm\" = [\"rms\"]\n";
    let source = format!("{}{axis}", SWEEP.replace("\"3k\"", "\"16x1x1\""));
    let renamed = plan_of(&source);
    bench.folder.adopt(&renamed, &source).unwrap();
    let rows = settle(&bench.folder, &renamed).unwrap().done;
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|record| record.row.series == "model.norm=rms"));
    assert_eq!(rows[0].row.size, "16x1x1");
    assert_eq!(read_runs(&bench.folder.runs_path()).unwrap()[0].size, "16x1x1");
}

#[test]
fn a_folder_of_another_sweep_or_of_other_things_is_refused() {
    let bench = bench();
    let other = plan_of(&SWEEP.replace("\"fake\"", "\"other\""));
    let error = bench.folder.adopt(&other, "").unwrap_err();
    assert!(
        matches!(&error, SweepError::OtherSweep { found, wanted, .. } if found == "fake" && wanted == "other")
    );
    // A user may type `--results results/fake` instead of `--results results`.
    let inside = ResultsFolder::at(bench.folder.root().join("fake"));
    assert!(matches!(inside.adopt(&bench.plan, ""), Err(SweepError::OtherSweep { .. })));
    let keep = tempfile::tempdir().unwrap();
    std::fs::write(keep.path().join("thesis.txt"), "years").unwrap();
    let thesis = ResultsFolder::at(keep.path().to_owned());
    assert!(matches!(thesis.adopt(&bench.plan, ""), Err(SweepError::NotAResultsFolder { .. })));
    assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 1);
}
