//! What planned runs will identify, judged before any of them is trained: the thresholds are those by which
//! fits refuse rows, without the losses.

use super::{Design, classify};
use crate::error::FitError;
use crate::laws::Law;
use crate::output::Axis;
use crate::point::Point;
use isoflop_core::units::short;
use serde::Serialize;

/// Sizes of one budget that a parabola needs.
pub const FEWEST_SIZES: usize = 3;

/// Points that a power law with an interval needs.
const FEWEST_POINTS: usize = 3;

/// A run that is planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedPoint {
    /// Parameters, as fits will count them.
    pub n: f64,
    /// Training tokens.
    pub d: f64,
    /// Training FLOPs that it will spend.
    pub c: f64,
    /// Training FLOPs that it was planned for, where the plan has budgets.
    pub flops_budget: Option<f64>,
    /// Passes over the training text.
    pub epochs: f64,
    /// Width of the model's stream, where it has one.
    pub width: Option<f64>,
    /// Seed of the run: runs that differ in it alone are replicates.
    pub seed: u64,
}

/// A chart or a law, and whether planned runs support it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prospect {
    /// What it shows.
    pub name: &'static str,
    /// Whether it can be drawn or fitted.
    pub supported: bool,
    /// What it rests on, or why it is not supported.
    pub why: String,
}

/// What these runs of one series will identify once they are trained. Laws see no run of more than
/// `most_epochs`, such as [`crate::MOST_EPOCHS`].
pub fn prospects(runs: &[PlannedPoint], most_epochs: f64) -> Vec<Prospect> {
    let (seen, repeated): (Vec<PlannedPoint>, Vec<PlannedPoint>) =
        runs.iter().partition(|run| run.epochs <= most_epochs);
    let mut all = Vec::new();
    if runs.iter().any(|run| run.flops_budget.is_some()) {
        all.extend(of_budgets(&seen));
    }
    all.push(of_one_variable("L(N)", "N", distinct(&seen, |run| run.n)));
    all.push(of_one_variable("L(D)", "D", distinct(&seen, |run| run.d)));
    all.push(of_surface(&seen));
    if !repeated.is_empty() {
        let left = match seen.len() {
            0 => format!("every run passes {most_epochs} epochs"),
            _ => {
                let pass = match repeated.len() {
                    1 => format!("passes {most_epochs} epochs and does not count"),
                    _ => format!("pass {most_epochs} epochs and do not count"),
                };
                format!("{} of {} {pass}", repeated.len(), counted(runs.len()))
            }
        };
        for law in &mut all {
            law.why = match seen.is_empty() {
                true => format!("{left}, which these laws do not know"),
                false => format!("{}; {left}", law.why),
            };
        }
    }
    all.push(Prospect { name: "learning curves", supported: true, why: counted(runs.len()) });
    all.push(noise_floor(runs));
    all
}

/// So many runs, in words.
fn counted(runs: usize) -> String {
    match runs {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    }
}

/// The noise floor needs runs that differ in their seed.
fn noise_floor(runs: &[PlannedPoint]) -> Prospect {
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    Prospect {
        name: "noise floor",
        supported: seeds.len() > 1,
        why: match seeds.len() {
            0 | 1 => "one seed; seeds = [0, 1, 2] replicates every run".to_owned(),
            count => format!("{count} seeds"),
        },
    }
}

fn of_one_variable(name: &'static str, variable: &str, values: usize) -> Prospect {
    Prospect {
        name,
        supported: values >= FEWEST_POINTS,
        why: match values {
            1 => format!("all runs share one {variable}"),
            _ => format!("{values} different {variable}"),
        },
    }
}

/// IsoFLOP curves, and the laws through their minima.
fn of_budgets(runs: &[PlannedPoint]) -> [Prospect; 2] {
    let mut budgets: Vec<(f64, Vec<PlannedPoint>)> = Vec::new();
    for run in runs {
        let budget = run.flops_budget.unwrap_or(0.0);
        match budgets.iter_mut().find(|(other, _)| *other == budget) {
            Some((_, group)) => group.push(*run),
            None => budgets.push((budget, vec![*run])),
        }
    }
    // Replicates of a size are no more sizes.
    let is_curve = |group: &[PlannedPoint]| distinct(group, |run| run.n) >= FEWEST_SIZES;
    let curves = budgets.iter().filter(|(_, group)| is_curve(group)).count();
    let minima = format!("{curves} budgets of {FEWEST_SIZES} sizes or more");
    [
        Prospect { name: "isoFLOP curves", supported: curves > 0, why: minima.clone() },
        Prospect {
            name: "L(C), N*(C), D*(C)",
            supported: curves >= FEWEST_POINTS,
            why: format!("{minima}; {FEWEST_POINTS} minima are needed"),
        },
    ]
}

