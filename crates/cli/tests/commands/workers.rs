//! Tests of workers that a person starts, with and without all that training needs.

use crate::workshop::{SWEEP, Workshop, patiently, stderr};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// A workshop whose sweep was stopped before all runs were done.
fn begun() -> Workshop {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"4e9\", \"8e9\""));
    let mut run = command(&shop, shop.path("cache").as_path())
        .args(["run", "sweep.toml", "--jobs", "1"])
        .spawn()
        .unwrap();
    let place = shop.path("results/tiny/place.json");
    patiently("the folder says where its texts are", &mut run, || place.exists());
    std::thread::sleep(Duration::from_millis(100));
    run.kill().unwrap();
    run.wait().unwrap();
    shop
}

fn command(shop: &Workshop, cache: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("isoflop"));
    command.current_dir(shop.path("")).env("ISOFLOP_CACHE", cache);
    command
}

fn count(shop: &Workshop, part: &str) -> usize {
    let entries = fs::read_dir(shop.path("results/tiny").join(part)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".json")).count()
}

/// Runs a worker in another folder and with a cache of its own.
fn elsewhere(shop: &Workshop) -> Output {
    let mut worker = command(shop, shop.path("other-cache").as_path());
    worker.current_dir("/").arg("worker").arg(shop.path("results/tiny"));
    worker.output().unwrap()
}

#[test]
fn a_worker_elsewhere_finds_the_text_and_one_without_it_says_so_and_claims_nothing() {
    let shop = begun();
    fs::rename(shop.path("text"), shop.path("hidden")).unwrap();
    fs::rename(shop.path("cache"), shop.path("hidden-cache")).unwrap();
    let (records, failures) = (count(&shop, "records"), count(&shop, "failures"));
    let refused = elsewhere(&shop);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("its text cannot be had") && said.contains("hint:"), "{said}");
    assert_eq!((count(&shop, "records"), count(&shop, "failures")), (records, failures));

    // Another text in its place is not the text of this plan.
    fs::create_dir(shop.path("text")).unwrap();
    for document in 0..12u64 {
        let words = (0..3000u64).map(|i| format!("w{} ", (i * i + 7919 * document * i) % 977));
        let text: String = words.collect();
        fs::write(shop.path(&format!("text/{document}.md")), text).unwrap();
    }
    let refused = elsewhere(&shop);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("is another text than the one planned"), "{said}");
    assert_eq!(count(&shop, "failures"), failures);

    fs::remove_dir_all(shop.path("text")).unwrap();
    fs::rename(shop.path("hidden"), shop.path("text")).unwrap();
    let able = elsewhere(&shop);
    assert_eq!(able.status.code(), Some(0), "{}", String::from_utf8_lossy(&able.stderr));
    assert_eq!((count(&shop, "records"), count(&shop, "failures")), (6, failures));
}

#[test]
fn a_worker_on_an_edited_plan_is_told_so() {
    let shop = begun();
    let path = shop.path("results/tiny/plan.json");
    let plan = fs::read_to_string(&path).unwrap();
    fs::write(&path, plan.replace("\"seed\": 0", "\"seed\": 1")).unwrap();
    let refused = elsewhere(&shop);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("plan.json: its checksum does not match"), "{said}");
    assert_eq!(count(&shop, "failures"), 0);
}

#[test]
fn without_slurm_a_submission_says_what_trains_here_and_writes_nothing() {
    let shop = Workshop::new(SWEEP);
    let args = ["submit", "sweep.toml"];
    let assert = shop.isoflop().args(args).env("PATH", "/nowhere").assert().code(2);
    let said = stderr(&assert);
    assert!(said.contains("error: there is no Slurm here: `scontrol` is not a command"), "{said}");
    assert!(said.contains("hint: `isoflop run SWEEP.toml` trains on this machine"), "{said}");
    shop.assert_nothing_written();
    for (arg, why) in [("--time=5s", "at least 60 s"), ("--sbatch-arg=qos", "with its dashes")] {
        let assert = shop.isoflop().args(args).arg(arg).assert().code(2);
        assert!(stderr(&assert).contains(why), "{}", stderr(&assert));
    }
}
