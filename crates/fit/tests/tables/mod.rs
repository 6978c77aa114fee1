//! Reading of tables of published runs, shared by the tests of rows kept here and of rows kept elsewhere.

use isoflop_fit::output::Fit;
use isoflop_fit::{Options, Point};
use std::path::Path;

/// Rows of a table with the columns `params`, `loss`, `flops` or `flops_budget` and, unless D is `C / 6N`,
/// `tokens`. Labels count from 1.
pub(crate) fn table(path: &Path) -> Vec<Point> {
    let mut reader = csv::Reader::from_path(path)
        .unwrap_or_else(|error| panic!("cannot read the table {}: {error}", path.display()));
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let points = reader.records().enumerate().map(|(row, record)| {
        let record = record.unwrap();
        let cell = |name: &str| {
            let at = columns.iter().position(|column| column == name)?;
            record[at].parse::<f64>().ok()
        };
        let (n, budget) = (cell("params").unwrap(), cell("flops_budget"));
        let c = budget.or(cell("flops")).unwrap();
        Point {
            n: Some(n),
            d: Some(cell("tokens").unwrap_or(c / (6.0 * n))),
            c: Some(c),
            flops_budget: Some(c),
            ..Point::new((row + 1).to_string(), cell("loss").unwrap())
        }
    });
    points.collect()
}

/// An objective as it is written on the command line, without a bootstrap.
pub(crate) fn options(objective: &str, drop_worst: usize) -> Options {
    let objective = Some(objective.parse().unwrap());
    Options { objective, drop_worst, bootstrap: 0, ..Options::default() }
}

/// The same rows with N in millions and D in billions.
pub(crate) fn in_millions(mut points: Vec<Point>) -> Vec<Point> {
    for point in &mut points {
        point.n = point.n.map(|n| n / 1e6);
        point.d = point.d.map(|d| d / 1e9);
    }
    points
}

pub(crate) fn value(fit: &Fit, name: &str) -> f64 {
    fit.parameters[name].value
}

/// Asserts that a parameter lies within a share of what is expected.
pub(crate) fn near(fit: &Fit, name: &str, expected: f64, share: f64) {
    let found = value(fit, name);
    assert!((found / expected - 1.0).abs() <= share, "{name} is {found}, expected {expected}");
}

pub(crate) fn assert_converged(fit: &Fit) {
    assert!(fit.gradient_norm < 1e-9, "gradient norm {}", fit.gradient_norm);
    assert!(fit.basins[0].at_bound.is_empty(), "{:?}", fit.basins[0].at_bound);
}
