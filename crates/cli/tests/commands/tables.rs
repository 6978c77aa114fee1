//! `fit` on tables, good and bad.

use crate::workshop::{isoflop, stderr, stdout};
use std::fs;

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
