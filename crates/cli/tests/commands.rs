//! The binary as a person uses it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use assert_cmd::Command;
use isoflop_results::parquet::{read_curves, read_runs};
use isoflop_results::{RunRow, Status};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A folder with a text of its own and a sweep over it that trains in seconds.
struct Workshop {
    keep: tempfile::TempDir,
}

const SWEEP: &str = r#"
name = "tiny"
question = "Does it work?"
[data]
text = "text/*.md"
context = 32
test_tokens = 2000
[model]
sizes = ["8x1x1", "16x1x1", "16x2x2"]
[plan]
isoflop = { budgets = ["4e8", "8e8"] }
[train]
batch_tokens = 256
"#;

fn isoflop() -> Command {
    Command::cargo_bin("isoflop").unwrap()
}

impl Workshop {
    fn new(sweep: &str) -> Self {
        let keep = tempfile::tempdir().unwrap();
        fs::create_dir(keep.path().join("text")).unwrap();
        for document in 0..12u64 {
            fs::write(
                keep.path().join(format!("text/{document}.md")),
                words(document, 3000),
            )
            .unwrap();
        }
        fs::write(keep.path().join("sweep.toml"), sweep).unwrap();
        Workshop { keep }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    fn isoflop(&self) -> Command {
        let mut command = isoflop();
        command.current_dir(self.keep.path());
        command
    }

    fn run(&self) -> assert_cmd::assert::Assert {
        self.isoflop().args(["run", "sweep.toml"]).assert()
    }

    fn rows(&self) -> Vec<RunRow> {
        read_runs(&self.path("results/tiny/runs.parquet")).unwrap()
    }

    /// Nothing but what the test put there.
    fn assert_nothing_written(&self) {
        let mut names: Vec<_> = fs::read_dir(self.keep.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["sweep.toml", "text"]);
    }
}

/// Text with something to learn: words of a small vocabulary, Zipf-like.
fn words(seed: u64, count: usize) -> String {
    let vocabulary = [
        "the ", "model ", "learns ", "a ", "law ", "of ", "loss ", "and ", "tokens ", "grow.\n",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count)
        .map(|_| vocabulary[(next() % 10).min(next() % 10) as usize])
        .collect()
}

fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

fn stdout(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
}

/// A row without what may differ between repeats.
fn reproducible(row: &RunRow) -> serde_json::Value {
    let mut value = serde_json::to_value(row).unwrap();
    let may_differ = ["time", "per_s", "mfu", "memory", "host", "pid", "attempt"];
    value
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !may_differ.iter().any(|part| name.contains(part)));
    value
}

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
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("isoflop"))
            .args(["run", "sweep.toml"])
            .current_dir(killed.keep.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
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

/// The processes that hold a run right now, as the folder says.
#[cfg(unix)]
fn workers(shop: &Workshop) -> Vec<u64> {
    let leases = fs::read_dir(shop.path("results/tiny/leases"))
        .into_iter()
        .flatten();
    leases
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
        .filter_map(|text| {
            serde_json::from_str::<serde_json::Value>(&text).ok()?["owner"]["pid"].as_u64()
        })
        .collect()
}

#[cfg(unix)]
#[test]
fn a_worker_that_is_killed_costs_one_attempt_and_nothing_else() {
    let shop = Workshop::new(&SWEEP.replace("\"4e8\", \"8e8\"", "\"4e8\", \"2e10\""));
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("isoflop"))
        .args(["run", "sweep.toml"])
        .current_dir(shop.keep.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let victim = loop {
        assert!(
            std::time::Instant::now() < deadline,
            "no worker claimed a run"
        );
        match workers(&shop).first() {
            Some(pid) => break *pid,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &victim.to_string()])
            .status()
            .unwrap()
            .success()
    );
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

#[test]
fn a_plan_prints_a_table_and_json_and_writes_nothing() {
    let shop = Workshop::new(SWEEP);
    let text = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    assert!(
        stdout(&text).contains("6 runs, 3.6e9 FLOPs in all"),
        "{}",
        stdout(&text)
    );
    let json = shop
        .isoflop()
        .args(["plan", "sweep.toml", "--json"])
        .assert()
        .code(0);
    let plan: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(plan["runs"].as_array().unwrap().len(), 6);
    assert_eq!(plan["kind"], "isoflop");
    shop.assert_nothing_written();
}

/// Each change to the sweep file, and what must be said about it.
#[test]
fn bad_sweep_files_exit_with_2_say_where_and_write_nothing() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "[model]",
            "[model]\nnorn = \"rms\"",
            &[
                "sweep.toml:9:1: unknown key `norn`",
                "hint: did you mean `norm`?",
            ],
        ),
        (
            "[model]",
            "[model]\nfamily = \"transformr\"",
            &[
                "sweep.toml:9:10: unknown value `transformr`",
                "did you mean `transformer`?",
            ],
        ),
        (
            "\"8x1x1\"",
            "\"20x1x3\"",
            &[
                "sweep.toml:9:10: d_model 20 does not split into 3 heads",
                "hint: d_model 18 or 21 would fit",
            ],
        ),
        (
            "\"8x1x1\"",
            "\"900B\"",
            &["sweep.toml:9:10: training", "this machine has"],
        ),
        (
            "\"4e8\"",
            "\"4e6\"",
            &["sweep.toml:11:24: budget 4e6 keeps", "a curve needs 3"],
        ),
        (
            "[plan]",
            "[plan]\ntokens_per_param = [20]",
            &["the plan has two kinds: `isoflop` and `tokens_per_param`"],
        ),
        (
            "text/*.md",
            "nowhere/*.md",
            &["sweep.toml:5:8: ", "nowhere/*.md", "hint: "],
        ),
        (
            "context = 32",
            "context = 4000000",
            &["sweep.toml:5:8: ", "4000000"],
        ),
        ("[plan]", "[plan", &["sweep.toml:10:"]),
    ];
    for (from, to, expected) in cases {
        let shop = Workshop::new(&SWEEP.replacen(from, to, 1));
        for verb in ["plan", "run"] {
            let text = stderr(&shop.isoflop().args([verb, "sweep.toml"]).assert().code(2));
            for part in *expected {
                assert!(
                    text.contains(part),
                    "{verb} after `{from}` -> `{to}`: {text}"
                );
            }
            assert!(!text.contains("panicked"), "{text}");
        }
        shop.assert_nothing_written();
    }
}

