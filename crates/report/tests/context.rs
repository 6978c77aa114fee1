//! What the context is worth: loss by position.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use isoflop_results::Positions;
use synthetic::Synthetic;
use synthetic::counted::{RANGES, by_position};

/// The quickstart, and `1.8 + b p^-0.8` by position for every finished run, b smaller for larger models.
fn sweep() -> Synthetic {
    let mut sweep = synthetic::language();
    let finished = sweep.runs.iter().filter(|run| run.test_loss.is_some());
    sweep.positions = finished.map(|run| by_position(run, &RANGES)).collect();
    sweep
}

fn csv(sweep: &Synthetic) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    isoflop_report::write(&sweep.report(), dir.path()).unwrap();
    let text = std::fs::read_to_string(dir.path().join("figures/positions.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn section(sweep: &Synthetic) -> String {
    let html = isoflop_report::html(&sweep.report());
    let from = html.find("<h2 id=\"context\"").unwrap();
    html[from..from + html[from..].find("</section>").unwrap()].to_owned()
}

#[test]
fn each_size_has_the_line_of_its_longest_run() {
    let sweep = sweep();
    let rows = csv(&sweep);
    let of = |mark: &str, label: &str| -> Vec<&Vec<String>> {
        rows.iter().filter(|row| row[1] == mark && row[3] == label).collect()
    };
    let points = of("position", "14k");
    assert_eq!(points.len(), RANGES.len());
    let of_size = sweep.runs.iter().filter(|r| r.size == "14k" && r.test_loss.is_some());
    let longest = of_size.max_by_key(|run| run.tokens).unwrap();
    let positions = sweep.positions.iter().find(|p| p.run_id == longest.run_id).unwrap();
    for (row, point) in points.iter().zip(&positions.points) {
        let (x, y): (f64, f64) = (row[4].parse().unwrap(), row[5].parse().unwrap());
        assert!((x - ((point.first * point.last) as f64).sqrt()).abs() < 1e-9, "{row:?}");
        assert_eq!(Some(y), point.test_loss);
    }
    let band = of("band", "14k");
    let (low, high): (f64, f64) = (band[0][6].parse().unwrap(), band[0][7].parse().unwrap());
    assert!((high - low - 0.02).abs() < 1e-9, "one standard error to each side");
    // A 5-gram sees four tokens.
    let gram: Vec<f64> = of("n-gram", "5-gram").iter().map(|row| row[4].parse().unwrap()).collect();
    assert_eq!((gram.len(), gram[0]), (2, 4.0));
}

/// The names of n-grams whose lines lie closer than a text is high are one name.
#[test]
fn close_n_grams_share_a_name() {
    let dir = tempfile::tempdir().unwrap();
    isoflop_report::write(&synthetic::counted::sweep().report(), dir.path()).unwrap();
    let svg = std::fs::read_to_string(dir.path().join("figures/positions.svg")).unwrap();
    for name in ["unigram", "2-gram", "3-gram", "4- to 7-gram", "8-gram"] {
        assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 1, "{name}");
    }
    for name in ["4-gram", "5-gram", "6-gram", "7-gram"] {
        assert!(!svg.contains(&format!(">{name}</text>")), "{name}");
    }
}

#[test]
fn the_table_has_the_exponent_and_where_a_doubling_gains_little() {
    let said = section(&sweep());
    let row = &said[said.find("<th scope=\"row\">14k</th>").unwrap()..];
    let row = &row[..row.find("</tr>").unwrap()];
    let cells: Vec<&str> = row
        .split("<td class=\"num\">")
        .skip(1)
        .map(|cell| cell.split("</td>").next().unwrap())
        .collect();
    assert_eq!(cells[..2], ["128", "1"]);
    let number = |text: &str| -> f64 { text.split(' ').next().unwrap().parse().unwrap() };
    assert!((number(cells[2]) - 1.8).abs() < 0.03, "{cells:?}");
    assert!((number(cells[3]) - 0.8).abs() < 0.05, "{cells:?}");
    // b p^-c (1 - 2^-c) = .01 with b = 4 x 14016^-.05
    let truth = (4.0 * 14_016f64.powf(-0.05) * (1.0 - 2f64.powf(-0.8)) / 0.01).powf(1.0 / 0.8);
    assert!(truth > 128.0 && cells[4].starts_with("beyond the context ["), "{cells:?}");
}

/// Two seeds of one size are one line through their mean.
#[test]
fn seeds_are_one_line_through_their_mean() {
    let mut sweep = sweep();
    let of_size = sweep.runs.iter().filter(|r| r.size == "14k" && r.test_loss.is_some());
    let mut again = of_size.max_by_key(|run| run.tokens).unwrap().clone();
    let first = sweep.positions.iter().find(|p| p.run_id == again.run_id).unwrap().clone();
    again.run_id.push_str("-s1");
    again.seed = 1;
    let mut other = Positions { run_id: again.run_id.clone(), ..first.clone() };
    other.points.iter_mut().for_each(|p| p.test_loss = p.test_loss.map(|loss| loss + 0.1));
    sweep.runs.push(again);
    sweep.positions.push(other);
    let rows = csv(&sweep);
    let row = rows.iter().find(|row| row[1] == "position" && row[3] == "14k").unwrap();
    let y: f64 = row[5].parse().unwrap();
    assert!((y - first.points[0].test_loss.unwrap() - 0.05).abs() < 1e-9, "{row:?}");
    assert!(section(&sweep).contains("the mean over its seeds"));
}

#[test]
fn many_lines_are_thinned_and_the_caption_says_so() {
    let mut sweep = synthetic::two_series();
    for run in &mut sweep.runs {
        run.run_id = format!("{}-{}", run.run_id, run.series.as_str());
    }
    let finished = sweep.runs.iter().filter(|run| run.test_loss.is_some());
    sweep.positions = finished.map(|run| by_position(run, &RANGES)).collect();
    let said = section(&sweep);
    assert!(said.contains("These are 8 of 12 sizes, spread evenly over each series"), "{said}");
    assert_eq!(said.matches("<th scope=\"row\">").count(), 8);
}

#[test]
fn a_context_too_short_for_a_curve_is_refused_with_the_one_to_use() {
    let mut sweep = sweep();
    sweep.runs.iter_mut().for_each(|run| run.context = 16);
    sweep.positions.iter_mut().for_each(|p| p.points.truncate(7));
    let said = section(&sweep);
    assert!(!said.contains("<figure"), "{said}");
    let words = "No loss by position: the context of 16 tokens has 7 ranges of positions; a curve by position \
                 needs 10, which a context of at least 64 tokens has.";
    assert_eq!(said.matches(words).count(), 1, "{said}");
}

#[test]
fn documents_that_end_before_the_context_are_named_as_the_reason() {
    let mut sweep = sweep();
    sweep.positions.iter_mut().for_each(|p| p.points.truncate(6));
    let said = section(&sweep);
    let words = "the documents of the test text end before the context of 128 tokens does: they fill 6 ranges";
    assert!(said.contains(words), "{said}");
}

#[test]
fn runs_without_losses_by_position_say_so() {
    let said = section(&synthetic::quickstart());
    assert!(said.contains("No loss by position: none was measured"), "{said}");
    assert!(!said.contains("<figure"), "{said}");
}
