//! Order, claims and resume, with a trainer that trains nothing.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_results::{CurvePoint, RunRecord, Status, parquet::read_runs};
use isoflop_sweep::claim::{BURIAL, allow_retries, any_unfinished, claim_next, live_leases};
use isoflop_sweep::lease::{Lease, Owner};
use isoflop_sweep::plan::DataRequest;
use isoflop_sweep::supervise::settle;
use isoflop_sweep::worker::work;
use isoflop_sweep::{
    DataFacts, Ending, Plan, PlanContext, PlannedRun, Progress, ResultsFolder, Sweep, SweepError,
    TestScore, TrainFailure, Trained, Trainer,
};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

const SWEEP: &str = r#"
name = "fake"
[data]
corpus = "any"
[model]
sizes = ["3k", "10k", "30k"]
[plan]
isoflop = { budgets = ["1e11", "3e11"] }
"#;

fn plan_of(source: &str) -> Plan {
    let sweep = Sweep::parse(Path::new("fake.toml"), source.to_owned()).unwrap();
    let mut facts = |_: &DataRequest| {
        Ok(DataFacts {
            name: "any@1".to_owned(),
            digest: "0".repeat(16),
            vocab_size: 256,
            train_tokens: 1_000_000,
            test_tokens: 1000,
        })
    };
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: 1,
        memory_bytes: 1 << 34,
    };
    Plan::build(&sweep, &mut context).unwrap()
}

/// Remembers what it was asked to train; fails or diverges where told to.
#[derive(Default)]
struct Fake<'a> {
    started: Vec<String>,
    all: Option<&'a Mutex<Vec<String>>>,
    failing: HashSet<String>,
    diverging: HashSet<String>,
}

impl Trainer for Fake<'_> {
    fn train(
        &mut self,
        run: &PlannedRun,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Trained, TrainFailure> {
        self.started.push(run.id().to_owned());
        if let Some(all) = self.all {
            all.lock().unwrap().push(run.id().to_owned());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        progress(Progress {
            step: 1,
            steps: run.config.steps.steps,
            loss: Some(5.0),
        });
        if self.failing.contains(run.id()) {
            return Err(TrainFailure("out of luck".to_owned()));
        }
        let ending = match self.diverging.contains(run.id()) {
            true => Ending::Diverged {
                step: 3,
                reason: "the loss became NaN".to_owned(),
            },
            false => Ending::Finished(TestScore {
                loss: 2.5,
                standard_error: Some(0.01),
                bits_per_byte: 3.6,
                tokens: 1000,
            }),
        };
        let point = CurvePoint {
            step: 10,
            tokens: 5120,
            flops: 1e9,
            train_loss: Some(3.0),
            test_loss: None,
            learning_rate: 1e-3,
            grad_norm: Some(1.0),
        };
        Ok(Trained {
            ending,
            train_loss: Some(2.75),
            curve: vec![point],
            micro_batch: 4,
            unique_tokens: 5120,
            train_seconds: 0.5,
            device: "none".to_owned(),
            instruction_set: "none".to_owned(),
            burn_version: "none".to_owned(),
        })
    }
}

struct Bench {
    _keep: tempfile::TempDir,
    folder: ResultsFolder,
    plan: Plan,
}

fn bench() -> Bench {
    let keep = tempfile::tempdir().unwrap();
    let folder = ResultsFolder::at(keep.path().join("fake"));
    let plan = plan_of(SWEEP);
    folder.adopt(&plan, SWEEP).unwrap();
    Bench {
        _keep: keep,
        folder,
        plan,
    }
}

impl Bench {
    fn work(&self, fake: &mut Fake<'_>) {
        work(&self.folder, &self.plan, fake, &|| {
            "2026-01-01T00:00:00Z".to_owned()
        })
        .unwrap();
    }

    fn id(&self, index: usize) -> String {
        self.plan.runs()[index].id().to_owned()
    }
}

#[test]
fn every_run_becomes_a_row_and_the_same_work_again_starts_nothing() {
    let bench = bench();
    let (mut first, mut second) = (Fake::default(), Fake::default());
    bench.work(&mut first);
    bench.work(&mut second);
    let order: Vec<_> = bench
        .plan
        .work_order()
        .iter()
        .map(|run| run.id().to_owned())
        .collect();
    assert_eq!(first.started, order);
    assert_eq!(second.started, [""; 0]);
    settle(&bench.folder, &bench.plan).unwrap();
    let rows = read_runs(&bench.folder.runs_path()).unwrap();
    let planned: Vec<_> = bench.plan.runs().iter().map(|run| run.id()).collect();
    assert_eq!(
        rows.iter()
            .map(|row| row.run_id.as_str())
            .collect::<Vec<_>>(),
        planned
    );
    assert!(
        rows.iter()
            .all(|row| row.status == Status::Finished && row.test_loss == Some(2.5))
    );
}

#[test]
fn a_failed_run_is_retried_once_and_once_more_by_the_next_command() {
    let bench = bench();
    let mut fake = Fake {
        failing: [bench.id(1)].into(),
        ..Fake::default()
    };
    bench.work(&mut fake);
    assert_eq!(
        fake.started.iter().filter(|id| **id == bench.id(1)).count(),
        2
    );
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.failed.len()), (5, 1));
    assert_eq!(records.failed[0].row.attempt, 2);
    assert_eq!(
        records.failed[0].row.message.as_deref(),
        Some("out of luck")
    );

    allow_retries(&bench.folder, &records.failed).unwrap();
    let mut mended = Fake::default();
    bench.work(&mut mended);
    assert_eq!(mended.started, [bench.id(1)]);
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.failed.len()), (6, 0));
}