/// Chinchilla's law, by the checks that a fit makes of its rows.
fn of_surface(runs: &[PlannedPoint]) -> Prospect {
    let problem = surface_problem(runs);
    Prospect {
        name: "L(N, D)",
        supported: problem.is_none(),
        why: match problem {
            None => counted(runs.len()),
            Some(problem) => format!("not identified: {problem}"),
        },
    }
}

/// Why the runs do not tell the effect of N from that of D.
fn surface_problem(runs: &[PlannedPoint]) -> Option<String> {
    let too_few = || format!("{} for five parameters", counted(runs.len()));
    if runs.is_empty() {
        return Some(too_few());
    }
    let planned = |run: &PlannedPoint| Point {
        n: Some(run.n),
        d: Some(run.d),
        c: Some(run.c),
        flops_budget: run.flops_budget,
        width: run.width,
        ..Point::new("", 1.0)
    };
    let points: Vec<Point> = runs.iter().map(planned).collect();
    let judged = Design::planned(&points, Law::Chinchilla, 0)
        .and_then(|design| design.check_rows().map(|()| design));
    match judged.err()? {
        FitError::TooFewRows { .. } => Some(too_few()),
        FitError::TooFewValues { values: 1, .. } => Some(match distinct(runs, |run| run.d) {
            1 => "all runs share one D".to_owned(),
            _ => "all runs share one N".to_owned(),
        }),
        FitError::TooFewValues { axis, values, needed, .. } => {
            let variable = if axis == Axis::N { "N" } else { "D" };
            Some(format!("{values} different {variable}, and {needed} are needed"))
        }
        FitError::OneTokensPerParam { tokens_per_param } => Some(format!(
            "N and D move together, {} tokens per parameter in every run",
            short(tokens_per_param)
        )),
        other => Some(other.to_string()),
    }
}

