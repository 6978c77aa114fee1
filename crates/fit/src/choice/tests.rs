//! Choices on rows of known laws, and among fits whose errors are known.

use super::*;
use crate::output::{Basin, Estimate, Forecast, HeldOut, Validation};
use crate::point::point;
use crate::predict::At;
use isoflop_core::rng::{Purpose, normal_pair, stream};

/// Five budgets of seven sizes under a law, with noise of .3 %.
fn rows(loss: impl Fn(f64, f64) -> f64) -> Vec<Point> {
    let mut rng = stream(3, Purpose::Init, 9);
    let mut points = Vec::new();
    for k in 0..5 {
        let c = 1e17 * 2.5f64.powi(k);
        for i in 0..7 {
            let n = 0.1 * c.sqrt() * 2f64.powi(i - 3);
            let d = c / (6.0 * n);
            let error = 0.003 * normal_pair(&mut rng).0;
            let mut run = point(&format!("{k} {i}"), n, d, loss(n, d) * error.exp());
            run.flops_budget = Some(c);
            points.push(run);
        }
    }
    points
}

fn options() -> Options {
    Options { bootstrap: 20, ..Options::default() }
}

fn excluded<'a>(choice: &'a Choice, law: &str) -> Option<&'a str> {
    let found = choice.candidates.iter().find(|candidate| candidate.law == law);
    found.expect("it was asked").excluded.as_deref()
}

/// Kaplan et al. 2020, table 2, has no floor: laws with one collapse on its rows.
#[test]
fn a_law_that_collapses_is_not_chosen() {
    let points = rows(|n, d| ((6.4e13 / n).powf(0.076 / 0.103) + 1.8e13 / d).powf(0.103));
    let (fit, choice) = choose(&points, &options()).unwrap();
    assert_eq!(choice.law, fit.law);
    let chosen = fit.law().unwrap();
    assert!(matches!(chosen, Law::Kaplan { offset: false } | Law::QFamily { offset: false }));
    let at_bound =
        |candidate: &Candidate| candidate.excluded.as_deref() == Some("E ended at its bound");
    assert!(choice.candidates.iter().any(at_bound), "{choice:?}");
    assert_eq!(excluded(&choice, &choice.law), None);
    // Nothing is drawn by chance.
    assert_eq!(choose(&points, &options()).unwrap().1, choice);
}

#[test]
fn the_law_that_made_the_rows_forecasts_and_the_interval_knows_the_others() {
    let points = rows(|n, d| 1.8172 + 482.01 * n.powf(-0.3478) + 2085.43 * d.powf(-0.3658));
    let (fit, choice) = choose(&points, &options()).unwrap();
    // The exponents are nearly the same: one of them is the simpler law.
    assert!(["chinchilla", "chinchilla-tied"].contains(&fit.law.as_str()), "{choice:?}");
    let shares: f64 = choice.candidates.iter().map(|candidate| candidate.share).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    let rivals: f64 = fit.rivals.iter().map(|rival| rival.share).sum();
    let own = choice.candidates.iter().find(|candidate| candidate.law == fit.law).unwrap();
    assert!((rivals + own.share - 1.0).abs() < 1e-9);
    let at = At { n: Some(1e9), d: Some(1e11), ..At::default() };
    let alone = Fit { rivals: Vec::new(), ..fit.clone() }.predict(at).unwrap().estimate;
    let with = fit.predict(at).unwrap().estimate;
    assert_eq!(with.value, alone.value);
    let width = |found: Estimate| found.high.unwrap() - found.low.unwrap();
    assert!(width(with) > width(alone), "{with:?} {alone:?}");
}

/// A fit of this law that has been judged on four rows of one window.
fn judged(law: Law, errors: [f64; 4], noise: f64) -> (Law, Result<Fit, FitError>) {
    let row = |error: &f64| Forecast {
        label: String::new(),
        n: None,
        d: None,
        c: None,
        loss: 2.0,
        predicted: 2.0 * error.exp(),
        low: None,
        high: None,
    };
    let points = errors.iter().map(row).collect();
    let window = HeldOut { window: "C 1e18".into(), points, ..HeldOut::default() };
    let known = |value| Estimate {
        value,
        low: None,
        high: None,
        standard_error: None,
        identified: true,
        fixed: false,
    };
    let fit = Fit {
        law: law.name().into_owned(),
        noise: Some(noise),
        parameters: law.names().into_iter().map(|name| (name, known(0.5))).collect(),
        draw_names: law.names(),
        validation: Some(Validation { windows: vec![window], ..Validation::default() }),
        ..Fit::default()
    };
    (law, Ok(fit))
}

/// Squared errors of 4 and 3.61 % of a per cent differ by .39; the noise of runs gives the difference a standard
/// deviation of `2 noise |e1 - e2| / sqrt(4)`, that is .1 % of the noise.
#[test]
fn more_parameters_must_be_better_beyond_the_noise() {
    let (simple, rich) = (Law::Kaplan { offset: false }, Law::Chinchilla);
    let chosen = |noise: f64| {
        let asked = [judged(simple, [0.02; 4], noise), judged(rich, [0.019; 4], noise)];
        among(&asked).unwrap().0
    };
    // .39e-4 against .5 x .001 x noise: the two are level at a noise of 7.8 %.
    assert_eq!(chosen(0.077).law, "chinchilla");
    let kept = chosen(0.079);
    assert_eq!(kept.law, "kaplan");
    assert_eq!(
        kept.reason,
        "rms 2.00 % on rows held out at the far end, against 1.90 % for chinchilla with its 5 parameters, which noise explains"
    );
    // Shares are inverse squares.
    let share = kept.candidates.iter().find(|c| c.law == "chinchilla").unwrap().share;
    assert!((share - 4.0 / (4.0 + 3.61)).abs() < 1e-9, "{share}");
}

#[test]
fn laws_at_a_bound_or_at_the_edge_of_an_exponent_are_left_out_with_the_reason() {
    let mut at_bound = judged(Law::Chinchilla, [0.001; 4], 0.01);
    let mut at_edge = judged(Law::Tied, [0.001; 4], 0.01);
    let basin =
        Basin { objective: 0.0, parameters: Default::default(), at_bound: vec!["E".into()] };
    at_bound.1.as_mut().unwrap().basins.push(basin);
    at_edge.1.as_mut().unwrap().parameters.get_mut("alpha").unwrap().value = 5.0;
    let asked = [at_bound, at_edge, judged(Law::Kaplan { offset: true }, [0.02; 4], 0.01)];
    let (choice, rivals) = among(&asked).unwrap();
    assert_eq!(choice.law, "kaplan-offset");
    assert_eq!(excluded(&choice, "chinchilla"), Some("E ended at its bound"));
    let edge = Some("alpha lies at the edge of what an exponent is");
    assert_eq!(excluded(&choice, "chinchilla-tied"), edge);
    assert!(rivals.is_empty());
}

#[test]
fn rows_that_allow_no_law_are_refused() {
    let few = &rows(|n, _| 2.0 + n.powf(-0.1))[..3];
    assert!(choose(few, &options()).is_err());
}
