//! Bounds that no optimum hides behind, and what is said where one binds.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_fit::output::{Axis, Fit};
use isoflop_fit::{Law, Options, Point, fit};

fn options(bootstrap: usize) -> Options {
    Options { bootstrap, ..Options::default() }
}

/// Where a parameter is at a bound other than zero, no number of the fit counts as identified.
fn check_bounds(fit: &Fit) {
    let best = fit.basins.first().expect("a fit has an optimum");
    let cut_off = best
        .at_bound
        .iter()
        .filter(|name| fit.parameters.get(*name).is_none_or(|e| e.value != 0.0));
    let cut_off: Vec<&String> = cut_off.collect();
    if !cut_off.is_empty() {
        assert!(fit.parameters.values().all(|estimate| !estimate.identified), "{cut_off:?}");
        let says = |name: &String| {
            let mut notes = fit.remarks.notes();
            notes.any(|w| w.starts_with(name.as_str()) && w.contains("every other number"))
        };
        assert!(cut_off.iter().all(|name| says(name)), "{:?}", fit.remarks);
    }
}

/// A break after which the loss falls far more steeply than any that was ever published.
#[test]
fn a_steep_break_is_followed_to_its_optimum() {
    for (c1, f1) in [(5.66, 0.4), (9.0, 0.3), (-0.05, 0.2)] {
        let law =
            |x: f64| 0.3 + 40.0 * x.powf(-0.08) * (1.0 + (x / 1e19).powf(1.0 / f1)).powf(-c1 * f1);
        let points: Vec<Point> = (0..40)
            .map(|i| {
                let c = 1e16 * 10f64.powf(f64::from(i) / 10.0);
                Point { c: Some(c), ..Point::new(i.to_string(), law(c)) }
            })
            .collect();
        let found = fit(&points, Law::Broken(1, Axis::C), &options(0)).unwrap();
        let c = found.parameters["c1"].value;
        assert!((c / c1 - 1.0).abs() < 0.02, "{c1} {c} {:?}", found.basins[0]);
        assert_eq!(found.basins[0].at_bound.len(), 0, "{:?}", found.basins[0]);
    }
}

/// Muennighoff et al. 2023, eq. 5 and 6, where excess parameters are worth all or little, and errors of .2 %.
fn repeated(r_n: f64, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Init, 610);
    let law = Law::DataConstrained;
    let natural = [1.7, 400.0, 0.34, 1500.0, 0.36, 15.4, r_n];
    let names = law.names();
    let mut points = Vec::new();
    for i in 0..6 {
        for unique in [1e8, 1e9] {
            for epochs in [1.0, 4.0, 16.0] {
                let n = 1e7 * 4f64.powi(i);
                let at = isoflop_fit::predict::At {
                    n: Some(n),
                    d: Some(unique * epochs),
                    epochs: Some(epochs),
                    ..Default::default()
                };
                let fit = Fit {
                    law: law.name().into_owned(),
                    draw_names: names.clone(),
                    parameters: names.iter().cloned().zip(natural.map(estimate)).collect(),
                    ..Fit::default()
                };
                let loss = fit.predict(at).unwrap().estimate.value;
                points.push(Point {
                    n: at.n,
                    d: at.d,
                    epochs: at.epochs,
                    ..Point::new(
                        points.len().to_string(),
                        loss * (0.002 * normal_pair(&mut rng).0).exp(),
                    )
                });
            }
        }
    }
    points
}

fn estimate(value: f64) -> isoflop_fit::output::Estimate {
    isoflop_fit::output::Estimate {
        value,
        low: None,
        high: None,
        standard_error: None,
        identified: true,
        fixed: false,
    }
}

#[test]
fn excess_parameters_worth_all_they_count_bend_no_exponent() {
    for seed in 0..4 {
        for r_n in [5.3, 1e5] {
            let found = fit(&repeated(r_n, seed), Law::DataConstrained, &options(20)).unwrap();
            check_bounds(&found);
            let alpha = found.parameters["alpha"].value;
            assert!((alpha / 0.34 - 1.0).abs() < 0.1, "{r_n} {seed}: {alpha}");
        }
    }
}

#[test]
fn every_number_beside_a_bound_says_so() {
    // A straight line has no break: the break's parameters go where nothing changes.
    for law in [Law::Broken(1, Axis::C), Law::M3(Axis::C), Law::M4(Axis::C)] {
        let points: Vec<Point> = (0..30)
            .map(|i| {
                let c = 1e16 * 10f64.powf(f64::from(i) / 10.0);
                let error = 1e-3 * f64::from(i * 7 % 11 - 5);
                Point {
                    c: Some(c),
                    ..Point::new(i.to_string(), 90.0 * c.powf(-0.09) * error.exp())
                }
            })
            .collect();
        check_bounds(&fit(&points, law, &options(20)).unwrap());
    }
}

/// Starts that end in one flat valley, a little apart, have all found its optimum.
#[test]
fn an_optimum_that_starts_agree_on_is_no_find_of_a_profile() {
    for seed in 0..6 {
        let found = fit(&repeated(1e5, seed), Law::DataConstrained, &options(20)).unwrap();
        let alarm = found.remarks.say("it was found while profiling");
        assert!(!alarm, "{} of {}", found.starts_agreed, found.starts_tried);
    }
}
