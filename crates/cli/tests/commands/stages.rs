//! Tests of sweeps whose sizes follow their budgets, and of nights that add runs, as a person sees them.

use crate::workshop::{SWEEP, Workshop, patiently, reproducible, stderr, stdout};
use isoflop_results::RunRow;
use serde_json::Value;
use std::fs;
use std::time::Duration;

fn auto() -> String {
    let sizes = SWEEP.replace("[\"8x1x1\", \"16x1x1\", \"16x2x2\"]", "\"auto\"");
    let auto = sizes.replace("[\"4e8\", \"8e8\"]", "[\"2e9\", \"4e9\", \"8e9\"]");
    assert!(auto.contains("auto") && auto.contains("8e9"));
    auto
}

fn plan(shop: &Workshop) -> Value {
    let text = fs::read_to_string(shop.path("results/tiny/plan.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn rows(shop: &Workshop) -> Vec<RunRow> {
    let mut rows = shop.rows();
    rows.sort_by(|a, b| a.run_id.cmp(&b.run_id));
    rows
}

#[test]
fn sizes_follow_the_budgets_and_a_killed_sweep_goes_on_with_the_same_plan() {
    let shop = Workshop::new(&auto());
    let before = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    let text = stdout(&before);
    assert!(text.contains("budget 2e9: ") && text.contains(", by the prior"), "{text}");
    let waits = "(as it is expected; placed when the others have ended)";
    assert_eq!(text.matches(waits).count(), 1, "{text}");
    let run = shop.run().code(0);
    let told = stderr(&run);
    assert!(told.contains("budgets 8e9 get their sizes as the others end"), "{told}");
    assert!(told.contains("budget 8e9: ") && told.contains("by the prior and 2 budgets"), "{told}");
    let whole = plan(&shop);
    let sizes = whole["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 3);
    assert!(sizes.iter().all(|sizes| sizes.get("waits").is_none()), "{sizes:?}");
    assert_eq!(sizes[2]["minima"].as_array().unwrap().len(), 2);
    let again = shop.run().code(0);
    assert!(stderr(&again).contains("nothing to train"), "{}", stderr(&again));
    assert_eq!(plan(&shop), whole);

    // Killed at instants that fall before, inside and between the stages.
    let killed = Workshop::new(&auto());
    for share in 0..8 {
        let mut child = killed.start();
        std::thread::sleep(Duration::from_millis(60 + 140 * share));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    killed.run().code(0);
    let ids = |plan: &Value| -> Vec<String> {
        let runs = plan["runs"].as_array().unwrap().iter();
        runs.map(|run| run["size"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&plan(&killed)), ids(&whole));
    assert_eq!(plan(&killed)["sizes"].as_array().unwrap().len(), 3);
    // The texts lie in other folders, and are otherwise the same.
    let of = |shop: &Workshop| rows(shop).iter().map(reproducible).collect::<Vec<_>>();
    assert_eq!(of(&killed), of(&shop));
}

#[test]
fn a_sweep_between_two_stages_says_what_waits() {
    let shop = Workshop::new(&auto());
    let mut child = shop.start();
    patiently("a plan", &mut child, || shop.path("results/tiny/sweep.toml").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let status = shop.isoflop().args(["status", "results/tiny"]).assert().code(0);
    let text = stdout(&status);
    assert!(text.contains("then budgets 8e9, whose sizes wait for these"), "{text}");
}

#[test]
fn a_night_with_an_aim_shows_its_path_and_ends_with_what_was_reached() {
    let aim = "tokens_per_param_range = [3, 3000]\nuntil = { n_exponent = 2.0 }\n[train]";
    let shop = Workshop::new(&auto().replace("[train]", aim));
    let before = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    let text = stdout(&before);
    assert!(text.contains("until the interval of n_exponent is 2 wide; expected"), "{text}");
    let run = shop.run().code(0);
    let told = stderr(&run);
    let last = told.lines().rfind(|line| line.starts_with("until: n_exponent"));
    assert!(last.is_some_and(|line| line.contains("2 asked for")), "{told}");
}
