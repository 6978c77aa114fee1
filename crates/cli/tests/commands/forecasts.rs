//! Tests of `isoflop predict`, and of the held-out lines of `isoflop fit`, on isoFLOP sweeps whose
//! law is known.

use crate::workshop::{isoflop, stderr, stdout};
use std::fs;
use std::path::Path;

/// Five budgets of seven sizes each under Hoffmann's law, without noise.
fn isoflop_table() -> String {
    let mut text = String::from("params,tokens,flops_budget,loss\n");
    for k in 0..5 {
        let c = 1e17 * 3f64.powi(k);
        let middle = 0.6 * (c / 120.0).sqrt();
        for step in -3..=3 {
            let n = middle * 2f64.powi(step);
            let d = c / (6.0 * n);
            let loss = 1.6934 + 406.4 * n.powf(-0.33917) + 410.7 * d.powf(-0.28491);
            text.push_str(&format!("{n},{d},{c},{loss}\n"));
        }
    }
    text
}

/// Writes the table, fits the laws of Chinchilla and Kaplan to it, and returns what `fit` printed.
fn fitted(folder: &Path) -> String {
    fs::write(folder.join("a.csv"), isoflop_table()).unwrap();
    let fit = |more: &[&str]| {
        let args = ["fit", "a.csv", "--law", "chinchilla,kaplan", "--bootstrap", "40"];
        let run = isoflop().current_dir(folder).args(args).args(more).assert();
        stdout(&run.code(0))
    };
    fs::write(folder.join("fits.json"), fit(&["--json"])).unwrap();
    fit(&["--details"])
}

#[test]
fn predictions_name_the_best_law_the_minima_and_how_far_they_reach() {
    let keep = tempfile::tempdir().unwrap();
    let text = fitted(keep.path());
    let reason = "best on held-out rows: rms 0.00 % against";
    assert!(text.contains(reason), "{text}");
    let predict = |c: &str| {
        let args = ["predict", "fits.json", "--compute", c];
        let run = isoflop().current_dir(keep.path()).args(args).assert();
        stdout(&run.code(0))
    };
    // 1e20 FLOPs are twelve times the largest budget, which is within the reach of the windows.
    let near = predict("1e20");
    for part in [
        &format!("* chinchilla: {reason}"),
        "isoflop       N*",
        "isoflop       D*",
        "note: C is 12 times the largest fitted compute; rows held out reach 27 times",
        " in fits.json, under `remarks`",
    ] {
        assert!(near.contains(part), "{part}: {near}");
    }
    let far = predict("3.3e26");
    assert!(
        far.contains("warning: C is 41,000,000 times the largest fitted compute")
            && far.contains("a guess"),
        "{far}"
    );
    let inside = predict("1e18");
    assert!(!inside.contains("the largest fitted compute"), "{inside}");
    // Warnings of the fits are in fits.json and not repeated with a prediction.
    let fits: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(keep.path().join("fits.json")).unwrap()).unwrap();
    let remarks = fits["fits"][0]["remarks"].as_array().unwrap();
    let warning = remarks.iter().find(|remark| remark["kind"] == "warning").unwrap();
    let warning = warning["text"].as_str().unwrap();
    assert!(text.contains(warning) && !near.contains(warning), "{near}");
}

#[test]
fn a_law_that_errs_one_way_in_every_window_is_told_so_in_one_sentence() {
    let keep = tempfile::tempdir().unwrap();
    let text = fitted(keep.path());
    let verdict = "the law predicts too high in 3 of 3 windows, by ";
    assert_eq!(text.matches(verdict).count(), 1, "{text}");
    assert!(text.contains("this law does not hold here"), "{text}");
    // There is one table per law.
    assert_eq!(text.matches("held out: fitted on").count(), 2, "{text}");
    let fits: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(keep.path().join("fits.json")).unwrap()).unwrap();
    assert!(fits["fits"][0]["validation"]["misfit"].is_null());
    let misfit = &fits["fits"][1]["validation"]["misfit"];
    assert_eq!(misfit["too_high"], true, "{misfit}");
    assert!(misfit["sentence"].as_str().unwrap().starts_with(verdict));
    let args = ["predict", "fits.json", "--compute", "1e20"];
    let run = isoflop().current_dir(keep.path()).args(args).assert();
    assert!(stdout(&run.code(0)).contains(&format!("warning: kaplan: {verdict}")));
}

#[test]
fn auto_says_which_law_forecasts_and_why() {
    let keep = tempfile::tempdir().unwrap();
    fitted(keep.path());
    let run = |more: &[&str]| {
        let args = [&["fit", "a.csv", "--auto", "--bootstrap", "20"], more].concat();
        isoflop().current_dir(keep.path()).args(args).assert()
    };
    let json: serde_json::Value = serde_json::from_str(&stdout(&run(&["--json"]).code(0))).unwrap();
    let choice = &json["choices"][0];
    let law = choice["law"].as_str().unwrap();
    assert_eq!(json["fits"].as_array().unwrap().len(), 1);
    assert_eq!(json["fits"][0]["law"], law);
    let candidates = choice["candidates"].as_array().unwrap();
    let shares: f64 = candidates.iter().map(|c| c["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{choice}");
    let brief = stdout(&run(&[]).code(0));
    let reason = choice["reason"].as_str().unwrap();
    assert!(brief.contains(&format!("chosen: {law}, {reason}")), "{brief}");
    let details = stdout(&run(&["--details"]).code(0));
    for candidate in ["kaplan", "chinchilla-tied", "q-family", "coupled"] {
        assert!(details.contains(&format!("  {candidate} ")), "{details}");
    }
    let both = run(&["--law", "kaplan"]).code(2);
    assert!(stderr(&both).contains("--auto"), "{}", stderr(&both));
}
