//! Predictions and validation against runs whose law is known.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};
use isoflop_fit::optimum::Cost;
use isoflop_fit::predict::At;
use isoflop_fit::{Law, Options, Point, fit};

/// Besiroglu et al. 2024, table 1.
const LAW: ChinchillaLaw =
    ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };

/// Twelve sizes at five budgets, each loss off by `noise` (of ln L), and by `bend` for each e-fold of
/// compute beyond the second budget.
fn runs(seed: u64, noise: f64, bend: f64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Bootstrap, 77);
    let mut points = Vec::new();
    for budget in [1e17, 3e17, 1e18, 3e18, 1e19] {
        let best = LAW.optimum(Flops(budget)).0.0;
        for step in 0..12 {
            let n = best * 2f64.powf(f64::from(step) / 2.0 - 2.75);
            let d = budget / (6.0 * n);
            let beyond = (budget / 3e17f64).ln().max(0.0);
            let off = noise * normal_pair(&mut rng).0 + bend * beyond;
            points.push(Point {
                unit: format!("{n}"),
                n: Some(n),
                d: Some(d),
                c: Some(budget),
                flops_budget: Some(budget),
                ..Point::new(
                    format!("{budget:e}-{step}"),
                    LAW.loss(Params(n), Tokens(d)) * off.exp(),
                )
            });
        }
    }
    points
}

fn options(bootstrap: usize) -> Options {
    Options { bootstrap, ..Options::default() }
}

#[test]
fn without_noise_the_law_predicts_itself_and_its_optimum() {
    let fit = fit(&runs(0, 0.0, 0.0), Law::Chinchilla, &options(0)).unwrap();
    let at = At { n: Some(1e10), d: Some(1e12), c: None, ..At::default() };
    let truth = LAW.loss(Params(1e10), Tokens(1e12));
    assert!((fit.predict(at).unwrap().estimate.value / truth - 1.0).abs() < 1e-6);
    let [n, d, loss] = fit.optimum(1e21, &Cost::SixNd).unwrap();
    let (n_opt, d_opt) = LAW.optimum(Flops(1e21));
    assert!((n.estimate.value / n_opt.0 - 1.0).abs() < 1e-4);
    assert!((d.estimate.value / d_opt.0 - 1.0).abs() < 1e-4);
    assert!((loss.estimate.value / LAW.loss(n_opt, d_opt) - 1.0).abs() < 1e-6);
    let validation = fit.validation.unwrap();
    // One budget alone does not identify the law.
    assert_eq!(validation.windows.len(), 3);
    assert!(validation.drift.unwrap() < 1e-6);
    assert!(validation.largest_size.unwrap().rms_error < 1e-6);
}

#[test]
fn a_misallocation_costs_what_the_optimum_would_have_needed() {
    let fit = fit(&runs(0, 0.0, 0.0), Law::Chinchilla, &options(0)).unwrap();
    let n_opt = LAW.optimum(Flops(1e21)).0.0;
    assert!(fit.misallocation(1e21, n_opt, &Cost::SixNd).unwrap().wasted_share.abs() < 1e-4);
    let small = fit.misallocation(1e21, n_opt / 10.0, &Cost::SixNd).unwrap();
    let (n, d) = LAW.optimum(Flops(small.flops_needed));
    assert!((LAW.loss(n, d) / small.loss - 1.0).abs() < 1e-5);
    assert!((0.2..0.9).contains(&small.wasted_share), "{small:?}");
}