#[test]
fn an_empty_text_is_refused() {
    let shop = Workshop::new(&SWEEP.replace("text/*.md", "empty.md"));
    fs::write(shop.path("empty.md"), "").unwrap();
    let text = stderr(&shop.run().code(2));
    assert!(
        text.contains("sweep.toml:5:8: ") && text.contains("empty.md"),
        "{text}"
    );
    assert!(!shop.path("results").exists());
}

#[test]
fn results_of_another_sweep_are_not_touched() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    fs::rename(shop.path("results/tiny"), shop.path("results/other")).unwrap();
    fs::write(
        shop.path("sweep.toml"),
        SWEEP.replace("\"tiny\"", "\"other\""),
    )
    .unwrap();
    let text = stderr(&shop.run().code(2));
    assert!(
        text.contains("it holds the results of sweep `tiny`, not of `other`"),
        "{text}"
    );
    assert!(text.contains("hint: "), "{text}");
}

fn fit_error(name: &str, content: &str, args: &[&str]) -> String {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join(name), content).unwrap();
    let assert = isoflop()
        .current_dir(keep.path())
        .arg("fit")
        .arg(name)
        .args(args)
        .assert()
        .code(2);
    stderr(&assert)
}

#[test]
fn bad_tables_exit_with_2_and_name_line_and_value() {
    let head = "params,tokens,loss\n";
    let missing = fit_error("a.csv", "params,tokens\n1,2\n", &[]);
    assert!(
        missing.contains("a.csv: no column `test_loss`; it has params, tokens"),
        "{missing}"
    );
    for (row, value) in [
        ("1e6,1e7,NaN", "NaN"),
        ("1e6,1e7,0", "0"),
        ("1e6,1e7,-2", "-2"),
    ] {
        let text = fit_error("a.csv", &format!("{head}1e6,2e7,3\n{row}\n"), &[]);
        assert!(
            text.contains("a.csv") && text.contains("line 3") && text.contains(value),
            "{text}"
        );
    }
    let text = fit_error("a.csv", &format!("{head}1e6,1e7,low\n"), &[]);
    assert!(
        text.contains("a.csv:2: column `loss` holds `low`, not a number"),
        "{text}"
    );
    let few = fit_error("a.csv", &format!("{head}1e6,1e7,3\n2e6,3e7,2.5\n"), &[]);
    assert!(
        few.contains("chinchilla") && few.contains("there are 2"),
        "{few}"
    );
    let x = fit_error(
        "a.csv",
        &format!("{head}1e6,1e7,3\n2e6,3e7,2.5\n4e6,3e7,2.4\n"),
        &["--law", "power"],
    );
    assert!(x.contains("hint: ") && x.contains("--x"), "{x}");
    let objective = isoflop()
        .args(["fit", "a.csv", "--objective", "hubber:1"])
        .assert()
        .code(2);
    assert!(
        stderr(&objective).contains("hubber"),
        "{}",
        stderr(&objective)
    );
}

#[test]
fn a_csv_of_a_known_law_gives_back_the_law() {
    let keep = tempfile::tempdir().unwrap();
    let mut table = String::from("n,d,l\n");
    for n in [1e6, 3e6, 1e7, 3e7] {
        for d in [1e8, 3e8, 1e9, 3e9] {
            let loss = 1.7 + 400.0 * f64::powf(n, -0.34) + 410.0 * f64::powf(d, -0.28);
            table.push_str(&format!("{n},{d},{loss}\n"));
        }
    }
    fs::write(keep.path().join("t.csv"), table).unwrap();
    let fit = isoflop()
        .current_dir(keep.path())
        .args([
            "fit",
            "t.csv",
            "--n",
            "n",
            "--d",
            "d",
            "--loss",
            "l",
            "--json",
            "--bootstrap",
            "0",
        ])
        .assert()
        .code(0);
    let fits: serde_json::Value = serde_json::from_str(&stdout(&fit)).unwrap();
    let value = |name: &str| {
        fits["fits"][0]["parameters"][name]["value"]
            .as_f64()
            .unwrap()
    };
    for (name, expected) in [
        ("E", 1.7),
        ("A", 400.0),
        ("B", 410.0),
        ("alpha", 0.34),
        ("beta", 0.28),
    ] {
        assert!(
            (value(name) / expected - 1.0).abs() < 1e-4,
            "{name} {}",
            value(name)
        );
    }
}

#[test]
fn every_verb_has_an_example_in_its_help() {
    for verb in ["plan", "run", "status", "fit", "report", "data"] {
        let help = stdout(&isoflop().args([verb, "--help"]).assert().code(0));
        assert!(
            help.contains("Example") && help.contains(&format!("isoflop {verb} ")),
            "{help}"
        );
    }
}

#[test]
fn the_columns_are_documented() {
    let docs =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results.md"))
            .unwrap();
    for column in isoflop_results::row::COLUMNS {
        let line = format!("| `{}` |", column.name);
        let found = docs.lines().find(|row| row.starts_with(&line));
        assert!(
            found.is_some_and(|row| row.contains(column.meaning)),
            "{}",
            column.name
        );
    }
}
