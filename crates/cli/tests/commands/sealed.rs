//! Tests of `isoflop forecast` and `isoflop validate`: the chain as a reader with any SHA-256 tool checks it,
//! and the runs that score it.

use crate::workshop::{SWEEP, Workshop, isoflop, patiently, stderr, stdout};
use assert_cmd::assert::Assert;
use isoflop_core::digest::sha256;
use isoflop_results::RunRow;
use isoflop_results::parquet::read_runs;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A copy of a committed results folder, as somebody has it who cloned the repository.
fn copy_of(name: &str) -> tempfile::TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results").join(name);
    let keep = tempfile::tempdir().unwrap();
    let to = keep.path().join("results").join(name);
    fs::create_dir_all(&to).unwrap();
    for file in ["runs.parquet", "plan.json", "sweep.toml", "fits.json", "data.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    keep
}

fn run_in(folder: &Path, args: &[&str]) -> Assert {
    isoflop().current_dir(folder).args(args).assert()
}

fn json_of(assert: &Assert) -> Value {
    serde_json::from_str(&stdout(assert)).unwrap()
}

#[test]
fn forecasts_are_a_chain_that_bytes_cut_by_hand_confirm() {
    let keep = copy_of("quickstart");
    let args = ["forecast", "results/quickstart", "--compute", "1e13,3e13", "--compute", "1e14"];
    let sealed = run_in(keep.path(), &[&args[..], &["--seeds", "3", "--json"]].concat()).code(0);
    let said = json_of(&sealed);
    let path = keep.path().join("results/quickstart/forecasts.jsonl");
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'));
    let mut previous = "0".repeat(64);
    let mut count = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let value: Value = serde_json::from_slice(line).unwrap();
        assert_eq!(value["previous"], previous.as_str());
        // `,"hash":"`, 64 digits and `"}` are 75 bytes.
        let cut = line.len() - (",\"hash\":\"".len() + 64 + "\"}".len());
        assert_eq!(&line[cut..cut + 9], b",\"hash\":\"");
        assert_eq!(sha256([&line[..cut], b"}"]), value["hash"].as_str().unwrap());
        previous = sha256([line]);
        count += 1;
    }
    assert_eq!((count, &said["head"]), (3, &json!(previous)));

    // What is predicted is told with its run, and what was fitted with its digest.
    let rows = read_runs(&keep.path().join("results/quickstart/runs.parquet")).unwrap();
    let mut pairs: Vec<(String, f64)> =
        rows.iter().map(|row| (row.run_id.clone(), row.test_loss.unwrap())).collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let fitted = sha256([serde_json::to_string(&pairs).unwrap().as_bytes()]);
    let largest = rows.iter().map(|row| row.c_exact).fold(0.0, f64::max);
    let losses: Vec<f64> = rows.iter().filter_map(|row| row.test_loss).collect();
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    for (k, forecast) in said["forecasts"].as_array().unwrap().iter().enumerate() {
        let number = |name: &str| forecast[name].as_f64().unwrap();
        let compute = [1e13, 3e13, 1e14][k];
        assert_eq!((&forecast["line"], number("compute")), (&json!(k + 1), compute));
        assert!((number("reach") - compute / largest).abs() < 1e-9);
        assert!((number("c_exact") / compute - 1.0).abs() < 0.01, "whole steps of the compute");
        let [low, value, high] =
            ["low", "value", "high"].map(|end| forecast["loss"][end].as_f64().unwrap());
        assert!(low < value && value < high && value < lowest, "{forecast}");
        // The ladder's size is near N*, and the law gives it nearly the loss of the optimum.
        let n_opt = forecast["n_opt"]["value"].as_f64().unwrap();
        assert!((number("n") / n_opt).ln().abs() < 0.35, "{forecast}");
        let best = forecast["loss_opt"]["value"].as_f64().unwrap();
        assert!((value / best - 1.0).abs() < 0.02, "{forecast}");
        assert_eq!(forecast["seeds"], json!([0, 1, 2]));
        assert_eq!(forecast["run_ids"].as_array().unwrap().len(), 3);
        assert_eq!((&forecast["fitted"], &forecast["runs"]), (&json!(rows.len()), &json!(fitted)));
        assert_eq!(forecast["data_digest"], json!(rows[0].data_digest));
    }

    let check = run_in(keep.path(), &["forecast", "results/quickstart", "--check"]).code(0);
    assert!(stdout(&check).contains(&format!("3 forecasts, every line holds\nhead: {previous}")));
}

