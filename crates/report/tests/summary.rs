//! Tests of the short answer at the end of a sweep.

mod synthetic;

use synthetic::Synthetic;

fn summary(sweep: &Synthetic, width: usize) -> String {
    isoflop_report::summary(&sweep.report(), width)
}

fn sweeps() -> Vec<(&'static str, Synthetic)> {
    vec![
        ("quickstart", synthetic::quickstart()),
        ("families", synthetic::families::two_families(1.3)),
        ("too small", synthetic::too_small()),
    ]
}

#[test]
fn every_answer_has_at_most_thirteen_lines_within_its_columns() {
    for (name, sweep) in sweeps() {
        for width in [40, 80, 100] {
            let text = summary(&sweep, width);
            let lines: Vec<&str> = text.lines().collect();
            assert!((1..=13).contains(&lines.len()), "{name} {width}: {text}");
            let too_long = lines.iter().find(|line| line.chars().count() > width);
            assert!(too_long.is_none(), "{name} {width}: {too_long:?}");
        }
    }
}

#[test]
fn one_series_has_its_exponents_with_intervals_and_its_best_loss() {
    let sweep = synthetic::quickstart();
    let text = summary(&sweep, 100);
    assert!(text.starts_with("Test loss falls as C^"), "{text}");
    for row in ["  loss in 1/C ", "  N* in C ", "  D* in C "] {
        let line = text.lines().find(|line| line.starts_with(row)).expect(row);
        assert!(line.contains('[') && line.contains(']'), "{line}");
    }
    let finished = sweep.runs.iter().filter(|run| run.status == isoflop_results::Status::Finished);
    let lowest = finished.filter_map(|run| run.test_loss).fold(f64::INFINITY, f64::min);
    assert!(text.contains(&format!("best loss {lowest:.3} nats per token")), "{text}");
    let ended = format!(" of {} runs finished", sweep.runs.len());
    assert!(text.trim_end().lines().last().unwrap().contains(&ended), "{text}");
}

#[test]
fn several_series_have_a_line_each() {
    let text = summary(&synthetic::families::two_families(1.3), 100);
    assert!(text.starts_with("rnn needs ") || text.starts_with("transformer"), "{text}");
    for series in ["  transformer ", "  rnn "] {
        assert!(text.lines().any(|line| line.starts_with(series)), "{series}: {text}");
    }
}

#[test]
fn a_sweep_without_a_law_says_why() {
    let mut sweep = synthetic::too_small();
    sweep.runs.clear();
    sweep.curves.clear();
    assert!(summary(&sweep, 80).starts_with("No run has finished yet"), "{}", summary(&sweep, 80));
}
