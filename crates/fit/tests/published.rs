//! Optima of runs that others published, and of a seeded twin of runs that may not be copied. Every expected
//! number that a test does not attribute otherwise was computed to 30 digits by Newton's method from the
//! printed objective, in another program than this.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod tables;

use isoflop_core::rng::{Purpose, normal_pair, stream, uniform};
use isoflop_core::{ChinchillaLaw, Params, Tokens};
use isoflop_fit::{Law, Options, Point, fit};
use std::path::Path;
use tables::{assert_converged, in_millions, near, options, table};

/// 234 of Chinchilla's runs; `tests/data/README.md` has their source and licence.
fn chinchilla() -> Vec<Point> {
    table(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chinchilla_234_runs.csv"))
}

/// A twin of the 245 runs that Besiroglu et al. 2024 read off a figure of Hoffmann et al. 2022: their law,
/// sizes and tokens of their range, losses with tails as heavy as theirs, and last five large models on few
/// tokens that lie far above the law.
fn twin() -> Vec<Point> {
    let law = ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };
    let mut rng = stream(0, Purpose::Init, 0);
    let mut points = Vec::new();
    for i in 0..240 {
        let d = 3e9 * (3.2e11f64 / 3e9).powf((f64::from(i % 16) + uniform(&mut rng)) / 16.0);
        let largest = d.min(1.6e10) / 5.7e7;
        let n = 5.7e7 * largest.powf((f64::from(i / 16) + uniform(&mut rng)) / 15.0);
        let (error, tail) = normal_pair(&mut rng);
        points.push((n, d, 0.003 * error * (1.0 + tail * tail)));
    }
    for (n, d, error) in [
        (6.8e9, 2.5e8, 0.28),
        (3.0e9, 5.2e8, 0.31),
        (2.3e9, 7.0e8, 0.14),
        (2.6e9, 6.2e8, 0.12),
        (2.0e9, 8.1e8, 0.10),
    ] {
        points.push((n, d, error));
    }
    let run = |(row, (n, d, error)): (usize, (f64, f64, f64))| Point {
        n: Some(n),
        d: Some(d),
        ..Point::new((row + 1).to_string(), law.loss(Params(n), Tokens(d)) * error.exp())
    };
    points.into_iter().enumerate().map(run).collect()
}

/// Asserts the constants of Chinchilla's law to a share of 1e-8.
fn assert_law(fit: &isoflop_fit::output::Fit, [e, a, alpha, b, beta]: [f64; 5]) {
    for (name, expected) in [("E", e), ("A", a), ("alpha", alpha), ("B", b), ("beta", beta)] {
        near(fit, name, expected, 1e-8);
    }
    near(fit, "n_exponent", beta / (alpha + beta), 1e-8);
}

