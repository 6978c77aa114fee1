//! Three series and more: the first screen says which is the best and which are not told apart from it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_fit::output::Fits;
use synthetic::Synthetic;

fn verdict(sweep: &Synthetic) -> String {
    let html = isoflop_report::html(&sweep.report());
    let from = html.find("class=\"verdict\"").unwrap();
    html[from..from + html[from..].find("</header>").unwrap()].to_owned()
}

fn section(sweep: &Synthetic, id: &str) -> String {
    let html = isoflop_report::html(&sweep.report());
    let from = html.find(&format!("<h2 id=\"{id}\"")).unwrap();
    html[from..from + html[from..].find("</section>").unwrap()].to_owned()
}

/// Windows of the quickstart's runs that lose this much, each with so many seeds that differ by .02.
fn windows(lost: &[(&str, f64)], seeds: u64) -> Synthetic {
    let mut sweep = synthetic::quickstart();
    let base: Vec<_> = sweep.runs.iter().filter(|r| r.test_loss.is_some()).cloned().collect();
    sweep.runs.clear();
    sweep.curves.clear();
    sweep.fits = Fits { level: 0.9, ..Fits::default() };
    for (window, more) in lost {
        for run in &base {
            for seed in 0..seeds {
                let mut run = run.clone();
                run.series = format!("model.window={window}").as_str().into();
                run.run_id = format!("{}-w{window}-s{seed}", run.run_id);
                run.seed = seed;
                run.test_loss = run.test_loss.map(|loss| loss + more + 0.02 * seed as f64);
                sweep.runs.push(run);
            }
        }
    }
    sweep
}

#[test]
fn the_best_series_and_those_not_told_apart_are_named_in_a_few_lines() {
    let said = verdict(&windows(&[("8", 0.004), ("32", 0.0), ("full", 0.3)], 2));
    let lines: Vec<&str> = said.split("<li>").skip(1).map(|l| &l[..l.find('<').unwrap()]).collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(lines[0].contains("the largest compute that all 3 series have, window 32 is the best"));
    assert!(lines[1].starts_with("Told apart from it: window full (+0.300 [0."), "{said}");
    assert!(
        lines[2].starts_with("Not told apart from it: window 8 (+0.004 [\u{2212}0.0"),
        "{said}"
    );
    assert!(
        lines[3].starts_with("The best with less compute, in FLOPs: window 32 from "),
        "{said}"
    );
    assert!(lines[3].ends_with(" (not told apart from window 8)."), "{said}");
}

