//! A few rows far below all others: the penalty that was asked for decides, not where starts come from.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use isoflop_fit::output::Fit;
use isoflop_fit::{Law, Options, Point, fit};
use std::path::Path;

fn table(name: &str) -> Vec<Point> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
    let row = |(k, record): (usize, Result<csv::StringRecord, csv::Error>)| {
        let record = record.unwrap();
        let number = |at: usize| record[at].parse::<f64>().unwrap();
        Point {
            n: Some(number(0)),
            d: Some(number(1)),
            ..Point::new(format!("row {}", k + 1), number(2))
        }
    };
    reader.records().enumerate().map(row).collect()
}

/// Units drawn with replacement may hold eight of four low rows, whose law is another one.
#[test]
fn intervals_beside_far_rows_are_those_that_the_law_allows() {
    let options = Options { bootstrap: 50, ..Options::default() };
    let points: Vec<Point> = table("low_four_rows.csv")
        .into_iter()
        .enumerate()
        .map(|(k, point)| Point { unit: k.to_string(), ..point })
        .collect();
    let found = fit(&points, Law::Chinchilla, &options).unwrap();
    let bootstrap = found.bootstrap.as_ref().unwrap();
    assert_eq!(bootstrap.headline, "profile");
    for (name, truth, width) in [("alpha", 0.34, 0.1), ("beta", 0.36, 0.1), ("E", 1.7, 0.2)] {
        let found = found.parameters[name];
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
        assert!(low < truth && truth < high && high - low < width, "{name} {found:?}");
        assert!(found.identified, "{name}");
    }
    // E can be held above the rows that lie below it.
    let held = Options { fixed: vec![("E".into(), 1.7)], ..options };
    let held = fit(&points, Law::Chinchilla, &held).unwrap();
    assert!((held.parameters["alpha"].value - 0.34).abs() < 0.03);
}

fn without_intervals(points: &[Point]) -> Fit {
    let options = Options { bootstrap: 0, ..Options::default() };
    fit(points, Law::Chinchilla, &options).unwrap()
}

fn near(fit: &Fit, name: &str, value: f64) {
    let found = fit.parameters[name].value;
    assert!((found / value - 1.0).abs() < 1e-3, "{name} {found}");
}

#[test]
fn two_low_rows_are_outliers_and_no_refusal() {
    let found = without_intervals(&table("two_low_rows.csv"));
    let value = found.objective.value;
    assert!((value / 0.001_739_87 - 1.0).abs() < 1e-4, "{value}");
    near(&found, "alpha", 0.3327);
    near(&found, "beta", 0.3597);
    near(&found, "E", 1.6875);
    let outliers = found.outliers.unwrap().rows;
    assert_eq!(outliers.len(), 2, "{outliers:?}");
}

#[test]
fn four_rows_at_half_their_loss_are_named_beside_the_law_of_the_others() {
    let points = table("low_four_rows.csv");
    let found = without_intervals(&points);
    assert!((found.parameters["alpha"].value - 0.34).abs() < 0.03);
    assert!((found.parameters["beta"].value - 0.36).abs() < 0.03);
    assert_eq!(found.outliers.as_ref().unwrap().rows.len(), 4);
    // Far above is as far.
    let lifted: Vec<Point> = points
        .iter()
        .map(|point| Point {
            loss: match found.outliers.as_ref().unwrap().rows.contains(&point.label) {
                true => 4.0 * point.loss,
                false => point.loss,
            },
            ..point.clone()
        })
        .collect();
    let high = without_intervals(&lifted);
    assert!((high.parameters["alpha"].value - 0.34).abs() < 0.03);
    let sorted = |fit: Fit| {
        let mut rows = fit.outliers.unwrap().rows;
        rows.sort();
        rows
    };
    assert_eq!(sorted(high), sorted(found));
}
