//! Tests of folders that somebody else made or edited, or that were left half-made.

use crate::fake::{Fake, SWEEP, bench, plan_of};
use isoflop_results::RunRecord;
use isoflop_sweep::{Plan, ResultsFolder, SweepError};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[test]
fn a_folder_whose_making_was_interrupted_anywhere_is_made_again() {
    let made = bench();
    let parts = ["plan.json", "sweep.toml", "data.json"];
    for kept in 0..=parts.len() {
        for with_folders in [false, true] {
            let keep = tempfile::tempdir().unwrap();
            let folder = ResultsFolder::at(keep.path().join("fake"));
            fs::create_dir_all(folder.root()).unwrap();
            fs::write(folder.root().join(".plan.json.77.0.partial"), "half").unwrap();
            if with_folders {
                for part in ["records", "failures", "leases", "logs"] {
                    fs::create_dir(folder.root().join(part)).unwrap();
                }
            }
            // Earlier versions wrote the plan last, so a folder may have the other files without
            // it.
            for part in &parts[kept..] {
                copy(&made.folder.root().join(part), &folder.root().join(part));
            }
            folder.adopt(&made.plan, SWEEP).unwrap();
            assert_eq!(folder.plan().unwrap(), made.plan);
        }
    }
}

#[test]
fn a_folder_that_holds_results_without_a_plan_is_not_taken() {
    for (part, name) in
        [("records", "a.json"), ("", "runs.parquet"), ("models", "m.safetensors"), ("", "notes.md")]
    {
        let keep = tempfile::tempdir().unwrap();
        fs::create_dir_all(keep.path().join("records")).unwrap();
        fs::create_dir_all(keep.path().join("models")).unwrap();
        fs::write(keep.path().join(part).join(name), "of somebody").unwrap();
        let folder = ResultsFolder::at(keep.path().to_owned());
        let error = folder.adopt(&plan_of(SWEEP), SWEEP).unwrap_err();
        assert!(matches!(error, SweepError::NotAResultsFolder { .. }), "{name}: {error}");
    }
}

#[test]
fn a_folder_that_has_lost_its_plan_is_known_by_its_sweep_file() {
    let bench = bench();
    bench.work(&mut Fake::default());
    fs::remove_file(bench.folder.root().join("plan.json")).unwrap();
    let other = SWEEP.replace("\"fake\"", "\"other\"");
    let error = bench.folder.adopt(&plan_of(&other), &other).unwrap_err();
    assert!(matches!(error, SweepError::NotAResultsFolder { .. }), "{error}");
    bench.folder.adopt(&bench.plan, SWEEP).unwrap();
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!(records.done.len(), bench.plan.runs().len());
    // Without the sweep file nothing says whose records these are.
    for file in ["plan.json", "sweep.toml"] {
        fs::remove_file(bench.folder.root().join(file)).unwrap();
    }
    let error = bench.folder.adopt(&bench.plan, SWEEP).unwrap_err();
    assert!(matches!(error, SweepError::NotAResultsFolder { .. }), "{error}");
}

#[test]
fn a_swapped_or_foreign_record_is_moved_aside_and_its_run_trained_again() {
    let bench = bench();
    bench.work(&mut Fake::default());
    let path = |index: usize| bench.folder.record_path(&bench.id(index));
    let first = fs::read(path(0)).unwrap();
    copy(&path(1), &path(0));
    fs::write(path(1), first).unwrap();
    // The record has another rate under the old id, and a valid checksum.
    let mut edited = RunRecord::read(&path(2)).unwrap();
    edited.row.learning_rate *= 2.0;
    edited.write(&path(2)).unwrap();
    // The record has a loss that is impossible.
    let mut edited = RunRecord::read(&path(3)).unwrap();
    edited.row.test_loss = Some(-1.0);
    edited.write(&path(3)).unwrap();
    // The record of a failure is among those of finished runs.
    let mut edited = RunRecord::read(&path(4)).unwrap();
    edited.row.status = isoflop_results::Status::Failed;
    edited.write(&path(4)).unwrap();
    let records = bench.folder.records(&bench.plan).unwrap();
    assert_eq!((records.done.len(), records.damaged.len()), (1, 5), "{:?}", records.damaged);
    assert!(records.damaged[0].contains("it is the record of"), "{}", records.damaged[0]);
    let mut again = Fake::default();
    bench.work(&mut again);
    assert_eq!(again.started.len(), 5);
    assert_eq!(bench.folder.records(&bench.plan).unwrap().done.len(), 6);
}