#[test]
fn nine_of_ten_intervals_hold_a_new_run_at_ten_times_the_compute() {
    let noise = 0.004;
    let covered = |bend: f64| {
        let held = (0..40).filter(|&seed| {
            let fit = fit(&runs(seed, noise, bend), Law::Chinchilla, &options(60)).unwrap();
            let (n, d) = LAW.optimum(Flops(1e20));
            let mut rng = stream(seed, Purpose::Bootstrap, 78);
            let off = noise * normal_pair(&mut rng).0 + bend * (1e20f64 / 3e17).ln();
            let truth = LAW.loss(n, d) * off.exp();
            let at = At { n: Some(n.0), d: Some(d.0), c: Some(1e20), ..At::default() };
            let found = fit.predict(at).unwrap().estimate;
            (found.low.unwrap()..=found.high.unwrap()).contains(&truth)
        });
        held.count()
    };
    let (right, wrong) = (covered(0.0), covered(0.004));
    println!("{right} and {wrong} of 40 intervals hold the run");
    // Binomial at 85 and at 80 of 100 lets 40 draws fall as low as this.
    assert!(right >= 32, "{right} of 40");
    assert!(wrong >= 30, "{wrong} of 40 where the law is wrong");
}

#[test]
fn a_drift_that_goes_one_way_in_all_windows_widens_the_interval_that_way() {
    let at = At { n: Some(2e9), d: Some(1e20 / 1.2e10), c: Some(1e20), ..At::default() };
    // Losses that bend up, or down, as no law of powers does.
    for bend in [0.002, -0.002] {
        let mut points = runs(3, 0.002, 0.0);
        for point in &mut points {
            point.loss *= (bend * (point.c.unwrap() / 1e17).ln().powi(2)).exp();
        }
        let fit = fit(&points, Law::Chinchilla, &options(60)).unwrap();
        let windows = &fit.validation.as_ref().unwrap().windows;
        let errors: Vec<f64> = windows.iter().map(|held| held.mean_error).collect();
        assert!(errors.iter().all(|error| error * bend < 0.0), "{errors:?}");
        let found = fit.predict(at).unwrap().estimate;
        let up = found.high.unwrap() / found.value - 1.0;
        let down = 1.0 - found.low.unwrap() / found.value;
        let (on, against) = if bend > 0.0 { (up, down) } else { (down, up) };
        assert!(on > 1.3 * against && against > 0.0, "{found:?}");
    }
}

#[test]
fn every_later_budget_judges_a_fit_on_the_smaller_ones() {
    let fit = fit(&runs(1, 0.002, 0.0), Law::Chinchilla, &options(40)).unwrap();
    let validation = fit.validation.unwrap();
    let judged: Vec<usize> = validation.windows.iter().map(|w| w.reached.len()).collect();
    assert_eq!(judged, [3, 2, 1]);
    let first = &validation.windows[0];
    let reaches: Vec<f64> = first.reached.iter().map(|at| at.reach).collect();
    assert!((reaches[0] / (1e18 / 3e17) - 1.0).abs() < 1e-9, "{reaches:?}");
    assert!((validation.reach().unwrap() / (1e19 / 3e17) - 1.0).abs() < 1e-9);
    assert_eq!(first.reached[0].mean_error, first.mean_error);
    // What the replicates leave open grows with the distance.
    assert!(first.reached.is_sorted_by(|a, b| a.expected < b.expected));
    assert!(first.reached.iter().all(|at| at.covered.is_some()));
}

#[test]
fn the_width_grows_with_the_compute_asked_for() {
    let fit = fit(&runs(2, 0.002, 0.0), Law::Chinchilla, &options(40)).unwrap();
    let width = |reach: f64| {
        let (n, d) = LAW.optimum(Flops(1e19 * reach));
        let at = At { n: Some(n.0), d: Some(d.0), ..At::default() };
        let found = fit.predict(at).unwrap().estimate;
        assert!(found.low.unwrap() <= found.value && found.value <= found.high.unwrap());
        (found.high.unwrap() / found.low.unwrap()).ln()
    };
    let widths: Vec<f64> = [1.0, 2.0, 5.0, 20.0, 100.0].map(width).into();
    assert!(widths.is_sorted_by(|a, b| a < b), "{widths:?}");
    // No more than the scatter and the parameters within the rows.
    assert!(widths[0] < 6.0 * 0.002, "{widths:?}");
}