/// Two series whose order changes with compute, and a third that is always behind.
#[test]
fn the_first_screen_says_where_another_series_is_the_best() {
    let mut sweep = windows(&[("8", 0.0), ("32", 0.0), ("full", 0.3)], 2);
    let middle = {
        let logs: Vec<f64> = sweep.runs.iter().map(|run| run.c_exact.ln()).collect();
        let (low, high) =
            logs.iter().fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(*x), high.max(*x)));
        (low + high) / 2.0
    };
    for run in sweep.runs.iter_mut().filter(|run| run.series.ends_with("32")) {
        let later = run.c_exact.ln() - middle;
        run.test_loss = run.test_loss.map(|loss| loss - 0.2 * later);
    }
    let said = verdict(&sweep);
    assert!(said.contains("window 32 is the best, with"), "{said}");
    let less = &said[said.find("The best with less compute").unwrap()..];
    let less = &less[..less.find('<').unwrap()];
    let (first, second) = (less.find("window 8 ").unwrap(), less.find("; window 32 ").unwrap());
    assert!(first < second && less.contains("told apart from all others"), "{less}");
    let below = section(&sweep, "comparison");
    let table = &below[below.find("Test loss by cost; bold: the best").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    let row = |name: &str| {
        let at = table.find(&format!("{name}</th>")).unwrap();
        let cells = table[at..].split("<td").skip(1);
        cells.take_while(|cell| !cell.contains("</tr>")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(row("window 8")[0].contains("<strong>"), "{table}");
    assert!(row("window full").iter().all(|cell| !cell.contains("\u{2248}")), "{table}");
}

#[test]
fn without_seeds_and_laws_no_difference_is_claimed() {
    let said = verdict(&windows(&[("8", 0.004), ("32", 0.0), ("full", 0.3)], 1));
    assert!(
        said.contains("No interval says whether these differ from it: window 8 (+0.004);"),
        "{said}"
    );
    assert!(!said.contains("old apart"), "{said}");
}

/// A series whose runs end at a tenth of the others' compute draws all others down to that compute.
#[test]
fn series_are_compared_at_the_largest_compute_that_all_have() {
    let mut sweep = windows(&[("8", 0.1), ("32", 0.0), ("full", 0.3)], 2);
    let most = sweep.runs.iter().map(|run| run.c_exact).fold(0.0, f64::max);
    sweep
        .runs
        .retain(|run| run.series.value("model.window") != Some("8") || run.c_exact < most / 5.0);
    let said = verdict(&sweep);
    let common = sweep.runs.iter().filter(|run| run.series.value("model.window") == Some("8"));
    let common = common.map(|run| run.c_exact).fold(0.0, f64::max);
    let words = format!("At {} FLOPs, the largest", isoflop_core::units::scientific(common));
    assert!(said.contains(&words), "{words}: {said}");
}

/// Contexts of which a token costs ever more: no compute is common to them, and all have the same tokens.
#[test]
fn series_without_a_common_compute_are_compared_after_as_many_tokens() {
    let mut sweep = windows(&[("8", 0.1), ("32", 0.0), ("full", 0.3)], 2);
    let most = sweep.runs.iter().map(|run| run.tokens).max().unwrap();
    sweep.runs.retain(|run| run.tokens == most);
    for (window, costs) in [("8", 1.0), ("32", 100.0), ("full", 1e4)] {
        let of_window =
            |run: &&mut isoflop_results::RunRow| run.series.value("model.window") == Some(window);
        sweep.runs.iter_mut().filter(of_window).for_each(|run| run.c_exact *= costs);
    }
    let said = verdict(&sweep);
    let tokens = isoflop_core::units::short(most as f64);
    let words =
        format!("At {tokens} tokens, the most that all 3 series have, window 32 is the best");
    assert!(said.contains(&words), "{words}: {said}");
    assert!(!said.contains("needs"), "factors of compute are in the table: {said}");
}

#[test]
fn the_rest_stands_in_a_table_below() {
    let sweep = windows(&[("8", 0.004), ("32", 0.0), ("full", 0.3)], 2);
    let said = section(&sweep, "comparison");
    let rows: Vec<&str> = said.split("<tr><th scope=\"row\">").skip(1).collect();
    assert!(rows[0].starts_with("window 32</th>") && rows[0].contains("<td>best</td>"), "{said}");
    assert!(rows[1].starts_with("window 8</th>") && rows[1].contains("<td>not told apart</td>"));
    assert!(rows[2].starts_with("window full</th>") && rows[2].contains("<td>told apart</td>"));
    assert!(said.contains("<h3>Series by series</h3>"));
    assert!(!said.contains("<li>Measured"), "the table has what was measured");
    let words = isoflop_report::terminal(&sweep.report(), 200);
    assert!(words.contains("window 32 is the best"), "{words}");
}

/// Two families of one law, one of which is four times as fast; its speeds then scatter by as much and more.
#[test]
fn a_clock_whose_speeds_scatter_more_than_they_differ_claims_nothing() {
    let mut sweep = synthetic::families::two_families(1.0);
    for run in sweep.runs.iter_mut().filter(|run| run.family == "rnn") {
        run.tokens_per_s *= 4.0;
    }
    assert!(verdict(&sweep).contains("<li>rnn needs 0.2"), "{}", verdict(&sweep));
    let mut seen = std::collections::BTreeMap::new();
    for run in &mut sweep.runs {
        let count: &mut usize = seen.entry((run.family.clone(), run.size.clone())).or_default();
        run.tokens_per_s *= [0.3, 1.0, 3.0, 1.0][*count % 4];
        *count += 1;
    }
    let said = verdict(&sweep);
    assert!(!said.contains("<li>rnn needs 0."), "{said}");
    let below = section(&sweep, "comparison");
    assert!(below.contains("Speeds of runs of one model differ on host"), "{below}");
    assert!(below.contains("the clock does not tell them apart"), "{below}");
}

#[test]
fn series_of_different_test_texts_are_compared_with_a_caution() {
    let caution = "were not scored on one test text";
    let mut sweep = windows(&[("8", 0.004), ("32", 0.0), ("full", 0.3)], 2);
    assert!(!verdict(&sweep).contains(caution));
    let of_full = |run: &&mut isoflop_results::RunRow| run.series.ends_with("full");
    sweep.runs.iter_mut().filter(of_full).for_each(|run| run.data_digest = "another".into());
    assert!(verdict(&sweep).contains(caution));
}
