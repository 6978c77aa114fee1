//! Parameters held where a person wants them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Params, Tokens};
use isoflop_fit::output::{Axis, Fit};
use isoflop_fit::{Law, Options, Point, fit};

const LAW: ChinchillaLaw = ChinchillaLaw { e: 1.7, a: 400.0, b: 900.0, alpha: 0.34, beta: 0.31 };

fn rows(sizes: i32, tokens: i32) -> Vec<Point> {
    let mut rng = stream(3, Purpose::Init, 620);
    let mut points = Vec::new();
    for i in 0..sizes {
        for j in 0..tokens {
            let (n, d) = (1e6 * 4f64.powi(i), 1e8 * 4f64.powi(j));
            let loss = LAW.loss(Params(n), Tokens(d)) * (0.003 * normal_pair(&mut rng).0).exp();
            points.push(Point {
                unit: points.len().to_string(),
                n: Some(n),
                d: Some(d),
                c: Some(6.0 * n * d),
                ..Point::new(points.len().to_string(), loss)
            });
        }
    }
    points
}

fn fixed(points: &[Point], law: Law, fixed: &[(&str, f64)]) -> Fit {
    let options = Options {
        bootstrap: 50,
        fixed: fixed.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
        ..Options::default()
    };
    fit(points, law, &options).unwrap()
}

#[test]
fn holding_e_is_the_law_with_e_given() {
    // Many units and few.
    for points in [rows(6, 6), rows(4, 3)] {
        let held = fixed(&points, Law::Chinchilla, &[("E", 1.6)]);
        let pinned = fixed(&points, Law::Pinned(1.6), &[]);
        assert!((held.objective.value / pinned.objective.value - 1.0).abs() < 1e-9);
        for name in ["A", "alpha", "B", "beta", "n_exponent"] {
            let (one, other) = (held.parameters[name], pinned.parameters[name]);
            assert!((one.value / other.value - 1.0).abs() < 1e-5, "{name}");
            let width = |e: isoflop_fit::output::Estimate| e.high.unwrap() - e.low.unwrap();
            assert!((width(one) / width(other) - 1.0).abs() < 0.05, "{name} {one:?} {other:?}");
        }
        let e = held.parameters["E"];
        assert_eq!((e.value, e.low, e.high, e.fixed), (1.6, None, None, true));
        assert!(held.profiles.iter().all(|profile| profile.parameter != "E"));
        assert!(held.parameters["alpha"].low.is_some() && !held.parameters["alpha"].fixed);
        assert_eq!(held.draws[0][0], 1.6);
    }
}

#[test]
fn a_floor_is_held_in_a_law_of_compute() {
    let points: Vec<Point> = (0..12)
        .map(|i| {
            let c = 1e16 * 10f64.powf(f64::from(i) / 4.0);
            let error = 1e-3 * f64::from(i * 5 % 7 - 3);
            Point {
                c: Some(c),
                ..Point::new(i.to_string(), (1.6 + 300.0 * c.powf(-0.15)) * error.exp())
            }
        })
        .collect();
    let law = Law::PowerOffset(Axis::C);
    let free = fixed(&points, law, &[]);
    let held = fixed(&points, law, &[("E", 1.6)]);
    assert_eq!(held.parameters["E"].value, 1.6);
    assert!((held.parameters["alpha"].value - 0.15).abs() < 0.005);
    let width = |fit: &Fit| {
        let alpha = fit.parameters["alpha"];
        alpha.high.unwrap() - alpha.low.unwrap()
    };
    assert!(width(&held) < width(&free) / 2.0, "{} {}", width(&held), width(&free));
    // Both of its other parameters too, at the cost of a worse fit.
    let exponent = fixed(&points, law, &[("alpha", 0.2)]);
    assert!(exponent.objective.value > free.objective.value);
    assert!((exponent.parameters["alpha"].value - 0.2).abs() < 1e-12);
    let both = fixed(&points, law, &[("alpha", 0.15), ("A", 300.0)]);
    assert!((both.parameters["A"].value / 300.0 - 1.0).abs() < 1e-9);
    assert!((both.parameters["E"].value - 1.6).abs() < 0.01);
}

/// Fewer free parameters need fewer rows.
#[test]
fn five_rows_fit_a_law_of_five_parameters_of_which_one_is_held() {
    let points: Vec<Point> = rows(3, 3).into_iter().step_by(2).collect();
    assert_eq!(points.len(), 5);
    assert!(fit(&points, Law::Chinchilla, &Options::default()).is_err());
    let held = fixed(&points, Law::Chinchilla, &[("E", 1.7)]);
    assert_eq!(held.parameters["E"].value, 1.7);
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_parameters() {
    let options = Options { fixed: vec![("gamma".into(), 1.0)], ..Options::default() };
    let error = fit(&rows(4, 4), Law::Kaplan { offset: true }, &options).unwrap_err();
    assert_eq!(error.to_string(), "kaplan-offset has no parameter `gamma` to fix");
    assert_eq!(error.hint().unwrap(), "its parameters are N_c, alpha_N, D_c, alpha_D, E");
}
