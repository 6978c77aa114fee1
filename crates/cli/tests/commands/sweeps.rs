//! Tests of sweeps from file to report, including killed, stopped and resumed ones.

use crate::workshop::{Cells, SWEEP, Workshop, patiently, reproducible, stderr, stdout};
use isoflop_results::Status;
use isoflop_results::parquet::read_curves;
use std::fs;
use std::time::Duration;

#[test]
fn a_sweep_runs_from_file_to_report_and_again_trains_nothing() {
    let shop = Workshop::new(SWEEP);
    let first = shop.run().code(0);
    assert!(stdout(&first).contains("laws: "), "{}", stdout(&first));
    let rows = shop.rows();
    assert_eq!(rows.len(), 6);
    for row in &rows {
        assert_eq!(row.status, Status::Finished);
        // Uniform guessing has a loss of ln 256 = 5.55, and the text has only ten words.
        assert!(row.test_loss.unwrap() < 4.5, "{}: {:?}", row.run_id, row.test_loss);
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
        assert!(fs::metadata(shop.path("reports/tiny").join(file)).unwrap().len() > 500, "{file}");
    }
    let before = fs::metadata(shop.path("results/tiny/records")).unwrap().modified().unwrap();
    let second = shop.run().code(0);
    assert!(
        stderr(&second).contains("nothing to train: all 6 runs are done"),
        "{}",
        stderr(&second)
    );
    assert_eq!(
        fs::metadata(shop.path("results/tiny/records")).unwrap().modified().unwrap(),
        before
    );

    let status = shop.isoflop().args(["status", "results/tiny"]).assert().code(0);
    assert!(stdout(&status).contains("6 of 6 ended, 0 running, 0 waiting"), "{}", stdout(&status));
    let fit =
        shop.isoflop().args(["fit", "results/tiny", "--json", "--bootstrap", "0"]).assert().code(0);
    let fits: serde_json::Value = serde_json::from_str(&stdout(&fit)).unwrap();
    assert_eq!(fits["isoflop"][0]["budgets"].as_array().unwrap().len(), 2);
    // If nothing else is asked for, every command shows the numbers that `run` left.
    let mut fit = shop.isoflop();
    let fit = fit.args(["fit", "results/tiny", "--json"]).assert().code(0);
    let shown: serde_json::Value = serde_json::from_str(&stdout(&fit)).unwrap();
    let kept = fs::read(shop.path("results/tiny/fits.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    for part in ["fits", "isoflop", "approaches", "sources"] {
        assert_eq!(shown[part], kept[part], "{part}");
    }
    let source = &kept["sources"][0];
    assert_eq!((&source["file"], &source["used"]), (&"runs.parquet".into(), &6.into()));
    assert_eq!(source["sha256"].as_str().unwrap().len(), 64);
}

/// Everything that must be equal between repeats: rows without their times, and curves.
fn reproducible_part(shop: &Workshop) -> (Vec<Cells>, Vec<isoflop_results::Curve>) {
    let rows = shop.rows().iter().map(reproducible).collect();
    let curves = read_curves(&shop.path("results/tiny/curves.parquet")).unwrap();
    (rows, curves)
}

#[test]
fn branches_of_a_trunk_end_like_runs_of_their_own_to_the_last_bit() {
    let sweep = format!("{SWEEP}[axes]\n\"train.optimizer\" = [\"adamw\", \"muon\", \"sgd\"]\n");
    let shared = Workshop::new(&sweep);
    shared.run().code(0);
    let alone = Workshop::new(&sweep.replace("[train]", "[train]\ntrunks = false"));
    alone.run().code(0);
    let (mut rows, curves) = reproducible_part(&shared);
    assert_eq!(rows.len(), 18);
    let (mut rows_alone, curves_alone) = reproducible_part(&alone);
    for row in rows.iter_mut().chain(&mut rows_alone) {
        // The FLOPs spent on a branch must differ, since saving them is the purpose of trunks.
        row.retain(|(name, _)| *name != "flops_spent");
    }
    assert_eq!(rows, rows_alone);
    assert_eq!(curves, curves_alone);
    let spent = |shop: &Workshop| shop.rows().iter().map(|row| row.flops_spent).sum::<f64>();
    assert!(spent(&shared) < 0.3 * spent(&alone));
}

/// Process ids of the workers that hold a run without a record, according to the folder.
#[cfg(unix)]
fn workers(shop: &Workshop) -> Vec<u64> {
    let leases = fs::read_dir(shop.path("results/tiny/leases")).into_iter().flatten();
    leases
        .filter_map(|entry| entry.ok())
        // A lease that is still being written has another ending and does not hold the run yet.
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json"))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .filter_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .filter(|lease| {
            let record = format!("results/tiny/records/{}.json", lease["run_id"].as_str().unwrap());
            !shop.path(&record).exists()
        })
        .filter_map(|lease| lease["owner"]["pid"].as_u64())
        .collect()
}

