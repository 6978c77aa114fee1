//! Tests of `fit` on good and bad tables.

use crate::workshop::{isoflop, stderr, stdout};
use std::fs;

fn fit_error(name: &str, content: &str, args: &[&str]) -> String {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join(name), content).unwrap();
    let assert =
        isoflop().current_dir(keep.path()).arg("fit").arg(name).args(args).assert().code(2);
    stderr(&assert)
}

#[test]
fn bad_tables_exit_with_2_and_name_line_and_value() {
    let head = "params,tokens,loss\n";
    let missing = fit_error("a.csv", "params,tokens\n1,2\n", &[]);
    assert!(missing.contains("a.csv: no column `test_loss`; it has params, tokens"), "{missing}");
    for (row, value) in [("1e6,1e7,NaN", "NaN"), ("1e6,1e7,0", "0"), ("1e6,1e7,-2", "-2")] {
        let text = fit_error("a.csv", &format!("{head}1e6,2e7,3\n{row}\n"), &[]);
        assert!(text.contains("a.csv:3: column `loss` ") && text.contains(value), "{text}");
    }
    let text = fit_error("a.csv", &format!("{head}1e6,1e7,low\n"), &[]);
    assert!(text.contains("a.csv:2: column `loss` holds `low`, not a number"), "{text}");
    let few = fit_error("a.csv", &format!("{head}1e6,1e7,3\n2e6,3e7,2.5\n"), &[]);
    assert!(few.contains("chinchilla") && few.contains("there are 2"), "{few}");
    let x = fit_error(
        "a.csv",
        &format!("{head}1e6,1e7,3\n2e6,3e7,2.5\n4e6,3e7,2.4\n"),
        &["--law", "power"],
    );
    assert!(x.contains("hint: ") && x.contains("--x"), "{x}");
    let objective = isoflop().args(["fit", "a.csv", "--objective", "hubber:1"]).assert().code(2);
    assert!(stderr(&objective).contains("hubber"), "{}", stderr(&objective));
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
        .args(["fit", "t.csv", "--n", "n", "--d", "d", "--loss", "l", "--json", "--bootstrap", "0"])
        .assert()
        .code(0);
    let fits: serde_json::Value = serde_json::from_str(&stdout(&fit)).unwrap();
    let value = |name: &str| fits["fits"][0]["parameters"][name]["value"].as_f64().unwrap();
    for (name, expected) in
        [("E", 1.7), ("A", 400.0), ("B", 410.0), ("alpha", 0.34), ("beta", 0.28)]
    {
        assert!((value(name) / expected - 1.0).abs() < 1e-4, "{name} {}", value(name));
    }
}

/// The law of Hoffmann et al. 2022 with the precision of its TeX source, as given by Besiroglu et
/// al. 2024; the rows have no noise.
fn table_of_a_known_law() -> String {
    let mut text = String::from("params,tokens,loss\n");
    for n in [1e7, 3e7, 1e8, 3e8, 1e9f64] {
        for d in [1e9, 4e9, 1.6e10, 6.4e10f64] {
            let loss = 1.6934 + 406.4 * n.powf(-0.33917) + 410.7 * d.powf(-0.28491);
            text.push_str(&format!("{n},{d},{loss}\n"));
        }
    }
    text
}

#[test]
fn a_prediction_is_the_law_and_a_wasteful_split_is_priced() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("a.csv"), table_of_a_known_law()).unwrap();
    let run = |args: &[&str]| isoflop().current_dir(keep.path()).args(args).assert();
    let fits = run(&["fit", "a.csv", "--json", "--bootstrap", "0"]).code(0);
    fs::write(keep.path().join("fits.json"), stdout(&fits)).unwrap();
    let json = |args: &[&str]| -> serde_json::Value {
        let args = [&["predict", "fits.json", "--json"], args].concat();
        serde_json::from_str(&stdout(&run(&args).code(0))).unwrap()
    };
    let answer = json(&["--params", "70B", "--tokens", "1.4T"]);
    let loss = answer["answers"][0]["predictions"][0]["estimate"]["value"].as_f64().unwrap();
    let truth = 1.6934 + 406.4 * 7e10f64.powf(-0.33917) + 410.7 * 1.4e12f64.powf(-0.28491);
    assert!((loss / truth - 1.0).abs() < 1e-5, "{loss} {truth}");
    let answer = json(&["--compute", "5.76e23", "--params", "280B"]);
    let waste = &answer["answers"][0]["misallocation"]["wasted_share"];
    // Gopher is seven times too large for its compute.
    assert!((0.4..0.8).contains(&waste.as_f64().unwrap()), "{answer}");
    for (args, message) in [
        (&["predict", "fits.json"][..], "nothing to predict"),
        (&["predict", "a.csv", "--compute", "1e20"], "a.csv: not a fits.json"),
        (&["predict", "absent.json", "--compute", "1e20"], "absent.json: "),
        (&["predict", "fits.json", "--params", "1M"], "no law in it answers this"),
    ] {
        let text = stderr(&run(args).code(2));
        assert!(text.contains(message) && text.contains("hint: "), "{text}");
    }
}

