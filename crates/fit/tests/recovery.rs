//! A fit is judged by what it must recover: laws that made the points, and the noise put in.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Params, PowerLaw, Tokens};
use isoflop_fit::output::{Axis, Fit};
use isoflop_fit::{FitError, Law, Options, Point, fit};
use proptest::prelude::*;

fn point(row: usize, n: f64, d: f64, loss: f64) -> Point {
    Point {
        n: Some(n),
        d: Some(d),
        c: Some(6.0 * n * d),
        flops_budget: None,
        ..Point::new(row.to_string(), loss)
    }
}

/// Six sizes at six token counts.
fn grid(law: &ChinchillaLaw) -> Vec<Point> {
    let mut points = Vec::new();
    for i in 0..6 {
        for j in 0..6 {
            let (n, d) = (1e5 * 4f64.powi(i), 1e7 * 4f64.powi(j));
            points.push(point(points.len(), n, d, law.loss(Params(n), Tokens(d))));
        }
    }
    points
}

fn noisy(mut points: Vec<Point>, deviation: f64, seed: u64) -> Vec<Point> {
    for (row, point) in points.iter_mut().enumerate() {
        let (normal, _) = normal_pair(&mut stream(seed, Purpose::Init, row as u64));
        point.loss *= (deviation * normal).exp();
    }
    points
}

fn options(objective: &str, bootstrap: usize) -> Options {
    Options { objective: Some(objective.parse().unwrap()), bootstrap, ..Options::default() }
}

fn value(fit: &Fit, name: &str) -> f64 {
    fit.parameters[name].value
}

const LAW: ChinchillaLaw = ChinchillaLaw { e: 1.7, a: 400.0, b: 900.0, alpha: 0.34, beta: 0.31 };
const CASES: u32 = 64;
const OBJECTIVES: [&str; 4] = ["log-huber:1e-3", "huber:1e-3", "mse", "mean-log-mse"];

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn the_surface_that_made_the_points_is_recovered(
        e in 0.5..3.0f64, alpha in 0.15..0.7f64, beta in 0.15..0.7f64,
        reducible_n in 0.2..3.0f64, reducible_d in 0.2..3.0f64, objective in 0usize..4,
    ) {
        // Shares of the loss at the smallest size and token count, so that each term matters.
        let (a, b) = (reducible_n * 1e5f64.powf(alpha), reducible_d * 1e7f64.powf(beta));
        let law = ChinchillaLaw { e, a, b, alpha, beta };
        let fit = fit(&grid(&law), Law::Chinchilla, &options(OBJECTIVES[objective], 0)).unwrap();
        for (name, truth) in [("E", e), ("A", a), ("B", b), ("alpha", alpha), ("beta", beta)] {
            let found = value(&fit, name);
            prop_assert!((found / truth - 1.0).abs() < 1e-6, "{name}: {found} for {truth}, {:?}", fit.remarks);
        }
        prop_assert!(fit.gradient_norm < 1e-9);
        prop_assert!((value(&fit, "n_exponent") - law.n_exponent()).abs() < 1e-7);
    }

    #[test]
    fn the_power_law_that_made_the_points_is_recovered(
        e in 0.2..3.0f64, alpha in 0.1..0.9f64, reducible in 0.5..4.0f64, axis in 0usize..3, rows in 4usize..12, objective in 0usize..4,
    ) {
        let axis = [Axis::N, Axis::D, Axis::C][axis];
        let coordinates: Vec<(f64, f64)> = (0..rows).map(|i| (1e4 * 3f64.powi(i as i32), 1e6 * 2f64.powi(i as i32))).collect();
        let x = |n: f64, d: f64| match axis { Axis::N => n, Axis::D => d, Axis::C => 6.0 * n * d };
        let (n0, d0) = coordinates[0];
        let a = reducible * x(n0, d0).powf(alpha);
        for (law, truth) in [(Law::Power(axis), PowerLaw { e: 0.0, a, alpha }), (Law::PowerOffset(axis), PowerLaw { e, a, alpha })] {
            let points: Vec<_> = coordinates.iter().enumerate().map(|(row, &(n, d))| point(row, n, d, truth.loss(x(n, d)))).collect();
            let fit = fit(&points, law, &options(OBJECTIVES[objective], 0)).unwrap();
            prop_assert!((value(&fit, "alpha") / alpha - 1.0).abs() < 1e-5, "{:?} {:?}", fit.parameters, fit.remarks);
            prop_assert!((value(&fit, "A") / a - 1.0).abs() < 1e-4);
            if let Law::Power(_) = law {
                prop_assert!((value(&fit, "X_c") / truth.critical_scale()).ln().abs() < 1e-3);
            } else {
                prop_assert!((value(&fit, "E") - e).abs() < 1e-4 * (e + reducible));
            }
        }
    }

    #[test]
    fn every_start_of_a_noisy_sweep_converges_or_is_warned_of(seed: u64, deviation in 1e-4..2e-2f64, objective in 0usize..4) {
        let fit = fit(&noisy(grid(&LAW), deviation, seed), Law::Chinchilla, &options(OBJECTIVES[objective], 0)).unwrap();
        prop_assert!(fit.gradient_norm < 1e-7, "{:e} {:?}", fit.gradient_norm, fit.remarks);
        prop_assert_eq!(fit.starts_tried, 8);
        let warned = fit.remarks.say("did not converge");
        prop_assert!(fit.starts_agreed >= 6 || warned || fit.basins.len() > 1, "{}", fit.starts_agreed);
    }
}

