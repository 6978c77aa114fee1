//! Tests of good and bad sweep files.

use crate::workshop::{SWEEP, Workshop, stderr, stdout};
use std::fs;

#[test]
fn a_plan_prints_a_table_and_json_and_writes_nothing() {
    let shop = Workshop::new(SWEEP);
    let text = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    assert!(
        stdout(&text)
            .contains(" FLOPs in all, shared trunks counted once; 3.6e9 if every run began anew"),
        "{}",
        stdout(&text)
    );
    let json = shop.isoflop().args(["plan", "sweep.toml", "--json"]).assert().code(0);
    let plan: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(plan["runs"].as_array().unwrap().len(), 6);
    assert_eq!(plan["kind"], "isoflop");
    shop.assert_nothing_written();
}

#[test]
fn a_plan_counts_and_prices_the_products_of_muon() {
    let axes = "[axes]\n\"train.optimizer\" = [\"adamw\", \"muon\"]\n";
    let shop = Workshop::new(&format!("{SWEEP}{axes}"));
    let text = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    assert!(stdout(&text).contains("C optimizer"), "{}", stdout(&text));
    let json = shop.isoflop().args(["plan", "sweep.toml", "--json"]).assert().code(0);
    let plan: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    for run in plan["runs"].as_array().unwrap() {
        let number = |name: &str| run[name].as_f64().unwrap();
        let block = match run["optimizer"].as_str().unwrap() {
            "muon" => 300.0 * number("d_model").powi(3),
            _ => 0.0,
        };
        assert_eq!(number("flops_optimizer"), block * number("n_layers") * number("steps"));
    }
    // Each size is timed with each optimizer.
    let known = |of: &str| plan["speeds"][of].as_u64().unwrap();
    assert_eq!(known("measured") + known("learned"), 6, "{}", plan["speeds"]);
}

/// Each case is a change to the sweep file with the messages that it must lead to.
#[test]
fn bad_sweep_files_exit_with_2_say_where_and_write_nothing() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "[model]",
            "[model]\nnorn = \"rms\"",
            &["sweep.toml:9:1: unknown key `norn`", "hint: did you mean `norm`?"],
        ),
        (
            "[model]",
            "[model]\nfamily = \"transformr\"",
            &["sweep.toml:9:10: unknown value `transformr`", "did you mean `transformer`?"],
        ),
        (
            "\"8x1x1\"",
            "\"20x1x3\"",
            &[
                "sweep.toml:9:10: d_model 20 does not split into 3 heads",
                "hint: d_model 18 or 21 would fit",
            ],
        ),
        ("\"8x1x1\"", "\"900B\"", &["sweep.toml:9:10: training", "this machine has"]),
        ("\"4e8\"", "\"4e6\"", &["sweep.toml:11:24: budget 4e6 keeps", "a curve needs 3"]),
        (
            "[plan]",
            "[plan]\ntokens_per_param = [20]",
            &["the plan has two kinds: `isoflop` and `tokens_per_param`"],
        ),
        ("text/*.md", "nowhere/*.md", &["sweep.toml:5:8: ", "nowhere/*.md", "hint: "]),
        ("context = 32", "context = 4000000", &["sweep.toml:5:8: ", "4000000"]),
        ("[plan]", "[plan", &["sweep.toml:10:"]),
    ];
    for (from, to, expected) in cases {
        let shop = Workshop::new(&SWEEP.replacen(from, to, 1));
        for verb in ["plan", "run"] {
            let text = stderr(&shop.isoflop().args([verb, "sweep.toml"]).assert().code(2));
            for part in *expected {
                assert!(text.contains(part), "{verb} after `{from}` -> `{to}`: {text}");
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
    assert!(text.contains("sweep.toml:5:8: ") && text.contains("empty.md"), "{text}");
    assert!(!shop.path("results").exists());
}

#[test]
fn results_of_another_sweep_are_not_touched() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    fs::rename(shop.path("results/tiny"), shop.path("results/other")).unwrap();
    fs::write(shop.path("sweep.toml"), SWEEP.replace("\"tiny\"", "\"other\"")).unwrap();
    let text = stderr(&shop.run().code(2));
    assert!(text.contains("it holds the results of sweep `tiny`, not of `other`"), "{text}");
    assert!(text.contains("hint: "), "{text}");
}