#[test]
fn a_diverged_run_is_a_result_and_never_retried() {
    let bench = bench();
    let mut fake = Fake {
        diverging: [bench.id(0)].into(),
        ..Fake::default()
    };
    bench.work(&mut fake);
    bench.work(&mut fake);
    assert_eq!(fake.started.len(), 6);
    let records = bench.folder.records(&bench.plan).unwrap();
    assert!(records.failed.is_empty());
    let row = &records.done[0].row;
    assert_eq!(
        (row.status, row.diverged_step, row.test_loss),
        (Status::Diverged, Some(3), None)
    );
}

#[test]
fn four_workers_at_once_train_each_run_once() {
    let bench = bench();
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                bench.work(&mut Fake {
                    all: Some(&all),
                    ..Fake::default()
                })
            });
        }
    });
    let mut started = all.into_inner().unwrap();
    started.sort();
    let mut planned: Vec<_> = bench
        .plan
        .runs()
        .iter()
        .map(|run| run.id().to_owned())
        .collect();
    planned.sort();
    assert_eq!(started, planned);
}

#[test]
fn a_dead_owners_run_is_taken_over_and_a_living_ones_is_not() {
    let bench = bench();
    let order = bench.plan.work_order();
    let lease = |run: &PlannedRun, owner: Owner| {
        let lease = Lease {
            run_id: run.id().to_owned(),
            owner,
            attempt: 1,
            progress: Progress::default(),
        };
        let text = serde_json::to_string(&lease).unwrap();
        std::fs::write(bench.folder.lease_path(run.id()), text).unwrap();
    };
    let me = Owner::current();
    lease(order[0], me.clone());
    lease(
        order[1],
        Owner {
            pid_start: me.pid_start - 1000,
            ..me.clone()
        },
    );
    std::fs::write(bench.folder.lease_path(order[2].id()), "torn").unwrap();
    let (third, claim) = claim_next(&bench.folder, &order, &me).unwrap().unwrap();
    assert_eq!(
        third.id(),
        order[2].id(),
        "a fresh death is its supervisor's to record"
    );
    drop(claim);
    let old = std::fs::File::options()
        .write(true)
        .open(bench.folder.lease_path(order[1].id()))
        .unwrap();
    old.set_modified(std::time::SystemTime::now() - 2 * BURIAL)
        .unwrap();
    let (second, _claim) = claim_next(&bench.folder, &order, &me).unwrap().unwrap();
    assert_eq!(second.id(), order[1].id());
    assert_eq!(live_leases(&bench.folder, &order).unwrap().len(), 3);
}

#[test]
fn a_worker_whose_run_was_taken_over_writes_nothing() {
    let bench = bench();
    let order = bench.plan.work_order();
    let me = Owner::current();
    let (run, claim) = claim_next(&bench.folder, &order, &me).unwrap().unwrap();
    let other = Lease {
        run_id: run.id().to_owned(),
        owner: Owner {
            host: "elsewhere".to_owned(),
            ..me
        },
        attempt: 1,
        progress: Progress::default(),
    };
    let text = serde_json::to_string(&other).unwrap();
    std::fs::write(bench.folder.lease_path(run.id()), &text).unwrap();
    let mut fake = Fake::default();
    // A record made elsewhere, to have one to write.
    let elsewhere = self::bench();
    elsewhere.work(&mut fake);
    let record = RunRecord::read(&elsewhere.folder.record_path(run.id())).unwrap();
    claim.finish(&record, false).unwrap();
    assert!(!bench.folder.record_path(run.id()).exists());
    assert_eq!(
        std::fs::read_to_string(bench.folder.lease_path(run.id())).unwrap(),
        text
    );
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
    assert!(!any_unfinished(&bench.folder, &bench.plan.work_order()).unwrap());
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.damaged.len()), (5, 1));
    let mut fake = Fake::default();
    bench.work(&mut fake);
    assert_eq!(fake.started, [bench.id(2)]);
    assert_eq!(
        std::fs::read(path.with_extension("json.damaged")).unwrap(),
        bytes
    );
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
    assert!(
        rows.iter()
            .all(|record| record.row.series == "model.norm=rms")
    );
    assert_eq!(rows[0].row.size, "16x1x1");
    assert_eq!(
        read_runs(&bench.folder.runs_path()).unwrap()[0].size,
        "16x1x1"
    );
}

#[test]
fn a_folder_of_another_sweep_or_of_other_things_is_refused() {
    let bench = bench();
    let other = plan_of(&SWEEP.replace("\"fake\"", "\"other\""));
    let error = bench.folder.adopt(&other, "").unwrap_err();
    assert!(
        matches!(&error, SweepError::OtherSweep { found, wanted, .. } if found == "fake" && wanted == "other")
    );
    // `--results results/fake` instead of `--results results`
    let inside = ResultsFolder::at(bench.folder.root().join("fake"));
    assert!(matches!(
        inside.adopt(&bench.plan, ""),
        Err(SweepError::OtherSweep { .. })
    ));
    let keep = tempfile::tempdir().unwrap();
    std::fs::write(keep.path().join("thesis.txt"), "years").unwrap();
    let thesis = ResultsFolder::at(keep.path().to_owned());
    assert!(matches!(
        thesis.adopt(&bench.plan, ""),
        Err(SweepError::NotAResultsFolder { .. })
    ));
    assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 1);
}
