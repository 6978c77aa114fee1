//! Tests of what goes wrong while a sweep runs unattended, and of what is decided before it starts.

use crate::workshop::{SWEEP, Workshop, reproducible, stderr, stdout};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn rates_are_tuned_first_and_once() {
    let tune = "[train]\nlearning_rate = { tune = { rates = 3, tokens = 5120 } }";
    let shop = Workshop::new(&SWEEP.replace("[train]", tune));
    let plan = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    assert!(
        stdout(&plan).contains("learning rates: tuned first, in 9 runs of tiny.tuning"),
        "{}",
        stdout(&plan)
    );
    let first = shop.run().code(0);
    for size in ["8x1x1: rate", "16x1x1: rate", "16x2x2: rate"] {
        assert!(stderr(&first).contains(size), "{}", stderr(&first));
    }
    let tuned = fs::read_to_string(shop.path("results/tiny.tuning/tuning.json")).unwrap();
    let tuned: serde_json::Value = serde_json::from_str(&tuned).unwrap();
    for row in shop.rows() {
        let mut rates = tuned["rates"].as_array().unwrap().iter();
        let found = rates.find(|found| found["size"] == *row.size).unwrap();
        assert_eq!(found["rate"].as_f64(), Some(row.learning_rate));
        assert_eq!(found["trials"].as_array().unwrap().len(), 3);
    }
    let second = shop.run().code(0);
    assert!(
        stderr(&second).contains("nothing to train: all 6 runs are done"),
        "{}",
        stderr(&second)
    );
}

#[test]
fn budgets_of_a_time_stay_as_they_were_chosen() {
    let shop = Workshop::new(&SWEEP.replace(
        "isoflop = { budgets = [\"4e8\", \"8e8\"] }",
        "time = { limit = \"3s\", budgets = 2 }",
    ));
    let first = shop.run().code(0);
    let line = |text: &str| {
        let found = text.lines().find(|line| line.starts_with("budgets for 3s:"));
        found.unwrap().to_owned()
    };
    let chosen = line(&stderr(&first));
    let plan = shop.isoflop().args(["plan", "sweep.toml", "--json"]).assert().code(0);
    assert_eq!(line(&stderr(&plan)), chosen);
    let plan: serde_json::Value = serde_json::from_str(&stdout(&plan)).unwrap();
    assert_eq!(plan["new"].as_array().unwrap().len(), 0);
    assert_eq!(plan["reused"].as_array().unwrap().len(), 6);
}

#[test]
fn a_plan_tells_what_is_there_and_what_has_changed() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let edited =
        SWEEP.replace("[train]", "[train]\nlearning_rate = 0.01").replace("\"8x1x1\", ", "");
    let edited = edited.replace("\"16x2x2\"]", "\"16x2x2\", \"16x3x2\"]");
    fs::write(shop.path("sweep.toml"), edited).unwrap();
    let plan = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    let text = stdout(&plan);
    assert!(text.contains("already there: 0 of 6 runs; 6 left to train"), "{text}");
    assert!(text.contains("the nearest planned run, learning_rate 0.0097 is now 0.01"), "{text}");
    assert!(text.contains("the nearest planned run, d_model 8 is now 16"), "{text}");
}

#[test]
fn an_edit_is_named_as_what_it_is_by_plan_and_run() {
    let grid = "grid = { tokens = [\"10k\", \"20k\", \"40k\"] }";
    let sweep = SWEEP.replace("isoflop = { budgets = [\"4e8\", \"8e8\"] }", grid);
    let shop = Workshop::new(&format!("{sweep}learning_rate = 0.01\n"));
    shop.run().code(0);
    fs::write(shop.path("sweep.toml"), format!("{sweep}learning_rate = 0.03\n")).unwrap();
    let plan = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    let named = stdout(&plan).matches("run, learning_rate 0.01 is now 0.03").count();
    assert_eq!(named, 9, "{}", stdout(&plan));
    let run = shop.run().code(0);
    assert!(
        stderr(&run).contains("9 earlier runs are kept and left out, no longer in the sweep: against the nearest planned run, learning_rate 0.01 is now 0.03"),
        "{}",
        stderr(&run)
    );
    fs::write(shop.path("text/0.md"), "another text altogether\n".repeat(900)).unwrap();
    for verb in ["plan", "run"] {
        let told = shop.isoflop().args([verb, "sweep.toml"]).assert().code(0);
        let text = format!("{}{}", stdout(&told), stderr(&told));
        assert!(text.contains("the text has changed: data_digest "), "{verb}: {text}");
    }
}

