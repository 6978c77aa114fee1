//! Few units: intervals that hold the truth as often as they say, and values inside their own.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use isoflop_core::rng::{Purpose, below, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};
use isoflop_fit::output::Estimate;
use isoflop_fit::{Law, Options, Point, fit, isoflop};

const LAW: ChinchillaLaw = ChinchillaLaw { e: 1.7, a: 400.0, b: 1500.0, alpha: 0.34, beta: 0.36 };

fn row(unit: usize, n: f64, d: f64, error: f64) -> Point {
    Point {
        unit: unit.to_string(),
        n: Some(n),
        d: Some(d),
        c: Some(6.0 * n * d),
        ..Point::new(format!("{n:e} {d:e}"), LAW.loss(Params(n), Tokens(d)) * error.exp())
    }
}

fn size(i: usize) -> f64 {
    2e7 * 150f64.powf(i as f64 / 3.0)
}

fn tokens(j: usize) -> f64 {
    3e8 * 200f64.powf(j as f64 / 3.0)
}

/// Rows of a grid of four sizes and four token counts, three of each at least.
fn grid(rows: usize, noise: f64, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Init, 600);
    let mut cells: Vec<usize> = (0..16).collect();
    loop {
        for i in (1..16).rev() {
            cells.swap(i, below(&mut rng, i as u64 + 1) as usize);
        }
        let kinds = |of: fn(usize) -> usize| {
            let all = |k: &usize| cells[..rows].iter().any(|c| of(*c) == *k);
            (0..4).filter(all).count()
        };
        if kinds(|c| c % 4) > 2 && kinds(|c| c / 4) > 2 {
            break;
        }
    }
    let cell = |(k, c): (usize, &usize)| {
        row(k, size(c % 4), tokens(c / 4), noise * normal_pair(&mut rng).0)
    };
    cells[..rows].iter().enumerate().map(cell).collect()
}

/// Runs of one size each that err in common by as much as each checkpoint by itself.
fn checkpoints(runs: usize, noise: f64, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Init, 601);
    let mut points = Vec::new();
    for run in 0..runs {
        let shared = noise * normal_pair(&mut rng).0;
        for j in 0..10 {
            let n = 2e7 * 150f64.powf(run as f64 / (runs - 1) as f64);
            let d = 3e8 * 200f64.powf(f64::from(j) / 9.0);
            points.push(row(run, n, d, shared + noise * normal_pair(&mut rng).0));
        }
    }
    points
}

/// Budgets of so many sizes within a factor of four of the optimum.
fn budgets(budgets: usize, sizes: usize, noise: f64, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Init, 602);
    let mut points = Vec::new();
    for i in 0..budgets {
        let c = 1e18 * 10f64.powi(i as i32);
        let best = LAW.optimum(Flops(c)).0.0;
        for j in 0..sizes {
            let n = best * 16f64.powf(j as f64 / (sizes - 1) as f64 - 0.5);
            let mut run = row(points.len(), n, c / (6.0 * n), noise * normal_pair(&mut rng).0);
            run.flops_budget = Some(c);
            points.push(run);
        }
    }
    points
}

fn options(bootstrap: usize, seed: u64) -> Options {
    Options { bootstrap, seed, ..Options::default() }
}

fn holds(estimate: Estimate, truth: f64) -> bool {
    let (low, high) = (estimate.low, estimate.high);
    low.is_none_or(|low| low <= truth) && high.is_none_or(|high| truth <= high)
}

/// Draws in which the exponent's interval and E's hold the truth. In a hundred draws at nine in ten the
/// count is 90 give or take 3.
fn held(draws: u64, of: impl Fn(u64) -> Vec<Point>) -> (usize, usize) {
    let all: Vec<_> = (0..draws)
        .map(|seed| fit(&of(seed), Law::Chinchilla, &options(20, seed)).unwrap())
        .collect();
    let count = |name: &str, truth: f64| {
        let held = all.iter().filter(|fit| holds(fit.parameters[name], truth));
        held.count()
    };
    (count("n_exponent", LAW.n_exponent()), count("E", LAW.e))
}