/// Cases are a draw of four values for five parameters, an unknown law, and a number that no row
/// can have.
#[test]
fn a_fits_json_that_cannot_be_is_refused_with_file_and_field() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("a.csv"), table_of_a_known_law()).unwrap();
    let run = |args: &[&str]| isoflop().current_dir(keep.path()).args(args).assert();
    let fits = stdout(&run(&["fit", "a.csv", "--json", "--bootstrap", "0"]).code(0));
    let good: serde_json::Value = serde_json::from_str(&fits).unwrap();
    type Change = fn(&mut serde_json::Value);
    let changes: [(Change, &str); 3] = [
        (
            |fit| fit["draws"] = serde_json::json!([[1.7, 400.0, 0.34, 410.0]]),
            "bad.json: fits[0].draws[0] has 4 values for 5 parameters",
        ),
        (|fit| fit["law"] = "chinchila".into(), "bad.json: fits[0].law is `chinchila`"),
        (|fit| fit["data"][3]["n"] = 0.into(), "bad.json: fits[0].data[3].n is 0;"),
    ];
    for (change, message) in changes {
        let mut bad = good.clone();
        change(&mut bad["fits"][0]);
        fs::write(keep.path().join("bad.json"), bad.to_string()).unwrap();
        for args in [&["predict", "bad.json", "--compute", "1e20"][..], &["advise", "bad.json"]] {
            let text = stderr(&run(args).code(2));
            assert!(text.contains(message) && text.contains("hint: "), "{text}");
        }
    }
}

#[test]
fn every_law_of_the_list_can_be_asked_for() {
    let list = stdout(&isoflop().args(["fit", "--list"]).assert().code(0));
    for name in [
        "power",
        "chinchilla",
        "isoflop",
        "kaplan-offset",
        "data-constrained",
        "broken-1",
        "m4",
        "critical-batch",
        "routed",
    ] {
        assert!(list.contains(name), "{list}");
    }
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("a.csv"), table_of_a_known_law()).unwrap();
    let run = |args: &[&str]| isoflop().current_dir(keep.path()).args(args).assert();
    let fit =
        run(&["fit", "a.csv", "--law", "chinchilla-pinned:1.6934", "--bootstrap", "0", "--json"]);
    let fits: serde_json::Value = serde_json::from_str(&stdout(&fit.code(0))).unwrap();
    let beta = fits["fits"][0]["parameters"]["beta"]["value"].as_f64().unwrap();
    assert!((beta - 0.28491).abs() < 1e-5, "{beta}");
    let text = stderr(&run(&["fit", "a.csv", "--law", "m3"]).code(2));
    assert!(text.contains("m3") && text.contains("--x"), "{text}");
    let text = stderr(&run(&["fit", "a.csv", "--law", "hoffman"]).code(2));
    assert!(text.contains("hoffman") && text.contains("isoflop fit --list"), "{text}");
}

