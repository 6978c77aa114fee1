//! Damaged and strange inputs: a `fits.json` ends in fits or a message, a table in a fit or a refusal.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use isoflop_core::fuzz::run;
use isoflop_fit::output::{Fits, FitsError};
use isoflop_fit::{Law, Options, Point, analyse, fit, fuzz};
use std::fmt::Write;

/// Rows of a small isoFLOP plan.
fn plan() -> Vec<Point> {
    let mut points = Vec::new();
    for budget in [1e16f64, 1e17, 1e18] {
        for i in 0..5 {
            let n = (budget / 6.0).sqrt() * 2f64.powi(i - 2);
            let d = budget / (6.0 * n);
            let noise = 0.003 * (f64::from(i * 37) + budget.ln() * 101.0).sin();
            let loss = 1.7 + 400.0 * n.powf(-0.34) + 400.0 * d.powf(-0.34);
            points.push(Point {
                n: Some(n),
                d: Some(d),
                c: Some(1.1 * budget),
                flops_budget: Some(budget),
                ..Point::new(points.len().to_string(), loss * noise.exp())
            });
        }
    }
    points
}

fn fits() -> Fits {
    let options = Options { bootstrap: 4, ..Options::default() };
    analyse(&plan(), Vec::new(), &options).unwrap()
}

/// As [`fuzz::points`] reads them.
fn table(points: &[Point], more: &str) -> String {
    let mut text = String::new();
    for (row, point) in points.iter().enumerate() {
        let (n, d, c) = (point.n.unwrap(), point.d.unwrap(), point.c.unwrap());
        let (budget, loss) = (point.flops_budget.unwrap(), point.loss);
        let (epochs, experts) = (1 + row % 4, 1 << (row % 4));
        writeln!(
            text,
            "{n:e} {d:e} {c:e} {loss} {budget:e} {epochs} {}{more} {experts} {row} {}",
            512 << (row % 3),
            1 << (row % 5)
        )
        .unwrap();
    }
    text
}

#[test]
fn no_fits_json_makes_a_prediction_panic() {
    let whole = serde_json::to_vec(&fits()).unwrap();
    let mut few = fits();
    few.fits.truncate(2);
    few.isoflop.clear();
    few.approaches.clear();
    let few = serde_json::to_vec(&few).unwrap();
    run(
        17,
        500,
        &[&whole, &few, b"{\"level\": 0.9, \"fits\": [], \"isoflop\": [], \"excluded\": []}"],
        fuzz::fits,
    );
}

#[test]
fn no_table_makes_a_fit_panic_or_hang() {
    let plan = plan();
    let whole = table(&plan, "");
    let extreme = "1e-300 1e300 1e-10 1e-300\n1e300 1e-300 1e10 1e300\n1 1 1 1\n2 2 4 1\n4 1 4 2\n";
    let one = "1e6 1e8 6e14 3.5\n";
    let equal = one.repeat(20);
    let huge = table(&plan, "").replace(" 1 ", " 1e308 ");
    let samples = [
        whole.as_bytes(),
        extreme.as_bytes(),
        one.as_bytes(),
        equal.as_bytes(),
        huge.as_bytes(),
        b"",
    ];
    run(18, 60, &samples, fuzz::points);
}

#[test]
fn a_field_that_cannot_be_is_named() {
    let problem = |change: &dyn Fn(&mut Fits)| {
        let mut fits = fits();
        change(&mut fits);
        match Fits::parse(&serde_json::to_vec(&fits).unwrap()) {
            Err(error @ FitsError::Field { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let at = fits().fits.iter().position(|fit| fit.law == "chinchilla").unwrap();
    assert_eq!(
        problem(&|fits| fits.fits[at].draws[2].truncate(4)),
        format!("fits[{at}].draws[2] has 4 values for 5 parameters")
    );
    assert_eq!(
        problem(&|fits| fits.fits[0].law = "chinchila".into()),
        "fits[0].law is `chinchila`, which this version does not know"
    );
    assert_eq!(
        problem(&|fits| fits.fits[at].draw_names[1] = "a".into()),
        format!(
            "fits[{at}].draw_names are E, a, alpha, B, beta; chinchilla has E, A, alpha, B, beta"
        )
    );
    assert_eq!(
        problem(&|fits| fits.fits[0].data[1].c = Some(-1.0)),
        "fits[0].data[1].c is -1; it must be positive and finite"
    );
    assert_eq!(
        problem(&|fits| fits.fits[0].rows = 99),
        format!("fits[0].rows is 99, but data has {}", fits().fits[0].rows)
    );
    assert_eq!(problem(&|fits| fits.level = 9.0), "level is 9; it must lie between 0 and 1");
    assert_eq!(
        problem(&|fits| fits.isoflop[0].budgets[1].flops_budget = 0.0),
        "isoflop[0].budgets[1].flops_budget is 0; it must be positive and finite"
    );
    let name = "\u{1b}[31m".repeat(1000);
    let strange = problem(&|fits| fits.fits[0].law = name.clone());
    assert!(strange.len() < 500 && !strange.contains('\u{1b}'), "{strange}");
}

#[test]
fn the_fits_of_the_repository_read_back_as_they_were_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results/quickstart/fits.json");
    let bytes = std::fs::read(path).unwrap();
    let fits = Fits::parse(&bytes).unwrap();
    assert!(fits.fits.len() > 5);
    fuzz::fits(&bytes);
    let cut = Fits::parse(&bytes[..bytes.len() / 2]).unwrap_err().to_string();
    assert!(cut.starts_with("not a fits.json: EOF") && cut.len() < 300, "{cut}");
}

/// A row of no size at all takes the law of learning curves to infinity.
#[test]
fn a_row_of_no_size_leaves_numbers_that_can_be_read_back() {
    let mut points = plan();
    for (row, point) in points.iter_mut().enumerate() {
        point.batch = Some(512.0 * 2f64.powi(row as i32 % 3));
    }
    points[1].n = Some(5e-324);
    let options = Options { bootstrap: 4, ..Options::default() };
    let found = fit(&points, Law::LearningCurve, &options);
    let fits = Fits { level: 0.9, fits: found.clone().into_iter().collect(), ..Fits::default() };
    let read = Fits::parse(&serde_json::to_vec(&fits).unwrap());
    assert!(read.is_ok(), "{read:?}");
}
