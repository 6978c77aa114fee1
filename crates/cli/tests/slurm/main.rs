//! Sweeps on a real Slurm of one machine. These tests need Debian's `slurm-wlm` and `munge`;
//! `just test-slurm` runs them.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![cfg(unix)]

mod cluster;
mod disturbed;
#[path = "../commands/workshop.rs"]
#[allow(dead_code, reason = "the tests of commands use the rest of it")]
mod workshop;

use cluster::{Cluster, are_distinct, patiently};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use workshop::{SWEEP, Workshop};

/// A command of the program in a workshop, with its own cache, on a cluster.
pub(crate) fn on(cluster: &Cluster, shop: &Workshop, args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("isoflop"))
        .args(args)
        .current_dir(shop.path(""))
        .env("ISOFLOP_CACHE", shop.path("cache"))
        .env("SLURM_CONF", cluster.conf())
        .output()
        .unwrap()
}

pub(crate) fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", words(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Number of runs that have neither ended nor failed, as `status` says.
pub(crate) fn open(cluster: &Cluster, shop: &Workshop) -> usize {
    let status = json(&on(cluster, shop, &["status", "results/tiny", "--json"]));
    let runs = status["runs"].as_array().unwrap();
    let is_open = |run: &&Value| matches!(run["state"].as_str(), Some("waiting" | "running"));
    runs.iter().filter(is_open).count()
}

/// Everything that must be equal between repeats.
pub(crate) fn rows(shop: &Workshop) -> Vec<String> {
    shop.rows().iter().map(|row| format!("{:?}", workshop::reproducible(row))).collect()
}

/// A workshop in which a sweep was run on this machine, undisturbed.
pub(crate) fn undisturbed(sweep: &str) -> Workshop {
    let shop = Workshop::new(sweep);
    let command = shop.isoflop().args(["run", "sweep.toml", "--jobs", "2"]).assert();
    command.success();
    shop
}

#[test]
#[ignore = "needs slurm"]
fn a_sweep_is_submitted_trained_and_asked_after_and_again_submits_nothing() {
    let cluster = Cluster::start(4, &[]);
    let shop = Workshop::new(SWEEP);
    let dry = on(&cluster, &shop, &["submit", "sweep.toml", "--dry-run", "--cpus-per-job", "2"]);
    let text = words(&dry);
    assert!(dry.status.success(), "{text}");
    for part in
        ["#SBATCH --signal=B:USR1@120", "--requeue", "core-minutes", "trunks spare", "end: "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!shop.path("results").exists() && cluster.jobs("all").is_empty());

    let args = ["submit", "sweep.toml", "--cpus-per-job", "2", "--partition", "low", "--json"];
    let first = json(&on(&cluster, &shop, &args));
    assert_eq!((first["open"].as_u64(), first["submitted"].as_u64()), (Some(6), Some(1)));
    assert_eq!(first["nodes"]["cpus"], 4, "a node has measured its speed");
    // Somebody submits the same at the same time: what is missing is nothing.
    let second = json(&on(&cluster, &shop, &args));
    assert!(second["submitted"] == 0 || second["open"] == 0, "{second}");
    patiently(120, "the sweep ends", || open(&cluster, &shop) == 0);
    patiently(20, "the pilot leaves", || cluster.jobs("running").is_empty());
    let third = on(&cluster, &shop, &["submit", "sweep.toml"]);
    assert!(third.status.success() && words(&third).contains("nothing to submit: all 6 runs"));

    assert_eq!(rows(&shop), rows(&undisturbed(SWEEP)));
    let status = words(&on(&cluster, &shop, &["status", "results/tiny"]));
    assert!(status.contains("6 of 6 ended"), "{status}");
    let run = shop.rows()[0].run_id.clone();
    let log = words(&on(&cluster, &shop, &["logs", "results/tiny", &run]));
    assert!(log.contains(", job ") && log.contains("finished, test loss"), "{log}");
}

#[test]
#[ignore = "needs slurm"]
fn what_slurm_refuses_is_told_in_its_own_words_with_what_to_do() {
    let cluster = Cluster::start(4, &[("SLURM_LOCAL_MAX_ARRAY", "3")]);
    let shop = Workshop::new(&SWEEP.replace("[\"4e8\", \"8e8\"]", "[\"4e9\", \"8e9\"]"));
    let refused = |args: &[&str], parts: &[&str]| {
        let output = on(&cluster, &shop, &[&["submit", "sweep.toml"], args].concat());
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    };
    refused(&["--partition", "nope"], &["no partition `nope`", "low, high", "--partition"]);
    refused(&["--time", "3d"], &["partition low", "8h", "hint: give --time 8h or less"]);
    refused(&["--sbatch-arg=--gres=gpu:7"], &["sbatch refuses: ", "generic resource", "hint: "]);
    refused(&["--sbatch-arg=--mem=9T"], &["Memory specification can not be satisfied", "hint: "]);
    assert!(cluster.jobs("running,pending").is_empty());
}

#[test]
#[ignore = "needs slurm"]
fn arrays_are_no_longer_than_the_site_allows_and_cancel_takes_all_back() {
    let cluster = Cluster::start(2, &[("SLURM_LOCAL_MAX_ARRAY", "3")]);
    let shop = Workshop::new(&SWEEP.replace("[\"4e8\", \"8e8\"]", "[\"6e9\", \"8e9\"]"));
    let args = ["--time", "1min", "--cpus-per-job", "1", "--json"];
    let submitted = json(&on(&cluster, &shop, &[&["submit", "sweep.toml"][..], &args].concat()));
    let arrays: Vec<u64> =
        submitted["arrays"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert!(arrays.iter().all(|tasks| *tasks <= 3), "{arrays:?}");
    let jobs = cluster.jobs("all");
    assert_eq!(jobs.len() as u64, arrays.iter().sum::<u64>() + 1, "one has measured");
    assert!(are_distinct(&jobs));
    patiently(30, "a run has begun", || {
        fs::read_dir(shop.path("results/tiny/leases")).unwrap().flatten().count() > 1
    });
    // What was asked for is written anew from what Slurm knows.
    fs::rename(shop.path("results/tiny/slurm"), shop.path("lost")).unwrap();
    let status = words(&on(&cluster, &shop, &["status", "results/tiny"]));
    assert!(status.contains("on nodes"), "{status}");
    assert!(Path::new(&shop.path("results/tiny/slurm/pilot.sbatch")).exists());

    let cancelled = on(&cluster, &shop, &["cancel", "results/tiny"]);
    assert!(words(&cancelled).contains("taken back"), "{}", words(&cancelled));
    patiently(30, "nobody is left", || {
        ["running", "pending", "completing"].iter().all(|state| cluster.jobs(state).is_empty())
    });
    let status = words(&on(&cluster, &shop, &["status", "results/tiny"]));
    assert!(status.contains("taken back, `isoflop submit` goes on"), "{status}");
    assert!(cluster.jobs("running,pending").is_empty(), "nothing comes back by itself");
}
