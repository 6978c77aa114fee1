//! Families side by side: what one costs over another, in compute and by the clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use std::sync::LazyLock;
use synthetic::Synthetic;

/// A recurrent network that needs 1.3 times the compute, and as much more time.
static FAMILIES: LazyLock<Synthetic> = LazyLock::new(|| synthetic::families::two_families(1.3));

fn verdict(sweep: &Synthetic) -> String {
    let html = isoflop_report::html(&sweep.report());
    let from = html.find("class=\"verdict\"").unwrap();
    html[from..from + html[from..].find("</header>").unwrap()].to_owned()
}

fn figure(sweep: &Synthetic, file: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    isoflop_report::write(&sweep.report(), dir.path()).unwrap();
    std::fs::read_to_string(dir.path().join("figures").join(file)).unwrap()
}

/// The value and the interval of `1.30 [1.27, 1.33]` after some words.
fn estimate(text: &str, after: &str) -> [f64; 3] {
    let from = text.find(after).unwrap_or_else(|| panic!("no {after:?} in {text}")) + after.len();
    let mut numbers = text[from..].split(['[', ',', ']']).map(|part| part.trim().parse().unwrap());
    [(); 3].map(|()| numbers.next().unwrap())
}

#[test]
fn a_family_that_loses_by_flops_and_wins_by_the_clock_is_told_so() {
    let mut sweep = FAMILIES.clone();
    for run in sweep.runs.iter_mut().filter(|run| run.family == "rnn") {
        run.tokens_per_s *= 4.0;
    }
    let said = verdict(&sweep);
    let [value, low, high] = estimate(&said, "<li>rnn needs ");
    assert!((low..=high).contains(&1.3) && high / low < 1.2, "{value} {low} {high}");
    assert!(said.contains("times the compute of transformer for the loss that"), "{said}");
    let seconds = &said[said.find("times the compute").unwrap()..];
    let [value, low, high] = estimate(seconds, "<li>rnn needs ");
    assert!((low..=high).contains(&0.325) && high < 0.5, "{value} {low} {high}");
    assert!(seconds.contains("times the seconds of transformer"), "{said}");
    let both = "<li>rnn loses by FLOPs and wins by the clock against transformer on host (cpu, avx512).</li>";
    assert!(said.contains(both), "{said}");
    let words = isoflop_report::terminal(&sweep.report(), 300);
    assert!(words.contains("- rnn loses by FLOPs and wins by the clock"), "{words}");
}

/// The products of the optimizer are half as much again.
#[test]
fn a_series_whose_optimizer_has_products_is_also_compared_with_these() {
    let mut sweep = FAMILIES.clone();
    let without = verdict(&sweep);
    for run in sweep.runs.iter_mut().filter(|run| run.family == "rnn") {
        run.flops_optimizer = Some(0.5 * run.c_exact);
    }
    let said = verdict(&sweep);
    let at = said.find("times the compute (optimizer included) of transformer").unwrap();
    let from = said[..at].rfind("<li>rnn needs ").unwrap();
    let [value, low, high] = estimate(&said[from..], "<li>rnn needs ");
    assert!((low..=high).contains(&1.95) && high / low < 1.2, "{value} {low} {high}");
    let [plain, ..] = estimate(&said, "<li>rnn needs ");
    assert!((value / plain / 1.5 - 1.0).abs() < 0.01, "{value} {plain}");
    assert!(figure(&sweep, "multiplier.csv").lines().any(|l| l.starts_with("all-products,fit,")));
    assert!(!without.contains("optimizer"), "{without}");
}

#[test]
fn families_of_one_law_are_not_told_apart() {
    let said = verdict(&synthetic::families::two_families(1.0));
    for by in ["by FLOPs", "by the clock"] {
        assert!(said.contains(&format!("rnn and transformer are not told apart {by}")), "{said}");
    }
    assert!(!said.contains("wins") && !said.contains("<li>rnn needs "), "{said}");
}