/// Values within one per cent are one, as in the fits.
fn distinct(runs: &[PlannedPoint], of: impl Fn(&PlannedPoint) -> f64) -> usize {
    let logs: Vec<f64> = runs.iter().map(|run| of(run).ln()).collect();
    classify(&logs).into_iter().max().map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MOST_EPOCHS;

    fn run(n: f64, d: f64) -> PlannedPoint {
        PlannedPoint { n, d, c: 6.0 * n * d, flops_budget: None, epochs: 1.0, width: None, seed: 0 }
    }

    /// Three budgets of four sizes.
    fn isoflop() -> Vec<PlannedPoint> {
        let mut runs = Vec::new();
        for budget in [1e15f64, 1e16, 1e17] {
            for i in 0..4 {
                let n = 0.1 * budget.sqrt() * 2f64.powi(i - 2);
                runs.push(PlannedPoint {
                    flops_budget: Some(budget),
                    ..run(n, budget / (6.0 * n))
                });
            }
        }
        runs
    }

    fn of<'a>(all: &'a [Prospect], name: &str) -> &'a Prospect {
        all.iter().find(|prospect| prospect.name == name).unwrap()
    }

    fn judged(runs: &[PlannedPoint], name: &str) -> (bool, String) {
        let found = of(&prospects(runs, MOST_EPOCHS), name).clone();
        (found.supported, found.why)
    }

    #[test]
    fn an_isoflop_plan_supports_every_law_and_no_noise_floor() {
        let all = prospects(&isoflop(), MOST_EPOCHS);
        let names: Vec<&str> = all.iter().map(|prospect| prospect.name).collect();
        assert_eq!(
            names,
            [
                "isoFLOP curves",
                "L(C), N*(C), D*(C)",
                "L(N)",
                "L(D)",
                "L(N, D)",
                "learning curves",
                "noise floor"
            ]
        );
        assert!(all[..6].iter().all(|prospect| prospect.supported), "{all:?}");
        assert_eq!(all[1].why, "3 budgets of 3 sizes or more; 3 minima are needed");
        assert_eq!(all[6].why, "one seed; seeds = [0, 1, 2] replicates every run");
    }

    #[test]
    fn replicates_of_two_sizes_are_no_curve_but_a_noise_floor() {
        let mut runs = Vec::new();
        for run in
            isoflop().into_iter().filter(|run| run.n < 0.1 * run.flops_budget.unwrap().sqrt())
        {
            runs.extend((0..3).map(|seed| PlannedPoint { seed, ..run }));
        }
        assert_eq!(runs.len(), 18);
        assert_eq!(judged(&runs, "isoFLOP curves"), (false, "0 budgets of 3 sizes or more".into()));
        assert_eq!(judged(&runs, "noise floor"), (true, "3 seeds".into()));
    }

    #[test]
    fn a_ladder_of_one_number_of_tokens_per_parameter_tells_no_surface() {
        let ladder: Vec<PlannedPoint> =
            (0..8).map(|i| run(1e6 * 2f64.powi(i), 2e7 * 2f64.powi(i))).collect();
        let (supported, why) = judged(&ladder, "L(N, D)");
        assert!(!supported);
        assert_eq!(
            why,
            "not identified: N and D move together, 20 tokens per parameter in every run"
        );
        assert!(judged(&ladder, "L(N)").0 && judged(&ladder, "L(D)").0);
        assert!(prospects(&ladder, MOST_EPOCHS).iter().all(|p| p.name != "isoFLOP curves"));
    }

    #[test]
    fn one_value_of_a_variable_is_named_and_so_are_too_few_runs() {
        let sizes: Vec<PlannedPoint> = (0..8).map(|i| run(1e6 * 2f64.powi(i), 1e8)).collect();
        assert_eq!(judged(&sizes, "L(D)"), (false, "all runs share one D".into()));
        assert_eq!(judged(&sizes, "L(N, D)").1, "not identified: all runs share one D");
        let lengths: Vec<PlannedPoint> = (0..8).map(|i| run(1e6, 1e8 * 2f64.powi(i))).collect();
        assert_eq!(judged(&lengths, "L(N, D)").1, "not identified: all runs share one N");
        let few = [run(1e6, 1e8), run(2e6, 3e8), run(4e6, 1e8), run(1e6, 9e8)];
        assert_eq!(judged(&few, "L(N, D)").1, "not identified: 4 runs for five parameters");
        assert_eq!(judged(&[], "L(N, D)").1, "not identified: 0 runs for five parameters");
    }

    /// What the plan says of a surface is what the fit will say of its rows.
    #[test]
    fn rows_that_a_fit_refuses_are_not_promised() {
        let mut two_lengths = Vec::new();
        for i in 0..6 {
            two_lengths.extend([1e8, 1e9].map(|d| run(1e6 * 2f64.powi(i), d)));
        }
        assert_eq!(
            judged(&two_lengths, "L(N, D)").1,
            "not identified: 2 different D, and 3 are needed"
        );
        let line: Vec<PlannedPoint> =
            (0..8).map(|i| run(1e6 * 2f64.powi(i), 2e7 * 4f64.powi(i))).collect();
        let one_width: Vec<PlannedPoint> =
            isoflop().into_iter().map(|run| PlannedPoint { width: Some(64.0), ..run }).collect();
        for (runs, word) in [(&two_lengths, "2"), (&line, "one line"), (&one_width, "64 wide")] {
            let (supported, why) = judged(runs, "L(N, D)");
            assert!(!supported && why.contains(word), "{why}");
            let rows: Vec<Point> = runs
                .iter()
                .enumerate()
                .map(|(i, run)| Point {
                    n: Some(run.n),
                    d: Some(run.d),
                    width: run.width,
                    ..Point::new(i.to_string(), 3.0 + 0.01 * (i * 7 % 5) as f64)
                })
                .collect();
            assert!(Design::new(&rows, Law::Chinchilla, 0).is_err());
        }
    }

    #[test]
    fn runs_that_repeat_their_text_too_often_do_not_count_and_are_named() {
        let mut runs = isoflop();
        runs[0].epochs = 5.0;
        let some = prospects(&runs, MOST_EPOCHS);
        assert_eq!(
            of(&some, "isoFLOP curves").why,
            "3 budgets of 3 sizes or more; 1 of 12 runs passes 4 epochs and does not count"
        );
        runs.iter_mut().for_each(|run| run.epochs = 5.0);
        let none = prospects(&runs, MOST_EPOCHS);
        for name in ["isoFLOP curves", "L(C), N*(C), D*(C)", "L(N)", "L(D)", "L(N, D)"] {
            let found = of(&none, name);
            assert!(!found.supported, "{found:?}");
            assert_eq!(found.why, "every run passes 4 epochs, which these laws do not know");
        }
        assert_eq!(of(&none, "learning curves").why, "12 runs");
    }
}
