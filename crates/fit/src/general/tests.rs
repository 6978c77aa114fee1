//! Gradients against central differences, and every law found again from points of its own.

use super::dual::Dual;
use super::formula::{Centre, Place};
use super::*;
use crate::output::Axis;
use isoflop_core::rng::{Purpose, stream, uniform};
use proptest::prelude::*;

const LAWS: [GeneralLaw; 11] = [
    GeneralLaw::Kaplan { offset: false },
    GeneralLaw::Kaplan { offset: true },
    GeneralLaw::Tied,
    GeneralLaw::Pinned(1.6),
    GeneralLaw::OverTraining,
    GeneralLaw::DataConstrained,
    GeneralLaw::Broken(1, Axis::C),
    GeneralLaw::Broken(2, Axis::C),
    GeneralLaw::Broken(3, Axis::C),
    GeneralLaw::M3(Axis::C),
    GeneralLaw::M4(Axis::C),
];

/// Inner parameters inside the ranges where starts are drawn, for losses of 1.7 to 4.
fn inner(law: GeneralLaw, seed: u64) -> Vec<f64> {
    use formula::Kind;
    let mut rng = stream(seed, Purpose::Starts, 5);
    let mut draw = |low: f64, high: f64| low + (high - low) * uniform(&mut rng);
    let mut widths = 0.0;
    law.kinds()
        .into_iter()
        .map(|kind| match kind {
            Kind::Level => draw(0.3f64.ln(), 0.9f64.ln()),
            Kind::Exponent => draw(0.15f64.ln(), 0.5f64.ln()),
            Kind::Floor => draw(1.2f64.ln(), 1.8f64.ln()),
            Kind::Ceiling => draw(0.3f64.ln(), 1.5f64.ln()),
            Kind::Bend => draw(0.1, 0.3),
            // Breaks apart from each other.
            Kind::Break => {
                widths += 2.5;
                -5.0 + widths + draw(-0.4, 0.4)
            }
            Kind::Width => draw(0.1f64.ln(), 0.4f64.ln()),
            Kind::Repeats => draw(4.0f64.ln(), 20.0f64.ln()),
        })
        .collect()
}

#[test]
fn gradients_are_those_of_central_differences() {
    let centre = Centre {
        n: 14.0,
        d: 17.0,
        x: 30.0,
        top: 4.0,
    };
    for law in LAWS {
        for seed in 0..20 {
            let t = inner(law, seed);
            let place = Place {
                n: 1.5 - 0.3 * seed as f64 % 3.0,
                d: 0.7,
                x: -2.0 + 0.2 * seed as f64,
                u: 0.7 - 0.1 * seed as f64,
            };
            let exact = law.loss(&Dual::variables(&t), &place, &centre);
            assert_eq!(exact.value, law.loss(&t, &place, &centre));
            for k in 0..t.len() {
                let at = |step: f64| {
                    let mut moved = t.clone();
                    moved[k] += step;
                    law.loss(&moved, &place, &centre)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                let miss = (difference - exact.gradient[k]).abs();
                assert!(
                    miss < 1e-6 * (1.0 + difference.abs()),
                    "{law:?} parameter {k}: {difference} {}",
                    exact.gradient[k]
                );
            }
        }
    }
}

/// Points of a law without noise: a grid of N and D, or a line of C.
fn points(law: GeneralLaw, t: &[f64]) -> Vec<Point> {
    let mut places = Vec::new();
    for i in 0..8 {
        for j in 0..7 {
            let (n, d) = (-3.0 + 0.9 * f64::from(i), -3.0 + f64::from(j));
            for epochs in [1.0, 6.0, 30.0] {
                let repeats = law == GeneralLaw::DataConstrained;
                if repeats || epochs == 1.0 {
                    let x = -5.0 + 10.0 * f64::from(7 * i + j) / 55.0;
                    places.push((n, d, x, epochs));
                }
            }
        }
    }
    let means = places
        .iter()
        .fold((0.0, 0.0, 0.0), |m, p| (m.0 + p.0, m.1 + p.1, m.2 + p.2));
    let count = places.len() as f64;
    let centre = Centre {
        n: 14.0,
        d: 17.0,
        x: 30.0,
        top: 2.0,
    };
    let all = places.iter().enumerate().map(|(i, &(n, d, x, epochs))| {
        let (n, d, x) = (
            n - means.0 / count,
            d - means.1 / count,
            x - means.2 / count,
        );
        let place = Place {
            n,
            d,
            x,
            u: d - f64::ln(epochs),
        };
        Point {
            label: i.to_string(),
            series: String::new(),
            unit: i.to_string(),
            n: Some((n + centre.n).exp()),
            d: Some((d + centre.d).exp()),
            c: Some((x + centre.x).exp()),
            flops_budget: None,
            epochs: Some(epochs),
            loss: law.loss(t, &place, &centre),
        }
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn every_law_is_found_again_from_its_own_points(seed in 0u64..1000) {
        for law in LAWS {
            // Two and three breaks lie on plateaus of their own: their losses are checked below.
            if matches!(law, GeneralLaw::Broken(2 | 3, _)) {
                continue;
            }
            let t = inner(law, seed);
            let points = points(law, &t);
            let options = Options {
                bootstrap: 0,
                objective: Some(Objective::LOG_MSE),
                ..Options::default()
            };
            let fit = fit_general(&points, law, &options).unwrap();
            let worst = fit.data.iter().map(|p| (p.fitted / p.loss).ln().abs()).fold(0.0, f64::max);
            prop_assert!(worst < 1e-5, "{:?}: off by {worst:e}; {:?}", law, fit.warnings);
        }
    }
}

#[test]
fn a_line_with_two_breaks_is_followed() {
    let law = GeneralLaw::Broken(2, Axis::C);
    let points = points(law, &inner(law, 3));
    let options = Options {
        bootstrap: 0,
        objective: Some(Objective::LOG_MSE),
        ..Options::default()
    };
    let fit = fit_general(&points, law, &options).unwrap();
    assert!(fit.noise.unwrap() < 2e-3, "{:?}", fit.noise);
}

#[test]
fn names_read_back_and_a_law_of_one_variable_asks_for_it() {
    for law in LAWS {
        assert_eq!(GeneralLaw::parse(&law.name(), Some(Axis::C)), Ok(Some(law)));
    }
    assert_eq!(GeneralLaw::parse("chinchilla", None), Ok(None));
    assert!(matches!(
        GeneralLaw::parse("m4", None),
        Err(FitError::AxisRequired { law: "m4" })
    ));
    assert!(GeneralLaw::parse("chinchilla-pinned:-1", None).is_err());
}