#[test]
fn a_line_that_was_changed_is_named_and_a_head_that_was_kept_shows_a_chain_sealed_anew() {
    let keep = copy_of("quickstart");
    let forecast = |compute: &str| {
        let args = ["forecast", "results/quickstart", "--compute", compute, "--json"];
        json_of(&run_in(keep.path(), &args).code(0))["head"].as_str().unwrap().to_owned()
    };
    let first = forecast("1e13");
    let second = forecast("3e13");
    let check = |head: &str| {
        run_in(keep.path(), &["forecast", "results/quickstart", "--check", "--head", head])
    };
    assert!(stdout(&check(&first).code(0)).contains("the head that was kept is that of line 1"));
    let path = keep.path().join("results/quickstart/forecasts.jsonl");
    let whole = fs::read_to_string(&path).unwrap();

    fs::write(&path, whole.replacen("\"value\":", "\"value\":1", 1)).unwrap();
    let edited = check(&second).code(2);
    let said = stderr(&edited);
    assert!(
        said.contains("results/quickstart/forecasts.jsonl:1: the chain of forecasts is broken"),
        "{said}"
    );
    assert!(said.contains("hint: "), "{said}");
    for verb in [
        &["validate", "results/quickstart"][..],
        &["forecast", "results/quickstart", "--compute", "1e14"],
    ] {
        assert!(stderr(&run_in(keep.path(), verb).code(2)).contains("forecasts.jsonl:1:"));
    }

    // A chain without its last line holds, and the head that was kept is missing from it.
    let shorter = whole.lines().next().unwrap();
    fs::write(&path, format!("{shorter}\n")).unwrap();
    run_in(keep.path(), &["forecast", "results/quickstart", "--check"]).code(0);
    let said = stderr(&check(&second).code(2));
    assert!(said.contains(&second) && said.contains("changed or removed"), "{said}");
}