#[test]
fn chinchillas_runs_give_their_optimum_under_hubers_penalty_of_ln_l() {
    let fit = fit(&chinchilla(), Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    assert_converged(&fit);
    assert_eq!(fit.rows, 234);
    assert!((fit.objective.value / 0.00084009311995742 - 1.0).abs() < 1e-10, "{:?}", fit.objective);
    let optimum =
        [1.7838941283805, 442.16405731274, 0.3426260429165, 1271.8079924067, 0.3420019007937];
    assert_law(&fit, optimum);
}

#[test]
fn chinchillas_runs_give_their_least_squares() {
    let fit = fit(&chinchilla(), Law::Chinchilla, &options("mse", 0)).unwrap();
    assert_converged(&fit);
    assert!((fit.objective.value / 0.046342894087933 - 1.0).abs() < 1e-10, "{:?}", fit.objective);
    let optimum =
        [1.8091115658404, 475.3668343057, 0.34704742694883, 1798.8481003183, 0.35876411470446];
    assert_law(&fit, optimum);
}

/// N in millions, D in billions and the mean of Huber's penalty of L itself, as arXiv 2603.22339 fits.
#[test]
fn the_unit_of_the_columns_and_the_mean_of_the_penalty_leave_the_optimum_exact() {
    let points = in_millions(chinchilla());
    let fit = fit(&points, Law::Chinchilla, &options("mean-huber:1e-3", 0)).unwrap();
    assert_converged(&fit);
    assert!((fit.objective.value / 1.0035788444397e-5 - 1.0).abs() < 1e-10, "{:?}", fit.objective);
    let optimum =
        [1.7893504733203, 3.823740652553, 0.33627371656432, 1.0569054218263, 0.35461119998876];
    assert_law(&fit, optimum);
}

/// Besiroglu et al. 2024, 4,000 replicates of 240 of these runs; 200 replicates estimate a standard error
/// within a sixth.
#[test]
fn the_bootstrap_agrees_with_the_published_standard_errors() {
    let options = Options { bootstrap: 200, ..options("log-huber:1e-3", 0) };
    let fit = fit(&chinchilla(), Law::Chinchilla, &options).unwrap();
    let published = [("alpha", 0.0154), ("beta", 0.0206), ("E", 0.0257), ("n_exponent", 0.020)];
    for (name, published) in published {
        let found = fit.parameters[name].standard_error.unwrap();
        assert!((found / published - 1.0).abs() < 0.25, "{name}: {found}, published {published}");
        assert!(fit.parameters[name].identified);
    }
    assert_eq!(fit.bootstrap.unwrap().failed, 0);
}

#[test]
fn the_twin_without_its_five_worst_rows_gives_its_optimum() {
    let fit = fit(&twin(), Law::Chinchilla, &options("log-huber:1e-3", 5)).unwrap();
    assert_converged(&fit);
    assert_eq!((fit.rows, fit.dropped), (240, 5));
    assert!((fit.objective.value / 0.00093852125690189 - 1.0).abs() < 1e-10, "{:?}", fit.objective);
    let optimum =
        [1.8083307255803, 467.25175902719, 0.34568299507931, 1955.3577142442, 0.3624917604699];
    assert_law(&fit, optimum);
}

/// Five rows move B sevenfold, as five rows of the originals move it sixfold.
#[test]
fn the_twins_five_outliers_are_named_with_what_they_do() {
    let fit = fit(&twin(), Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    assert_converged(&fit);
    assert!((fit.objective.value / 0.0017339654915856 - 1.0).abs() < 1e-10, "{:?}", fit.objective);
    let optimum =
        [1.8764146030628, 503.15682470669, 0.3502402549463, 14132.802201433, 0.45487281833285];
    assert_law(&fit, optimum);
    let outliers = fit.outliers.expect("five rows lie far from the law");
    assert_eq!(outliers.rows, ["242", "241", "243", "244", "245"]);
    near_value(outliers.without["B"], 1955.3577142442);
    assert!(fit.remarks.say("B depends on 5 of 245 rows"), "{:?}", fit.remarks);
}

fn near_value(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-6, "{found}, expected {expected}");
}

/// One exponent and a given E are special cases of the law with two: never below its objective, and
/// the former the same law as Gadre's.
#[test]
fn laws_inside_chinchillas_lie_above_it() {
    let points = chinchilla();
    let options = options("log-huber:1e-3", 0);
    let of = |law| fit(&points, law, &options).unwrap().objective.value;
    let (whole, tied) = (of(Law::Chinchilla), of(Law::Tied));
    let pinned = |e: f64| of(Law::Pinned(e));
    assert!(tied > whole && tied < 1.01 * whole, "{tied} {whole}");
    // E pinned at its optimum gives the optimum, and elsewhere less.
    assert!((pinned(1.7838941283805) / whole - 1.0).abs() < 1e-9);
    assert!(pinned(1.69) > 1.001 * whole && pinned(1.9) > 1.001 * whole);
    assert!((of(Law::OverTraining) / tied - 1.0).abs() < 1e-9);
}