#[test]
fn nine_in_ten_intervals_of_eight_rows_hold_the_truth() {
    let (exponent, e) = held(100, |seed| grid(8, 0.003, seed));
    assert!((80..=97).contains(&exponent), "{exponent}");
    assert!((80..=97).contains(&e), "{e}");
}

#[test]
fn nine_in_ten_intervals_of_six_runs_with_checkpoints_hold_the_truth() {
    let (exponent, e) = held(50, |seed| checkpoints(6, 0.003, seed));
    assert!((38..=50).contains(&exponent), "{exponent}");
    assert!((38..=50).contains(&e), "{e}");
}

#[test]
fn six_rows_for_five_parameters_have_a_wide_interval() {
    let found = fit(&grid(6, 0.003, 1), Law::Chinchilla, &options(50, 0)).unwrap();
    let exponent = found.parameters["n_exponent"];
    let width = exponent.high.unwrap_or(1.0) - exponent.low.unwrap_or(0.0);
    assert!(width > 0.05 && holds(exponent, LAW.n_exponent()), "{exponent:?}");
    let bootstrap = found.bootstrap.unwrap();
    assert_eq!(bootstrap.headline, "profile");
    assert!(bootstrap.intervals.contains_key("n_exponent"));
}

#[test]
fn many_rows_keep_the_intervals_of_their_replicates() {
    let points: Vec<Point> = (0..2).flat_map(|seed| grid(16, 0.003, seed)).collect();
    let points: Vec<Point> = points
        .into_iter()
        .enumerate()
        .map(|(k, point)| Point { unit: k.to_string(), ..point })
        .collect();
    let found = fit(&points, Law::Chinchilla, &options(100, 0)).unwrap();
    let bootstrap = found.bootstrap.unwrap();
    assert_eq!(bootstrap.headline, "replicates");
    let own = bootstrap.intervals["alpha"];
    let shown = found.parameters["alpha"];
    assert_eq!((own.low, own.high), (shown.low, shown.high));
}

#[test]
fn nine_in_ten_intervals_of_parabolas_hold_the_truth() {
    let held = (0..200).filter(|seed| {
        let found = isoflop(&budgets(3, 4, 0.002, *seed), &options(100, *seed));
        holds(found.unwrap().unwrap().n_exponent.unwrap(), LAW.n_exponent())
    });
    let held = held.count();
    assert!((165..=196).contains(&held), "{held}");
}

/// Noise that takes the bottom from many curves: what is said of the others must not shrink.
#[test]
fn an_estimate_of_a_noisy_isoflop_plan_lies_inside_its_interval() {
    let (mut open, mut closed) = (0, 0);
    for seed in 0..60 {
        let points = budgets(3, 5, 0.03, seed);
        let found = isoflop(&points, &options(100, seed)).unwrap().unwrap();
        let minima = found.budgets.iter().filter_map(|budget| budget.minimum);
        let minima = minima.flat_map(|m| [m.n_opt, m.d_opt, m.loss]);
        for estimate in found.n_exponent.into_iter().chain(found.d_exponent).chain(minima) {
            assert!(holds(estimate, estimate.value), "{estimate:?}");
        }
        if let Some(exponent) = found.n_exponent {
            let both = exponent.low.is_some() && exponent.high.is_some();
            assert_eq!(exponent.identified, both);
            match both {
                true => closed += 1,
                false => open += 1,
            }
        }
    }
    assert!(open > 5 && closed > 0, "{open} {closed}");
}

#[test]
fn few_units_say_how_their_replicates_were_made() {
    let points: Vec<Point> =
        (0..7).map(|i| row(i, 1e8, 1e8 * 4f64.powi(i as i32), 1e-3 * (i * 5 % 7) as f64)).collect();
    let found =
        fit(&points, Law::PowerOffset(isoflop_fit::output::Axis::D), &options(50, 0)).unwrap();
    let bootstrap = found.bootstrap.unwrap();
    assert_eq!((bootstrap.units, bootstrap.headline.as_str()), (7, "profile"));
    assert!(bootstrap.unit.contains("normal errors about the fit"));
    let wide = "the intervals rest on 7 rows of 7 units";
    assert!(found.remarks.say(wide), "{:?}", found.remarks);
}