/// Parses the JSON of a plan after a change to its first run.
fn edited(change: impl FnOnce(&mut Value)) -> Result<Plan, String> {
    let plan = plan_of(SWEEP);
    let mut json: Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    // The checksum of the file is removed because it is not tested here.
    json.as_object_mut().unwrap().remove("sha256").unwrap();
    change(&mut json);
    Plan::parse(json.to_string().as_bytes())
}

#[test]
fn an_edited_plan_is_refused_by_what_was_edited() {
    assert!(edited(|_| ()).is_ok());
    let whole = plan_of(SWEEP).to_json().unwrap();
    let problem = Plan::parse(
        whole.replace("\"16x1x1\"", "\"3k\"").replacen("\"3k\"", "\"4k\"", 1).as_bytes(),
    );
    assert!(problem.unwrap_err().contains("checksum"));
    let of_config = |pointer: &'static str, value: Value| {
        edited(move |json| *json.pointer_mut(&format!("/runs/0/config{pointer}")).unwrap() = value)
    };
    for (pointer, value, told) in [
        ("/learning_rate", json!(0.5), "its configuration is that of"),
        ("/seed", json!(7), "its configuration is that of"),
        ("/numerics_version", json!(99), "its configuration is that of"),
        ("/data_digest", json!("f".repeat(16)), "its configuration is that of"),
        ("/steps/steps", json!(0), "no wsd schedule"),
        ("/steps/steps", json!(u64::MAX), "more than can be counted"),
        ("/steps/decay", json!(1_u64 << 60), "no wsd schedule"),
        ("/model/context", json!(0), "a context of 0 tokens"),
        ("/model/shape/d_model", json!(1_u64 << 40), "too large"),
        ("/model/shape/n_heads", json!(0), "zero"),
        ("/model/vocab_size", json!(0), "a vocabulary of 0"),
        ("/batch_tokens", json!(3), "not whole windows"),
        ("/optimizer/beta1", json!(1.5), "optimizer"),
        ("/learning_rate", json!(-1.0), "no learning rate"),
    ] {
        let problem = of_config(pointer, value).unwrap_err();
        assert!(problem.contains(told), "{pointer}: {problem}");
    }
    let problem = edited(|json| json["runs"][0]["id"] = json!("../../escape")).unwrap_err();
    assert!(problem.contains("its configuration is that of"), "{problem}");
    let problem = edited(|json| json["runs"][0]["trunk"] = json!("../trunk")).unwrap_err();
    assert!(problem.contains("not the name of its trunk"), "{problem}");
    let problem = edited(|json| json["name"] = json!("../fake")).unwrap_err();
    assert!(problem.contains("cannot name a results folder"), "{problem}");
    let problem = edited(|json| json["runs"][1] = json["runs"][0].clone()).unwrap_err();
    assert!(problem.contains("stands there twice"), "{problem}");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_the_links_of_a_strangers_folder() {
    use std::os::unix::fs::symlink;
    let keep = tempfile::tempdir().unwrap();
    let precious = keep.path().join("thesis.txt");
    fs::write(&precious, "years").unwrap();

    let mut bench = bench();
    let run = bench.id(0);
    symlink(&precious, bench.folder.log_path(&run)).unwrap();
    symlink(&precious, bench.folder.worker_log_path(0)).unwrap();
    symlink(&precious, bench.folder.lock_path()).unwrap();
    symlink(&precious, bench.folder.record_path(&run)).unwrap();
    bench.folder.log(&run, "a line");
    bench.folder.worker_log(0).unwrap();
    fs::remove_file(bench.folder.record_path(&run)).unwrap();
    bench.work(&mut Fake::default());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "years");
    assert!(fs::read_to_string(bench.folder.log_path(&run)).unwrap().contains("a line"));

    for part in ["records", "failures", "leases", "logs", "checkpoints", "models"] {
        bench = self::bench();
        let elsewhere = keep.path().join(part);
        fs::create_dir(&elsewhere).unwrap();
        let path = bench.folder.root().join(part);
        fs::remove_dir_all(&path).unwrap();
        symlink(&elsewhere, &path).unwrap();
        let error = bench.folder.adopt(&bench.plan, SWEEP).unwrap_err();
        assert!(matches!(&error, SweepError::Link { path: found } if *found == path), "{error}");
        let error = bench.try_work(&mut Fake::default()).unwrap_err();
        assert!(error.is_lack(), "{error}");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{part}");
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "years");
}