/// The way to this optimum leads along a kink in steps of a hundred-millionth of the loss.
#[test]
fn an_optimum_behind_a_kink_is_reached() {
    let points = noisy(grid(&LAW), 0.006_012_810_386_344_629, 15_171_597_784_315_988_505);
    let fit = fit(&points, Law::Chinchilla, &options("huber:1e-3", 0)).unwrap();
    assert!(fit.gradient_norm < 1e-7, "{:e}", fit.gradient_norm);
}

#[test]
fn intervals_of_many_sweeps_cover_the_truth_as_often_as_they_say() {
    let sweeps = 60;
    let covered = (0..sweeps)
        .filter(|&seed| {
            let points = noisy(grid(&LAW), 0.004, seed);
            let fit = fit(&points, Law::Chinchilla, &options("log-mse", 200)).unwrap();
            let exponent = fit.parameters["n_exponent"];
            let truth = LAW.n_exponent();
            exponent.low.unwrap() < truth && truth < exponent.high.unwrap()
        })
        .count();
    // Binomial(60, .9): below 46 once in a thousand. Percentile intervals of 36 rows run narrow.
    assert!(covered >= 46, "{covered} of {sweeps}");
}

#[test]
fn the_bootstrap_does_not_depend_on_the_threads() {
    let points = noisy(grid(&LAW), 0.004, 1);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 40)).unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn without_replicates_the_intervals_are_null_and_the_rest_is_there() {
    let mut points = noisy(grid(&LAW), 0.004, 2);
    points[3].loss *= 1.4;
    let fit = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    assert!(fit.bootstrap.is_none() && fit.parameters.values().all(|p| p.low.is_none()));
    assert_eq!(fit.influence.len(), 5);
    assert!(!fit.basins.is_empty());
    assert!(
        fit.remarks
            .notes()
            .any(|w| w.contains("robust standard deviations from the law") && w.ends_with(": 3")),
        "{:?}",
        fit.remarks
    );
}

#[test]
fn rows_of_one_trunk_are_resampled_together_and_widen_the_interval() {
    let law = LAW;
    let mut points = grid(&law);
    // One error a size, shared by its token counts.
    for (row, point) in points.iter_mut().enumerate() {
        point.loss *= 1.0 + 0.01 * (((row / 6) * 5 % 7) as f64 / 3.0 - 1.0);
    }
    points.extend(points.clone().into_iter().map(|p| Point {
        n: p.n.map(|n| 1.5 * n),
        unit: format!("b{}", p.unit),
        ..p
    }));
    let apart = fit(&points, Law::Chinchilla, &options("log-mse", 100)).unwrap();
    for (row, point) in points.iter_mut().enumerate() {
        point.unit = format!("trunk {}", row / 6);
    }
    let together = fit(&points, Law::Chinchilla, &options("log-mse", 100)).unwrap();
    let error = |fit: &Fit| fit.parameters["alpha"].standard_error.unwrap();
    assert_eq!(
        (apart.bootstrap.as_ref().unwrap().units, together.bootstrap.as_ref().unwrap().units),
        (72, 12)
    );
    assert!(error(&together) > error(&apart));
}