#[cfg(unix)]
fn signal(pid: u64, name: &str) {
    // Signalling fails if the process has just ended, which is just as good.
    let sent = std::process::Command::new("kill")
        .args([name, &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
    sent.unwrap();
}

#[cfg(unix)]
#[test]
fn a_worker_that_is_killed_costs_one_attempt_and_nothing_else() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"4e9\", \"8e9\""));
    let mut child = shop.start();
    patiently("a worker is killed over its run", &mut child, || {
        let Some(victim) = workers(&shop).first().copied() else {
            return false;
        };
        // The worker is stopped before it is looked at again, since it might end its run before the
        // kill arrives.
        signal(victim, "-STOP");
        let holds = workers(&shop).contains(&victim);
        signal(victim, if holds { "-KILL" } else { "-CONT" });
        holds
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rows = shop.rows();
    assert!(rows.iter().all(|row| row.status == Status::Finished));
    assert_eq!(rows.iter().filter(|row| row.attempt == 2).count(), 1);
    assert_eq!(workers(&shop), [0u64; 0]);
}

/// Number of times that a run resumed from a kept state, according to the logs of the runs.
#[cfg(unix)]
fn gone_on(shop: &Workshop) -> usize {
    let logs = fs::read_dir(shop.path("results/tiny/logs")).unwrap();
    let texts = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
    texts.map(|text| text.matches("going on from step").count()).sum()
}

#[cfg(unix)]
#[test]
fn a_stopped_sweep_keeps_where_it_was_and_goes_on_from_there() {
    // The sweep has no trunks, since their branches resume from states even if nothing is
    // disturbed.
    let sweep = SWEEP.replace("\"4e8\", \"8e8\"", "\"4e9\", \"4e10\"");
    let sweep = sweep.replace("[train]", "[train]\ntrunks = false");
    let undisturbed = Workshop::new(&sweep);
    undisturbed.run().code(0);
    assert_eq!(gone_on(&undisturbed), 0);
    let shop = Workshop::new(&sweep);
    for name in ["-INT", "-TERM"] {
        let mut child = shop.start();
        patiently("a worker holds a run", &mut child, || !workers(&shop).is_empty());
        std::thread::sleep(Duration::from_millis(100));
        signal(u64::from(child.id()), name);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{name}: {status}");
        assert_eq!(workers(&shop), [0u64; 0]);
    }
    shop.run().code(0);
    assert!(gone_on(&shop) > 0, "no run went on from a state");
    assert_eq!(reproducible_part(&shop), reproducible_part(&undisturbed));
}

#[cfg(unix)]
#[test]
fn two_commands_and_three_workers_at_once_train_each_run_once() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"4e8\", \"1e9\""));
    let mut first = shop.start();
    let plan = shop.path("results/tiny/plan.json");
    patiently("the folder has a plan", &mut first, || plan.exists());
    let second = shop.start();
    let workers: Vec<_> = (0..3).map(|_| shop.spawn(&["worker", "results/tiny"])).collect();
    for mut child in [first, second].into_iter().chain(workers) {
        assert!(child.wait().unwrap().success());
    }
    let rows = shop.rows();
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row.status == Status::Finished && row.attempt == 1));
    for row in &rows {
        let log = fs::read_to_string(shop.path(&format!("results/tiny/logs/{}.log", row.run_id)));
        assert_eq!(log.unwrap().matches("finished, test loss").count(), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_worker_that_sleeps_past_its_lease_and_wakes_does_no_harm() {
    let sweep = SWEEP.replace("\"4e8\", \"8e8\"", "\"4e9\", \"8e9\"");
    let undisturbed = Workshop::new(&sweep);
    undisturbed.run().code(0);
    let shop = Workshop::new(&sweep);
    let mut run = shop.spawn(&["run", "sweep.toml", "--jobs", "1"]);
    let mut sleeper = 0;
    patiently("a worker sleeps over its run", &mut run, || {
        // The worker is stopped well after its claim, when it trains.
        let Some(pid) = workers(&shop).first().copied() else {
            return false;
        };
        std::thread::sleep(Duration::from_millis(100));
        signal(pid, "-STOP");
        let holds = workers(&shop).contains(&pid);
        if !holds {
            signal(pid, "-CONT");
        }
        sleeper = pid;
        holds
    });
    let lease = fs::read_dir(shop.path("results/tiny/leases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "json"))
        .unwrap();
    let run_id = lease.file_stem().unwrap().to_str().unwrap().to_owned();
    let lease: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&lease).unwrap()).unwrap();
    // A worker that has watched the lease for two minutes writes this line.
    let line = lease["line"].as_u64().unwrap() + 1;
    let ending = serde_json::json!({ "how": "expired", "by": lease["owner"], "claim": 0 });
    fs::write(shop.path(&format!("results/tiny/leases/{run_id}.{line}")), ending.to_string())
        .unwrap();
    let mut other = shop.spawn(&["worker", "results/tiny"]);
    assert!(other.wait().unwrap().success());
    signal(sleeper, "-CONT");
    assert!(run.wait().unwrap().success());
    assert_eq!(reproducible_part(&shop), reproducible_part(&undisturbed));
    let log = fs::read_to_string(shop.path(&format!("results/tiny/logs/{run_id}.log"))).unwrap();
    assert_eq!(log.matches("attempt 1, process").count(), 2, "{log}");
    assert!(shop.rows().iter().all(|row| row.pid != sleeper || row.run_id != run_id), "{log}");
}

#[test]
fn a_run_that_diverges_is_a_row_and_the_exit_code_is_zero() {
    let shop = Workshop::new(&SWEEP.replace("[train]", "[train]\nlearning_rate = 1e6"));
    let run = shop.run().code(0);
    assert!(
        shop.rows().iter().all(|row| row.status == Status::Diverged && row.test_loss.is_none())
    );
    assert!(stderr(&run).contains("6 diverged"), "{}", stderr(&run));
}