/// The line ends where the runs of one of the two end.
#[test]
fn the_factor_is_a_function_of_compute_within_what_both_have_measured() {
    let sweep = &*FAMILIES;
    let csv = figure(sweep, "multiplier.csv");
    let of = |mark: &str, panel: &str| -> Vec<(f64, f64)> {
        let rows = csv.lines().filter(|l| l.starts_with(&format!("{panel},{mark},")));
        let number = |row: &str, k: usize| row.rsplit(',').nth(k).unwrap().parse().unwrap();
        rows.map(|row| (number(row, 3), number(row, 2))).collect()
    };
    let line = of("fit", "compute");
    assert!(line.len() > 10 && of("band", "compute").len() == line.len(), "{csv}");
    let spent = |family: &str| {
        let runs = sweep.runs.iter().filter(|r| r.family == family);
        let all = runs.map(|r| r.c_exact);
        all.fold((f64::INFINITY, 0.0f64), |(l, h), c| (l.min(c), h.max(c)))
    };
    let (base, other) = (spent("transformer"), spent("rnn"));
    for (c, factor) in &line {
        assert!((base.0..=base.1 * 1.0001).contains(c), "{c} {base:?}");
        assert!((other.0 * 0.9999..=other.1 * 1.0001).contains(&(c * factor)), "{c} {factor}");
        assert!((factor / 1.3 - 1.0).abs() < 0.1, "{c} {factor}");
    }
    assert!(of("fit", "seconds").len() > 10, "{csv}");
}

/// A run of a trunk was timed over its own branch alone: its seconds are those of all of its steps.
#[test]
fn seconds_of_a_branch_count_all_of_its_steps() {
    let mut sweep = FAMILIES.clone();
    for run in &mut sweep.runs {
        run.wall_time_s *= 0.2;
        run.flops_spent *= 0.2;
    }
    let csv = figure(&sweep, "time.csv");
    for run in &sweep.runs {
        let of_run = format!(",run,{},{},", run.series, run.run_id);
        let row = csv.lines().find(|l| l.contains(&of_run)).unwrap();
        let seconds: f64 = row.rsplit(',').nth(3).unwrap().parse().unwrap();
        assert!((seconds / (run.tokens as f64 / run.tokens_per_s) - 1.0).abs() < 1e-9, "{row}");
    }
}

/// Half of the runs come from a machine that is ten times as fast.
#[test]
fn runs_of_two_machines_share_no_frontier_in_seconds() {
    let mut sweep = FAMILIES.clone();
    for run in sweep.runs.iter_mut().step_by(2) {
        run.host = "other".into();
        run.tokens_per_s *= 10.0;
    }
    let svg = figure(&sweep, "time.svg");
    for host in ["host", "other"] {
        assert!(svg.contains(&format!(">Time on {host} (cpu, avx512)<")), "{host}");
    }
    assert!(svg.contains("Runs come from 2 machines or device kinds"), "{svg}");
    let csv = figure(&sweep, "time.csv");
    let frontiers = |host: &str| {
        let of = format!("runs that no quicker run beats on {host} (cpu; avx512)");
        csv.lines().filter(|l| l.replace(", avx", "; avx").contains(&of)).count()
    };
    assert!(frontiers("host") > 2 && frontiers("other") > 2, "{csv}");
    let said = verdict(&sweep);
    assert!(!said.contains("host (cpu, avx512) and other"), "{said}");
}

#[test]
fn the_legend_names_series_by_the_axis_that_tells_them_apart() {
    let svg = figure(&FAMILIES, "three-panels.svg");
    for word in ["family", "transformer", "rnn"] {
        assert!(svg.contains(&format!(">{word}</text>")), "{word}");
    }
    let corpora = figure(&synthetic::two_series(), "three-panels.svg");
    assert!(corpora.contains(">corpus</text>") && corpora.contains(">rust-code</text>"));
    assert!(!figure(&synthetic::quickstart(), "three-panels.svg").contains(">series</text>"));
}

/// The recurrent network needs 1.3 times the tokens at every size.
#[test]
fn tokens_at_equal_loss_are_told_size_by_size() {
    let csv = figure(&FAMILIES, "tokens-at-equal-loss.csv");
    let factors: Vec<f64> = csv
        .lines()
        .filter(|line| line.starts_with("tokens_at_equal_loss,size,"))
        .map(|line| line.rsplit(',').nth(2).unwrap().parse().unwrap())
        .collect();
    assert!(factors.len() >= 3, "{csv}");
    assert!(factors.iter().all(|factor| (factor / 1.3 - 1.0).abs() < 0.05), "{factors:?}");
}