#[test]
fn a_floor_that_the_rows_do_not_show_is_not_identified() {
    let points: Vec<_> = (0..12)
        .map(|i| 1e4 * 3f64.powi(i))
        .enumerate()
        .map(|(row, n)| {
            point(
                row,
                n,
                1e7,
                9.0 * n.powf(-0.1) * (1.0 + 0.002 * ((row * 5 % 7) as f64 - 3.0)) - 0.05,
            )
        })
        .collect();
    let fit = fit(&points, Law::PowerOffset(Axis::N), &options("log-mse", 50)).unwrap();
    assert_eq!(value(&fit, "E"), 0.0);
    assert!(!fit.parameters["E"].identified);
    assert_eq!(fit.basins[0].at_bound, ["E"]);
    assert!(fit.remarks.notes().any(|w| w.starts_with("E was fitted as 0")));
}

#[test]
fn a_loss_that_rises_with_size_is_no_power_law() {
    let points: Vec<_> =
        (0..6).map(|i| point(i, 1e4 * 3f64.powi(i as i32), 1e7, 3.0 + 0.1 * i as f64)).collect();
    let fit = fit(&points, Law::Power(Axis::N), &options("log-mse", 0)).unwrap();
    assert_eq!(fit.basins[0].at_bound, ["alpha"]);
    assert!(!fit.parameters["alpha"].identified);
    let error =
        isoflop_fit::fit(&points, Law::PowerOffset(Axis::N), &options("log-mse", 0)).unwrap_err();
    assert_eq!(error, FitError::NoFall { law: "power-offset".into(), rows: 6 });
}

#[test]
fn a_row_without_the_coordinate_is_named() {
    let mut points = grid(&LAW);
    points[4].d = None;
    let error = fit(&points, Law::Chinchilla, &options("mse", 0)).unwrap_err();
    assert_eq!(
        error,
        FitError::Missing { label: "4".into(), column: "d", law: "chinchilla".into() }
    );
}

#[test]
fn an_absolute_error_runs_through_as_many_rows_as_there_are_parameters() {
    let points = noisy(grid(&LAW), 0.004, 5);
    let fit = fit(&points, Law::Chinchilla, &options("log-absolute", 0)).unwrap();
    let exact = fit.data.iter().filter(|p| (p.fitted / p.loss).ln().abs() < 1e-6).count();
    assert_eq!(exact, 5);
    // Huber's penalty with a threshold far below the noise is the same but for its scale.
    let huber = isoflop_fit::fit(&points, Law::Chinchilla, &options("log-huber:1e-6", 0)).unwrap();
    assert!((value(&fit, "alpha") - value(&huber, "alpha")).abs() < 1e-3);
    assert!(
        (fit.objective.value - huber.objective.value / 1e-6).abs() < 1e-3 * fit.objective.value
    );
}

#[test]
fn runs_as_upper_bounds_put_the_law_below_most_of_them() {
    let mut points = noisy(grid(&LAW), 0.001, 6);
    // Every third run had a bad rate.
    points.iter_mut().step_by(3).for_each(|point| point.loss *= 1.03);
    let fit = |objective| fit(&points, Law::Chinchilla, &options(objective, 0)).unwrap();
    let below = |fit: &Fit| fit.data.iter().filter(|p| p.loss < p.fitted).count();
    let (even, upper) = (fit("log-huber:1e-3"), fit("log-asymmetric:1e-3"));
    assert!(below(&upper) < below(&even), "{} {}", below(&upper), below(&even));
    // With a threshold far below the noise a fifth of the 36 lie below.
    let lowest = below(&fit("log-asymmetric:1e-5"));
    assert!((3..=11).contains(&lowest), "{lowest}");
    // The floor of the truth, which the bad runs would raise.
    let truth = LAW.loss(Params(1e9), Tokens(1e11));
    let at = |fit: &Fit| {
        let place = isoflop_fit::predict::At { n: Some(1e9), d: Some(1e11), ..Default::default() };
        (fit.predict(place).unwrap().estimate.value / truth - 1.0).abs()
    };
    assert!(at(&upper) < at(&even), "{} {}", at(&upper), at(&even));
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    let mut points = noisy(grid(&LAW), 0.004, 7);
    points[4].weight = 2.0;
    let weighted = fit(&points, Law::Chinchilla, &options("mean-log-mse", 0)).unwrap();
    points[4].weight = 1.0;
    points.push(points[4].clone());
    let twice = fit(&points, Law::Chinchilla, &options("mean-log-mse", 0)).unwrap();
    assert!((value(&weighted, "alpha") - value(&twice, "alpha")).abs() < 1e-9);
    assert!((weighted.objective.value / twice.objective.value - 1.0).abs() < 1e-9);
}

