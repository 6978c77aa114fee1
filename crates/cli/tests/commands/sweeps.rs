//! Sweeps from file to report, killed, stopped and resumed.

use crate::workshop::{SWEEP, Workshop, reproducible, stderr, stdout};
use isoflop_results::Status;
use isoflop_results::parquet::read_curves;
use std::fs;
use std::time::Duration;

#[test]
fn a_sweep_runs_from_file_to_report_and_again_trains_nothing() {
    let shop = Workshop::new(SWEEP);
    let first = shop.run().code(0);
    assert!(stdout(&first).contains("isoFLOP"), "{}", stdout(&first));
    let rows = shop.rows();
    assert_eq!(rows.len(), 6);
    for row in &rows {
        assert_eq!(row.status, Status::Finished);
        // Uniform guessing is ln 256 = 5.55; the text has ten words.
        assert!(
            row.test_loss.unwrap() < 4.5,
            "{}: {:?}",
            row.run_id,
            row.test_loss
        );
        assert!(row.test_bpb.unwrap() > row.test_loss.unwrap());
    }
    let curves = read_curves(&shop.path("results/tiny/curves.parquet")).unwrap();
    assert_eq!(curves.len(), 6);
    assert!(curves.iter().all(|curve| curve.points.len() >= 10));
    for file in [
        "index.html",
        "figures/three-panels.svg",
        "figures/three-panels.png",
        "figures/three-panels.csv",
    ] {
        assert!(
            fs::metadata(shop.path("reports/tiny").join(file))
                .unwrap()
                .len()
                > 500,
            "{file}"
        );
    }
    let before = fs::metadata(shop.path("results/tiny/records"))
        .unwrap()
        .modified()
        .unwrap();
    let second = shop.run().code(0);
    assert!(
        stderr(&second).contains("nothing to train: all 6 runs are done"),
        "{}",
        stderr(&second)
    );
    assert_eq!(
        fs::metadata(shop.path("results/tiny/records"))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );

    let status = shop
        .isoflop()
        .args(["status", "results/tiny"])
        .assert()
        .code(0);
    assert!(
        stdout(&status).contains("6 of 6 ended, 0 running, 0 waiting"),
        "{}",
        stdout(&status)
    );
    let fit = shop
        .isoflop()
        .args(["fit", "results/tiny", "--json", "--bootstrap", "0"])
        .assert()
        .code(0);
    let fits: serde_json::Value = serde_json::from_str(&stdout(&fit)).unwrap();
    assert_eq!(fits["isoflop"][0]["budgets"].as_array().unwrap().len(), 2);
}

#[test]
fn a_sweep_killed_at_any_instant_ends_as_if_it_had_not_been() {
    let undisturbed = Workshop::new(SWEEP);
    undisturbed.run().code(0);
    let killed = Workshop::new(SWEEP);
    for wait in [150, 400, 700, 1100] {
        let mut child = killed.start();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    killed.run().code(0);
    let rows = |shop: &Workshop| shop.rows().iter().map(reproducible).collect::<Vec<_>>();
    assert_eq!(rows(&killed), rows(&undisturbed));
    let curves = |shop: &Workshop| read_curves(&shop.path("results/tiny/curves.parquet")).unwrap();
    assert_eq!(curves(&killed), curves(&undisturbed));
}

/// The processes that hold a run without a record right now, as the folder says.
#[cfg(unix)]
fn workers(shop: &Workshop) -> Vec<u64> {
    let leases = fs::read_dir(shop.path("results/tiny/leases"))
        .into_iter()
        .flatten();
    leases
        .filter_map(|entry| entry.ok())
        // A lease being written has another ending and does not hold the run yet.
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "json")
        })
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .filter_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .filter(|lease| {
            let record = format!(
                "results/tiny/records/{}.json",
                lease["run_id"].as_str().unwrap()
            );
            !shop.path(&record).exists()
        })
        .filter_map(|lease| lease["owner"]["pid"].as_u64())
        .collect()
}

#[cfg(unix)]
fn signal(pid: u64, name: &str) {
    let sent = std::process::Command::new("kill")
        .args([name, &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_worker_that_is_killed_costs_one_attempt_and_nothing_else() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"4e9\", \"8e9\""));
    let mut child = shop.start();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    // Stopped before it is looked at again: else it may end its run before the kill arrives.
    loop {
        assert!(
            std::time::Instant::now() < deadline,
            "no worker claimed a run"
        );
        let Some(victim) = workers(&shop).first().copied() else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        signal(victim, "-STOP");
        let holds = workers(&shop).contains(&victim);
        signal(victim, if holds { "-KILL" } else { "-CONT" });
        if holds {
            break;
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rows = shop.rows();
    assert!(rows.iter().all(|row| row.status == Status::Finished));
    assert_eq!(rows.iter().filter(|row| row.attempt == 2).count(), 1);
    assert_eq!(workers(&shop), [0u64; 0]);
}

#[test]
fn a_run_that_diverges_is_a_row_and_the_exit_code_is_zero() {
    let shop = Workshop::new(&SWEEP.replace("[train]", "[train]\nlearning_rate = 1e6"));
    let run = shop.run().code(0);
    assert!(
        shop.rows()
            .iter()
            .all(|row| row.status == Status::Diverged && row.test_loss.is_none())
    );
    assert!(stderr(&run).contains("6 diverged"), "{}", stderr(&run));
}