#[test]
fn commands_that_seal_at_once_leave_one_whole_chain() {
    let keep = copy_of("quickstart");
    let spawn = |compute: &str| {
        std::process::Command::new(assert_cmd::cargo::cargo_bin("isoflop"))
            .args(["forecast", "results/quickstart", "--compute", compute])
            .current_dir(keep.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let children = ["1e13", "2e13", "4e13", "8e13"].map(spawn);
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let check = run_in(keep.path(), &["forecast", "results/quickstart", "--check", "--json"]);
    assert_eq!(json_of(&check.code(0))["forecasts"], 4);
}

#[test]
fn what_cannot_be_forecast_or_validated_is_refused_with_what_to_do() {
    let keep = copy_of("quickstart");
    let refused = |args: &[&str]| stderr(&run_in(keep.path(), args).code(2));
    let forecast =
        |more: &[&str]| refused(&[&["forecast", "results/quickstart"][..], more].concat());
    assert!(forecast(&[]).contains("--compute"));
    assert!(forecast(&["--compute", "1e8"]).contains("below the smallest model of the ladder"));
    assert!(forecast(&["--compute", "1e13,1.0000001e13"]).contains("are one run"));
    assert!(forecast(&["--compute", "1e13", "--law", "farce"]).contains("--law chinchilla"));
    assert!(forecast(&["--check"]).contains("no forecast is sealed in it"));
    assert!(!keep.path().join("results/quickstart/forecasts.jsonl").exists());
    let validate = ["validate", "results/quickstart"];
    assert!(refused(&validate).contains("hint: `isoflop forecast results/quickstart"));
    // Records are not in the repository: training a run more would leave a table without the others.
    let seal = ["forecast", "results/quickstart", "--compute", "1e13"];
    run_in(keep.path(), &seal).code(0);
    let before = fs::read(keep.path().join("results/quickstart/runs.parquet")).unwrap();
    let runs = read_runs(&keep.path().join("results/quickstart/runs.parquet")).unwrap().len();
    let said = format!("{runs} of {runs} runs of the sweep have no record");
    assert!(refused(&validate).contains(&said));
    let after = fs::read(keep.path().join("results/quickstart/runs.parquet")).unwrap();
    assert_eq!(before, after);
    let dense = copy_of("dense");
    let args = ["forecast", "results/dense", "--compute", "1e13"];
    let said = stderr(&run_in(dense.path(), &args).code(2));
    assert!(said.contains("--law chinchilla --series"), "{said}");
}

/// A sweep of twelve runs whose losses have a minimum over the sizes.
fn twelve_runs() -> Workshop {
    let sweep = [
        ("\"16x1x1\", ", "\"12x1x1\", \"16x1x1\", "),
        ("\"4e8\", \"8e8\"", "\"1e9\", \"2e9\", \"4e9\""),
        ("batch_tokens = 256", "batch_tokens = 64"),
    ];
    let sweep = sweep.iter().fold(SWEEP.to_owned(), |text, (from, to)| text.replace(from, to));
    let shop = Workshop::new(&sweep);
    shop.run().code(0);
    shop
}

fn in_shop(shop: &Workshop, args: &[&str]) -> Assert {
    shop.isoflop().args(args).assert()
}

fn fitted(shop: &Workshop, more: &[&str]) -> Value {
    let law = ["fit", "results/tiny", "--law", "power", "--x", "c", "--bootstrap", "0", "--json"];
    json_of(&in_shop(shop, &[&law[..], more].concat()).code(0))["fits"].clone()
}

/// The fits that are kept, those that are shown, and some made anew.
fn fits(shop: &Workshop) -> (Vec<u8>, String, Value) {
    let kept = fs::read(shop.path("results/tiny/fits.json")).unwrap();
    let shown = stdout(&in_shop(shop, &["fit", "results/tiny", "--json"]).code(0));
    (kept, shown, fitted(shop, &[]))
}

fn used(fits: &Value) -> u64 {
    fits[0]["rows"].as_u64().unwrap()
}

const SEAL: [&str; 7] =
    ["forecast", "results/tiny", "--compute", "1.2e10", "--seeds", "2", "--law=chinchilla"];

#[test]
fn a_forecast_is_validated_through_a_kill_and_no_fit_sees_its_runs() {
    let shop = twelve_runs();
    let before = fits(&shop);
    let sealed = json_of(&in_shop(&shop, &[&SEAL[..], &["--json"]].concat()).code(0));
    let id = sealed["forecasts"][0]["run_ids"][0].as_str().unwrap().to_owned();

    // A kill while the run is trained costs nothing but time.
    let mut child = shop.spawn(&["validate", "results/tiny"]);
    let lease = shop.path(&format!("results/tiny/leases/{id}.json"));
    patiently("the run is being trained", &mut child, || lease.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!shop.path(&format!("results/tiny/records/{id}.json")).exists());
    assert_eq!(shop.rows().len(), 12);
    let validated = json_of(&in_shop(&shop, &["validate", "results/tiny", "--json"]).code(0));
    let rows = shop.rows();
    assert_eq!(rows.len(), 14);
    let inside = the_score_is_that_of_the_rows(&validated["forecasts"][0], &rows);

    assert_eq!(rows.iter().filter(|row| row.role.is_some()).count(), 2);
    assert_eq!(fits(&shop), before, "no fit has changed by a bit");
    let with = ["--with-validation"];
    assert_eq!(used(&fitted(&shop, &with)), used(&before.2) + 2);
    // Columns that are named read the table, which leaves them out too.
    let named = ["--c", "c_6nd"];
    assert_eq!(used(&fitted(&shop, &named)), used(&before.2));
    assert_eq!(used(&fitted(&shop, &[&with[..], &named].concat())), used(&before.2) + 2);

    // The sweep's own command keeps them; what has been trained is no forecast any more.
    let again = shop.run().code(0);
    let said = stderr(&again);
    assert!(said.contains("nothing to train: all 14 runs are done"), "{said}");
    assert!(!said.contains("no longer in the sweep"), "{said}");
    assert_eq!(shop.rows(), rows);
    assert_eq!(fits(&shop), before);
    let drawn = fs::read_to_string(shop.path("reports/tiny/figures/sealed-forecasts.csv")).unwrap();
    assert!(drawn.contains(&id), "{drawn}");
    let points = |reports: &str| {
        fs::read_to_string(shop.path(&format!("{reports}/tiny/figures/three-panels.csv"))).unwrap()
    };
    assert!(!points("reports").contains(&id));
    let report = ["report", "results/tiny", "--with-validation", "--out", "all"];
    in_shop(&shop, &report).code(0);
    assert!(points("all").contains(&id));
    let status = stdout(&in_shop(&shop, &["status", "results/tiny"]).code(0));
    assert_eq!(status.matches("(validation)").count(), 2, "{status}");
    assert!(stderr(&in_shop(&shop, &SEAL).code(2)).contains("has been trained"));
    let check = in_shop(&shop, &["forecast", "results/tiny", "--check"]).code(0);
    assert!(stdout(&check).contains(sealed["head"].as_str().unwrap()));

    // With every run trained it scores alone, also where the records are gone.
    fs::rename(shop.path("results/tiny/records"), shop.path("aside")).unwrap();
    let scored = stdout(&in_shop(&shop, &["validate", "results/tiny"]).code(0));
    let count = format!("{inside} of 2 runs inside their 90 % intervals");
    assert!(scored.contains(&count) && scored.contains("(1 degrees of freedom)"), "{scored}");
    let ledger = json_of(&in_shop(&shop, &["validate", "--ledger", "results", "--json"]).code(0));
    let all = &ledger["ledger"]["all"];
    assert_eq!((&all["finished"], &all["inside"]), (&json!(2), &json!(inside)));
    let text = stdout(&in_shop(&shop, &["validate", "--ledger", "results"]).code(0));
    assert!(text.contains(&format!("90 % intervals held {inside} of 2 runs")), "{text}");
}

/// Checks every run of a score against its row; the number of runs inside the interval.
fn the_score_is_that_of_the_rows(score: &Value, rows: &[RunRow]) -> usize {
    let mut count = 0;
    for run in score["runs"].as_array().unwrap() {
        let row = rows.iter().find(|row| run["run_id"] == row.run_id.as_str()).unwrap();
        assert_eq!(row.role.as_deref(), Some("validation"));
        let loss = row.test_loss.unwrap();
        let [low, value, high] =
            ["low", "value", "high"].map(|end| score["forecast"]["loss"][end].as_f64().unwrap());
        assert_eq!(run["measured"], loss);
        assert!((run["error"].as_f64().unwrap() - (value / loss - 1.0)).abs() < 1e-12);
        assert_eq!(run["inside"], low <= loss && loss <= high);
        assert!(run["in_noises"].is_number(), "two seeds tell the noise between seeds");
        count += usize::from(run["inside"] == true);
    }
    count
}
