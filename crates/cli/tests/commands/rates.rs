//! Tests of `isoflop fit --law rate` and `isoflop check transfer` as a person meets them.

use crate::workshop::{SWEEP, Workshop, isoflop, stderr, stdout};
use serde_json::Value;
use std::fs;

fn quickstart() -> String {
    format!("{}/../../results/quickstart", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_sweep_over_rates_says_what_it_does_not_identify() {
    let (head, _) = SWEEP.split_once("[model]").unwrap();
    let sweep = format!(
        "{head}[model]\nsizes = [\"8x1x1\", \"12x1x1\", \"16x1x1\"]\n[plan]\ngrid = {{ tokens = [\"24k\"] }}\n\
         [train]\nbatch_tokens = 256\n[axes]\n\"train.learning_rate\" = [0.0005, 0.004, 0.03, 0.2]\n"
    );
    let shop = Workshop::new(&sweep);
    shop.run().code(0);
    let json = stdout(
        &shop.isoflop().args(["fit", "results/tiny", "--law", "rate", "--json"]).assert().code(0),
    );
    let json: Value = serde_json::from_str(&json).unwrap();
    let rates = &json["rates"][0];
    assert_eq!((rates["rows"].as_u64(), rates["cells"].as_array().unwrap().len()), (Some(12), 3));
    let cell = &rates["cells"][0];
    assert_eq!(
        (cell["batch"].as_f64(), cell["losses"].as_array().unwrap().len()),
        (Some(256.0), 4)
    );
    assert!(
        cell["best"].is_object() != cell["edge"].is_string(),
        "a best rate, or the end that it lies beyond: {cell}"
    );
    // The rule's rate of .006 and more lies between these rates.
    assert!(cell["rule_cost"].as_f64().unwrap().abs() < 1.0, "{cell}");
    let text = stdout(
        &shop
            .isoflop()
            .args(["fit", "results/tiny", "--law", "rate", "--details"])
            .assert()
            .code(0),
    );
    assert!(
        text.contains("best learning rate") && text.contains("the rule of `auto` costs"),
        "{text}"
    );
    assert!(text.contains("best batch: not identified, it needs three batches"), "{text}");
    if rates["rate"].is_object() {
        assert!(text.contains("not identified: b: best settings lie inside"), "{text}");
        assert!(text.contains("none of these rules was fitted below 60M parameters"), "{text}");
    }
    // The fits that `run` left hold the same, and so does the page.
    let kept: Value =
        serde_json::from_slice(&fs::read(shop.path("results/tiny/fits.json")).unwrap()).unwrap();
    assert_eq!(kept["rates"][0], *rates);
}

#[test]
fn what_the_law_of_rates_cannot_take_is_refused_with_a_hint() {
    let refused = |args: &[&str]| stderr(&isoflop().args(args).assert().code(2));
    let folder = quickstart();
    let said = refused(&["fit", &folder, "--law", "rate"]);
    assert!(said.contains("needs three rates") && said.contains("these runs have 1"), "{said}");
    assert!(said.contains("\"train.learning_rate\" = ["), "{said}");
    let said = refused(&["fit", &folder, "--law", "rate", "--objective", "mse"]);
    assert!(said.contains("--objective has no meaning for the law of learning rates"), "{said}");
    let keep = tempfile::tempdir().unwrap();
    let table = keep.path().join("runs.csv");
    fs::write(&table, "n,d,loss\n1000,2000,3.1\n2000,4000,2.9\n4000,9000,2.7\n").unwrap();
    let said = refused(&["fit", table.to_str().unwrap(), "--law", "rate"]);
    assert!(said.contains("needs results folders"), "{said}");
    for (args, what) in [
        (["--size", "16"], "`16` is no shape"),
        (["--size", "16x3x1"], "3 layers cannot be halved"),
        (["--seeds", "1"], "--seeds must be 2 or more"),
        (["--multiples", "1,2"], "--multiples needs four"),
        (["--directions", "width"], "the directions are depth, batch, duration"),
    ] {
        let said = refused(&["check", "transfer", args[0], args[1]]);
        assert!(said.contains(what), "{said}");
    }
}
