//! What counting makes of so many tokens: the curve in the figures, and from where models beat it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_core::units::short;
use synthetic::Synthetic;
use synthetic::counted::COUNTED;

/// Points of the curve in a panel of a figure.
fn curve(sweep: &Synthetic, figure: &str, panel: &str) -> Vec<(f64, f64)> {
    let dir = tempfile::tempdir().unwrap();
    isoflop_report::write(&sweep.report(), dir.path()).unwrap();
    let csv = std::fs::read_to_string(dir.path().join(format!("figures/{figure}.csv"))).unwrap();
    let svg = std::fs::read_to_string(dir.path().join(format!("figures/{figure}.svg"))).unwrap();
    let rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[1] == "n-gram");
    let of: Vec<_> = rows.filter(|row| row[0] == panel).collect();
    assert_eq!(!of.is_empty(), svg.contains("best n-gram over D tokens"), "the legend");
    assert!(of.iter().all(|row| row[3] == "best n-gram"));
    of.iter().map(|row| (row[4].parse().unwrap(), row[5].parse().unwrap())).collect()
}

/// The lowest loss after so many tokens: ln L linear in ln D between the parts.
fn expected(tokens: f64) -> f64 {
    let after = COUNTED.iter().position(|part| part.0 as f64 >= tokens).unwrap().max(1);
    let ((d0, l0), (d1, l1)) = (COUNTED[after - 1], COUNTED[after]);
    let share = (tokens / d0 as f64).ln() / (d1 as f64 / d0 as f64).ln();
    (l0.ln() + share * (l1 / l0).ln()).exp()
}

#[test]
fn the_best_order_over_so_many_tokens_is_a_line_where_tokens_stand_across() {
    let sweep = synthetic::counted::sweep();
    for (figure, panel) in [
        ("three-panels", "tokens"),
        ("learning-curves", "train_tokens"),
        ("learning-curves", "test_tokens"),
    ] {
        let line = curve(&sweep, figure, panel);
        assert!(line.len() > 10, "{figure} {panel}");
        assert!(line.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1));
        for (tokens, loss) in line {
            assert!((loss / expected(tokens) - 1.0).abs() < 1e-9, "{tokens} {loss}");
        }
    }
    let html = isoflop_report::html(&sweep.report());
    assert!(html.contains("best n-gram over D tokens") && html.contains("The dash-dotted line"));
}

#[test]
fn a_text_whose_parts_nobody_counted_has_no_line_and_no_sentence() {
    let sweep = synthetic::language();
    assert!(curve(&sweep, "three-panels", "tokens").is_empty());
    assert!(!isoflop_report::html(&sweep.report()).contains("best n-gram"));
    let layers = |sweep: &Synthetic| {
        let vega = isoflop_report::vega_lite(&sweep.report());
        [0, 1, 2].map(|k| vega["hconcat"][k]["layer"].as_array().unwrap().len())
    };
    assert_eq!((layers(&sweep), layers(&synthetic::counted::sweep())), ([3, 3, 3], [3, 4, 3]));
}

/// Losses over the whole text are levels and rows of the table; those over parts are neither.
#[test]
fn parts_of_the_text_are_no_levels_and_no_rows() {
    let html = isoflop_report::html(&synthetic::counted::sweep().report());
    let table = &html[html.find("<h2 id=\"texts\"").unwrap()..];
    for name in ["unigram", "5-gram", "8-gram"] {
        assert_eq!(table.matches(&format!("<td>{name}</td>")).count(), 1, "{name}");
    }
    assert_eq!(html.matches("No run beats a").count(), 0);
}

#[test]
fn the_page_says_from_how_many_tokens_on_models_beat_counting() {
    let mut sweep = synthetic::counted::sweep();
    let said = |sweep: &Synthetic| {
        let html = isoflop_report::html(&sweep.report());
        let at = html.find("The smallest model").unwrap();
        html[at..].split('<').next().unwrap().to_owned()
    };
    // Lengths of a size, ascending, and whether they beat counting.
    let lengths = |sweep: &Synthetic, n: u64| {
        let runs = sweep.runs.iter().filter(|r| r.n_non_embedding == n && r.test_loss.is_some());
        let mut all: Vec<(u64, bool)> = runs
            .map(|r| (r.tokens, r.test_loss.unwrap() < expected(r.unique_tokens as f64)))
            .collect();
        all.sort_unstable();
        all
    };
    let best = sweep.runs.iter().filter(|r| r.test_loss.is_some());
    let best = best.min_by(|a, b| a.test_loss.unwrap().total_cmp(&b.test_loss.unwrap())).unwrap();
    let (best, smallest) = (best.n_non_embedding, 3088);
    let words = |n: u64| {
        let all = lengths(&sweep, n);
        let lost = all.iter().rposition(|(_, wins)| !wins);
        match lost {
            None => format!(
                "at each of {} lengths trained, from {} tokens on",
                all.len(),
                short(all[0].0 as f64)
            ),
            Some(last) if last + 1 == all.len() && all.iter().all(|(_, wins)| !wins) => {
                format!("at no length trained, up to {} tokens", short(all[last].0 as f64))
            }
            Some(last) => format!(
                "from {} tokens on, not yet at {}",
                short(all[last + 1].0 as f64),
                short(all[last].0 as f64)
            ),
        }
    };
    assert_ne!(words(best), words(smallest));
    let name = |n: u64| format!("model ({} parameters)", short(n as f64));
    let whole = format!(
        "The smallest {} beats the best n-gram over as many tokens of the text {}; the best {} {}.",
        name(smallest),
        words(smallest),
        name(best),
        words(best)
    );
    assert!(said(&sweep).contains(&whole), "{}\n{whole}", said(&sweep));
    // The longest run of the smallest size loses, and every other one wins.
    for run in sweep.runs.iter_mut().filter(|r| r.n_non_embedding == smallest) {
        run.test_loss = run.test_loss.map(|_| 0.5 * expected(run.unique_tokens as f64));
    }
    let of_size =
        |r: &&mut isoflop_results::RunRow| r.n_non_embedding == smallest && r.test_loss.is_some();
    let longest = sweep.runs.iter_mut().filter(of_size).max_by_key(|r| r.tokens).unwrap();
    longest.test_loss = Some(4.0);
    let tokens = short(longest.tokens as f64);
    let all = lengths(&sweep, smallest).len();
    let words = format!(
        "The smallest {}, the best as well, beats the best n-gram over as many tokens of the text at {} of {all} \
         lengths trained, not at the longest, {tokens} tokens.",
        name(smallest),
        all - 1
    );
    assert!(said(&sweep).contains(&words), "{}\n{words}", said(&sweep));
}