#[test]
fn a_profile_is_flat_where_the_rows_tell_nothing_and_ends_where_they_do() {
    // Sizes so large that the term of N is lost in the noise.
    let law = ChinchillaLaw { a: 1.0, ..LAW };
    let points = noisy(grid(&law), 0.004, 8);
    let found = fit(&points, Law::Chinchilla, &options("log-mse", 100)).unwrap();
    let profile =
        |fit: &Fit, name: &str| fit.profiles.iter().find(|p| p.parameter == name).unwrap().clone();
    assert!(!profile(&found, "alpha").identified && !found.parameters["alpha"].identified);
    let beta = profile(&found, "beta");
    assert!(beta.identified && beta.low.unwrap() < law.beta && law.beta < beta.high.unwrap());
    let warned =
        |w: &str| w.contains("is not identified by these runs") && w.contains("the data allow");
    // Where the exponent even ends at its bound, no number of the fit counts as told.
    let cut_off = found.basins[0].at_bound.contains(&"alpha".to_owned());
    assert!(cut_off || found.remarks.notes().any(warned), "{:?}", found.remarks);
    assert!(!cut_off || found.parameters.values().all(|e| !e.identified));
    // For squares the statistic is that of the F test: 1 at one standard error of a linear fit.
    let line =
        fit(&noisy(grid(&LAW), 0.004, 9), Law::Chinchilla, &options("log-mse", 200)).unwrap();
    let e = profile(&line, "E");
    let half = (e.high.unwrap() - e.low.unwrap()) / 2.0;
    let by_replicates = 1.7 * line.parameters["E"].standard_error.unwrap();
    assert!((half / by_replicates - 1.0).abs() < 0.5, "{half} {by_replicates}");
}

#[test]
fn outliers_come_with_the_fit_without_them() {
    let mut points = noisy(grid(&LAW), 0.001, 10);
    points[7].loss *= 1.2;
    let found = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    let outliers = found.outliers.unwrap();
    assert_eq!(outliers.rows, ["7"]);
    points.remove(7);
    let without = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    assert!((outliers.without["alpha"] - value(&without, "alpha")).abs() < 1e-6);
    assert!(!found.sensitivity.is_empty());
}

/// A language whose entropy is E: inside the interval; one whose entropy is another: outside.
#[test]
fn e_is_held_against_the_entropy_of_the_language() {
    let of = |entropy: f64, law: Law| {
        let mut points = noisy(grid(&LAW), 0.003, 3);
        points.iter_mut().for_each(|p| p.entropy = Some(entropy));
        fit(&points, law, &options("log-huber:1e-3", 50)).unwrap()
    };
    let right = of(1.7, Law::Chinchilla).known_floor.unwrap();
    assert_eq!((right.agrees, right.entropy), (Some(true), 1.7));
    let (low, high) = (right.low.unwrap(), right.high.unwrap());
    assert!(low < 1.7 && 1.7 < high && high - low < 0.2, "{right}");
    let wrong = of(1.2, Law::Chinchilla).known_floor.unwrap();
    assert_eq!(wrong.agrees, Some(false));
    assert!(wrong.to_string().contains("outside the interval"), "{wrong}");
    // A law without an E of its own is not judged.
    assert_eq!(of(1.7, Law::Pinned(1.6)).known_floor, None);
}
