//! Tests that every sweep ends with a page, whatever became of its runs.

use crate::workshop::{SWEEP, Workshop, stdout};
use std::fs;

/// Runs a sweep and returns its page, whose verdict must contain `said`.
fn page_of(sweep: &str, said: &str) -> String {
    let shop = Workshop::new(sweep);
    let run = shop.run().code(0);
    assert!(stdout(&run).contains("report: "), "{}", stdout(&run));
    let page = fs::read_to_string(shop.path("reports/tiny/index.html")).unwrap();
    let verdict = &page[page.find("class=\"verdict\"").unwrap()..page.find("</header>").unwrap()];
    assert!(verdict.contains(said), "{verdict}");
    assert!(page.contains("id=\"learning-curves\""));
    // The results folder alone is enough to make the page again.
    let again = shop.isoflop().args(["report", "results/tiny"]).assert();
    again.code(0);
    page
}

fn grid(sizes: &str, tokens: &str) -> String {
    SWEEP.replace("[\"8x1x1\", \"16x1x1\", \"16x2x2\"]", sizes).replace(
        "isoflop = { budgets = [\"4e8\", \"8e8\"] }",
        &format!("grid = {{ tokens = {tokens} }}"),
    )
}

#[test]
fn runs_that_all_repeat_their_text_are_planned_without_laws_and_end_with_a_page() {
    let sweep = grid("[\"8x1x1\", \"12x1x1\"]", "[\"110k\", \"120k\"]")
        .replace("text/*.md", "text/[0-1].md");
    let shop = Workshop::new(&sweep);
    let plan = shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0);
    let plan = stdout(&plan);
    for law in ["L(N)", "L(D)", "L(N, D)"] {
        let line = format!("\u{2717} {law}: every run passes 4 epochs");
        assert!(plan.contains(&line), "{plan}");
    }
    let page =
        page_of(&sweep, "4 runs have finished; no law could be fitted to them: all are left out");
    assert!(page.contains("passes 4 epochs, and this law knows nothing of repetition"));
    assert!(page.contains("id=\"three-panels\""));
}

#[test]
fn runs_that_all_diverge_end_with_a_page() {
    let sweep = SWEEP.replace("[train]", "[train]\nlearning_rate = 1e6");
    let page = page_of(&sweep, "All 6 runs diverged: there is no loss to fit.");
    assert!(page.contains("Failed, diverged and excluded runs"));
}

#[test]
fn one_run_one_size_and_one_budget_end_with_a_page() {
    page_of(&grid("[\"8x1x1\"]", "[\"10k\"]"), "One run has finished; no law could be fitted");
    page_of(
        &grid("[\"8x1x1\"]", "[\"10k\", \"20k\"]"),
        "2 runs have finished; no law could be fitted",
    );
    page_of(
        &SWEEP.replace("[\"4e8\", \"8e8\"]", "[\"4e8\"]"),
        "3 runs have finished; no law could be fitted",
    );
}