#[test]
fn rows_are_filtered_and_an_unknown_value_names_those_there_are() {
    let keep = tempfile::tempdir().unwrap();
    let mut text = String::from("params,tokens,loss,corpus\n");
    for line in table_of_a_known_law().lines().skip(1) {
        text.push_str(&format!("{line},c4\n"));
    }
    text.push_str("1e8,1e9,99,other\n");
    fs::write(keep.path().join("a.csv"), text).unwrap();
    let run = |args: &[&str]| isoflop().current_dir(keep.path()).args(args).assert();
    let fit = run(&["fit", "a.csv", "--where", "corpus=c4", "--bootstrap", "0", "--json"]);
    let fits: serde_json::Value = serde_json::from_str(&stdout(&fit.code(0))).unwrap();
    assert_eq!(fits["fits"][0]["rows"], 20);
    let remarks = fits["fits"][0]["remarks"].as_array().unwrap();
    let computed = remarks.iter().find(|remark| remark["problem"] == "computed").unwrap();
    assert_eq!(computed["kind"], "warning", "{computed}");
    let text = stderr(&run(&["fit", "a.csv", "--where", "corpus=pile"]).code(2));
    assert!(text.contains("no row has corpus = pile"), "{text}");
    assert!(text.contains("holds c4, other"), "{text}");
    let text = stderr(&run(&["fit", "a.csv", "--where", "corpus"]).code(2));
    assert!(text.contains("COL=VALUE"), "{text}");
}

#[test]
fn several_laws_are_ranked_and_make_a_table_for_a_paper() {
    let keep = tempfile::tempdir().unwrap();
    let mut noisy = String::from("params,tokens,loss\n");
    for (i, line) in table_of_a_known_law().lines().skip(1).enumerate() {
        let (head, loss) = line.rsplit_once(',').unwrap();
        let off = 1.0 + 0.002 * ((i * 7 % 11) as f64 / 5.0 - 1.0);
        noisy.push_str(&format!("{head},{}\n", loss.parse::<f64>().unwrap() * off));
    }
    fs::write(keep.path().join("a.csv"), noisy).unwrap();
    let run = |args: &[&str]| isoflop().current_dir(keep.path()).args(args).assert();
    let all = ["fit", "a.csv", "--law", "all", "--bootstrap", "30", "--details"];
    let text = stdout(&run(&all).code(0));
    for part in ["held-out error", "profile", "other thresholds", "over-training"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let latex =
        ["fit", "a.csv", "--law", "chinchilla,kaplan", "--bootstrap", "30", "--table", "latex"];
    let table = stdout(&run(&latex).code(0));
    assert!(table.starts_with("\\begin{tabular}"), "{table}");
    assert!(table.contains("\\alpha") && table.contains("% - objective: sum over rows"), "{table}");
    let json = stdout(&run(&["fit", "a.csv", "--bootstrap", "60", "--json"]).code(0));
    fs::write(keep.path().join("fits.json"), json).unwrap();
    let advice = stdout(&run(&["advise", "fits.json", "--target", "beta", "--runs", "3"]).code(0));
    assert!(advice.contains("beta under chinchilla is"), "{advice}");
    assert!(advice.lines().count() >= 6, "{advice}");
    let refused = stderr(&run(&["advise", "fits.json", "--target", "gamma"]).code(2));
    assert!(refused.contains("no `gamma`") && refused.contains("hint: "), "{refused}");
    let refused = stderr(&run(&["advise", "fits.json", "--target", "n_opt"]).code(2));
    assert!(refused.contains("--compute"), "{refused}");
}

#[test]
fn rows_that_cannot_tell_a_law_are_refused_with_the_runs_to_add() {
    let one_side: String = ["1e18", "1e19", "1e20"]
        .iter()
        .flat_map(|c| (1..6).map(move |i| (c, i)))
        .map(|(c, i)| {
            let (n, budget) = (1e8 * f64::from(i), c.parse::<f64>().unwrap());
            format!("{n},{},{c},{}\n", budget / (6.0 * n), 2.0 + 0.1 * f64::from(i))
        })
        .collect();
    let text = fit_error("a.csv", &format!("params,tokens,flops_budget,loss\n{one_side}"), &[]);
    assert!(
        text.contains("one side of every minimum") && text.contains("add smaller sizes"),
        "{text}"
    );
    let one_width: String = (0..12)
        .map(|i| {
            format!("{},{},64,{}\n", 1e6 * f64::from(1 + i % 4), 1e8 * f64::from(1 + i / 4), 3.0)
        })
        .collect();
    let text = fit_error("a.csv", &format!("params,tokens,d_model,loss\n{one_width}"), &[]);
    assert!(text.contains("every model is 64 wide") && text.contains("hint: "), "{text}");
}