#[test]
fn no_more_processes_measure_than_there_are_cores_or_runs() {
    let shop = Workshop::new(SWEEP);
    let cores = std::thread::available_parallelism().unwrap().get();
    for jobs in ["40", "999999"] {
        let begun = std::time::Instant::now();
        let mut command = shop.isoflop();
        command.env("ISOFLOP_CACHE", shop.path("cache"));
        command.args(["plan", "sweep.toml", "--json", "--calibrate", "--jobs", jobs]);
        let plan = command.assert().code(0);
        let said = stderr(&plan);
        let processes =
            (1..=6.min(cores)).find(|count| said.contains(&format!(" in {count} processes")));
        assert!(processes.is_some(), "{said}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(60));
        let plan: serde_json::Value = serde_json::from_str(&stdout(&plan)).unwrap();
        assert_eq!(plan["jobs"], 6);
    }
}

#[test]
fn a_deadline_is_printed_in_full_and_never_half_read() {
    let shop = Workshop::new(SWEEP);
    let run = |deadline: &str| {
        let mut command = shop.isoflop();
        command.args(["run", "sweep.toml", "--deadline", deadline]);
        command.assert()
    };
    let said = stderr(&run("2131-05-05T07:23+05:00").code(0));
    assert!(said.starts_with("until ") && said.contains(" 2131-05-05 "), "{said}");
    for wrong in ["2031-05-05", "2020-01-01T07:00", "07:00+99:00", "fri", "soon"] {
        let refused = run(wrong).code(2);
        assert!(stderr(&refused).contains("--deadline"), "{}", stderr(&refused));
    }
}

#[test]
fn a_deadline_ends_with_a_report_of_what_there_is() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"4e8\", \"9e11\""));
    let run = shop
        .isoflop()
        .args(["run", "sweep.toml", "--deadline", "10s", "--jobs", "1"])
        .assert()
        .code(130);
    assert!(stderr(&run).contains("deadline: "), "{}", stderr(&run));
    assert!(shop.path("reports/tiny/index.html").exists());
    assert!(!shop.rows().is_empty());
}

#[test]
fn a_log_tells_what_happened_to_a_run() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let id = shop.rows()[0].run_id.clone();
    let logs = |run: &str| shop.isoflop().args(["logs", "results/tiny", run]).assert();
    let text = stdout(&logs(&id[..id.len() - 3]).code(0));
    assert!(text.contains("attempt 1, process ") && text.contains("finished, test loss"), "{text}");
    let error = stderr(&logs("n9").code(2));
    assert!(error.contains("no run `n9` in results/tiny"), "{error}");
    let error = stderr(&logs("n").code(2));
    assert!(error.contains("`n` begins 6 runs"), "{error}");
}

/// A small file system in memory, which is unmounted when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    fn mount(at: &'a Path, options: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
        assert!(command.status().unwrap().success(), "only root may mount a file system");
        Tmpfs(at)
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.0).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
#[ignore = "needs root, to mount disks in memory"]
fn a_full_disk_stops_the_sweep_and_room_resumes_it() {
    let undisturbed = Workshop::new(SWEEP);
    undisturbed.run().code(0);
    let shop = Workshop::new(SWEEP);
    let results = shop.path("results");
    let disk = Tmpfs::mount(&results, "size=160k");
    let run = shop.run().code(130);
    assert!(stderr(&run).contains("the disk is full"), "{}", stderr(&run));
    disk.remount("size=16m");
    shop.run().code(0);
    let rows = |shop: &Workshop| shop.rows().iter().map(reproducible).collect::<Vec<_>>();
    assert_eq!(rows(&shop), rows(&undisturbed));
}

#[test]
#[ignore = "needs root, to mount disks in memory"]
fn a_disk_of_any_size_stops_the_sweep_and_room_ends_it_as_if_nothing_had_been() {
    let undisturbed = Workshop::new(SWEEP);
    undisturbed.run().code(0);
    let rows = |shop: &Workshop| shop.rows().iter().map(reproducible).collect::<Vec<_>>();
    let mut full = 0;
    for kilobytes in [4, 12, 28, 48, 64, 96, 130, 200, 300, 400, 500, 700, 1000] {
        let shop = Workshop::new(SWEEP);
        let disk_at = shop.path("disk");
        let disk = Tmpfs::mount(&disk_at, &format!("size={kilobytes}k"));
        let run = || {
            let mut command = shop.isoflop();
            command.args([
                "run",
                "sweep.toml",
                "--results",
                "disk/results",
                "--reports",
                "disk/reports",
            ]);
            command.env("ISOFLOP_CACHE", shop.path("disk/cache"));
            command.assert()
        };
        let first = run();
        let (code, said) = (first.get_output().status.code(), stderr(&first));
        assert!(matches!(code, Some(130 | 0)), "{kilobytes}k: {code:?}: {said}");
        assert_eq!(code == Some(130), said.contains("the disk is full"), "{kilobytes}k: {said}");
        full += u64::from(code == Some(130));
        disk.remount("size=64m");
        run().code(0);
        std::os::unix::fs::symlink("disk/results", shop.path("results")).unwrap();
        assert_eq!(rows(&shop), rows(&undisturbed), "{kilobytes}k");
        let unfinished = Command::new("find").arg(&disk_at).args(["-name", "*.partial"]).output();
        assert!(unfinished.unwrap().stdout.is_empty(), "{kilobytes}k");
        assert!(shop.path("disk/reports/tiny/index.html").exists());
    }
    assert!(full > 8, "{full} of these disks were full");
}

#[test]
#[ignore = "needs root, to mount disks in memory"]
fn a_read_only_disk_is_named_with_what_to_do() {
    let shop = Workshop::new(SWEEP);
    let results = shop.path("results");
    let disk = Tmpfs::mount(&results, "size=1m");
    disk.remount("ro");
    let run = shop.run().code(2);
    let text = stderr(&run);
    assert!(text.contains("results/tiny") && text.contains("--results DIR"), "{text}");
}
