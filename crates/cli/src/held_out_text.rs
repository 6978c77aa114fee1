//! Shows to a person in a terminal how a law does on rows that it was not fitted to.

use crate::tables::table;
use isoflop_fit::level_words;
use isoflop_fit::output::{HeldOut, Reached, Validation};
use isoflop_lab::reach::times;

/// A table of all windows, a line on how the windows do at later budgets, and a verdict if the law
/// errs to one side.
pub(crate) fn held_out(validation: &Validation) -> String {
    let all = validation.windows.iter().chain(&validation.largest_size);
    let rows: Vec<Vec<String>> = all.map(row).collect();
    let inside = format!("inside {}", level_words());
    let header =
        ["held out: fitted on", "judged on", "reach", "rows", "mean error", "rms", inside.as_str()];
    let mut lines = vec![table(&header, &rows)];
    lines.extend(longest(validation));
    let verdict = validation.verdict();
    lines.extend(verdict.map(|misfit| format!("verdict: {}", misfit.sentence)));
    lines.join("\n")
}

fn row(held: &HeldOut) -> Vec<String> {
    vec![
        format!("{} ({} rows)", held.window, held.rows),
        held.judged.clone(),
        times(held.reach),
        held.held_out.to_string(),
        format!("{:+.2} %", 100.0 * held.mean_error.exp_m1()),
        format!("{:.2} %", 100.0 * held.rms_error),
        share(held.covered, held.held_out),
    ]
}

fn share(covered: Option<usize>, of: usize) -> String {
    covered.map_or(String::new(), |covered| format!("{covered} of {of}"))
}

/// How the windows do at budgets beyond the next one, over all windows.
fn longest(validation: &Validation) -> Option<String> {
    let windows = validation.windows.iter();
    let later: Vec<&Reached> = windows.flat_map(|held| held.reached.iter().skip(1)).collect();
    let reach = later.iter().map(|at| at.reach).reduce(f64::max)?;
    let rows = later.iter().map(|at| at.held_out).sum();
    let covered: Option<usize> = later.iter().map(|at| at.covered).sum();
    let squares: f64 = later.iter().map(|at| at.rms_error.powi(2) * at.held_out as f64).sum();
    let inside = share(covered, rows);
    let inside = match inside.as_str() {
        "" => String::new(),
        inside => format!(", {inside} inside their {} interval", level_words()),
    };
    Some(format!(
        "the same windows judged by all later budgets, up to {} times the compute: rms {:.2} %{inside}",
        times(reach),
        100.0 * (squares / rows as f64).sqrt()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(reach: f64, error: f64) -> Reached {
        Reached {
            reach,
            held_out: 12,
            mean_error: error,
            rms_error: error.abs(),
            expected: 0.004,
            covered: Some(9),
        }
    }

    #[test]
    fn windows_stand_in_one_table_with_a_verdict_below() {
        let window = |name: &str, judged: &str, reached: Vec<Reached>| HeldOut {
            window: name.into(),
            judged: judged.into(),
            rows: 24,
            held_out: 12,
            range: Some(3.0),
            reach: reached[0].reach,
            mean_error: reached[0].mean_error,
            rms_error: reached[0].rms_error,
            covered: reached[0].covered,
            points: vec![],
            reached,
        };
        let validation = Validation {
            windows: vec![
                window(
                    "C 1e17 to 3e17",
                    "C 1e18",
                    vec![reached(3.3, 0.03), reached(10.0, 0.05), reached(33.0, 0.08)],
                ),
                window("C 1e17 to 1e18", "C 3e18", vec![reached(3.0, 0.02), reached(10.0, 0.04)]),
                window("C 1e17 to 3e18", "C 1e19", vec![reached(3.3, 0.02)]),
            ],
            ..Validation::default()
        };
        insta::assert_snapshot!(held_out(&validation), @"
        held out: fitted on       judged on  reach  rows  mean error     rms  inside 90 %
        C 1e17 to 3e17 (24 rows)  C 1e18       3.3    12  +3.05 %     3.00 %      9 of 12
        C 1e17 to 1e18 (24 rows)  C 3e18         3    12  +2.02 %     2.00 %      9 of 12
        C 1e17 to 3e18 (24 rows)  C 1e19       3.3    12  +2.02 %     2.00 %      9 of 12
        the same windows judged by all later budgets, up to 33 times the compute: rms 5.92 %, 27 of 36 inside their 90 % interval
        verdict: the law predicts too high in 3 of 3 windows, by 2.4 % at 3.2 times the compute and by 8.3 % at 33 times (10.1 standard deviations): this law does not hold here
        ");
    }

    #[test]
    fn a_law_that_holds_has_no_verdict() {
        let held = HeldOut {
            window: "N below 1e9".into(),
            judged: "N 1e9".into(),
            rows: 30,
            held_out: 6,
            reach: 1.0,
            ..HeldOut::default()
        };
        let validation = Validation { largest_size: Some(held), ..Validation::default() };
        let text = held_out(&validation);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("N below 1e9 (30 rows)"), "{text}");
    }
}
