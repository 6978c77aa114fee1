//! Published runs whose tables carry no licence, so that none of them is part of the project. Name a folder
//! of them in `ISOFLOP_PUBLISHED` and run `cargo test -p isoflop-fit -- --ignored`. Files and columns are
//! those that `tests/data/README.md` lists.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod tables;

use isoflop_fit::predict::At;
use isoflop_fit::{Law, Options, Point, fit, isoflop};
use std::path::PathBuf;
use tables::{assert_converged, in_millions, near, options, value};

fn path(file: &str) -> PathBuf {
    let folder = std::env::var_os("ISOFLOP_PUBLISHED")
        .expect("ISOFLOP_PUBLISHED names the folder of the published tables");
    PathBuf::from(folder).join(file)
}

fn table(file: &str) -> Vec<Point> {
    tables::table(&path(file))
}

/// Fitted to the budgets up to a ninth or less of the largest, Chinchilla's law predicts the runs of these
/// sweeps too high throughout: the windows among the small budgets show it, and the intervals hold four of
/// five runs.
#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn forecasts_of_three_sweeps_that_drift_hold_the_runs_of_larger_budgets() {
    let (mut inside, mut too_high, mut all) = (0, 0, 0);
    for file in ["marin-comma.csv", "marin-dclm.csv", "marin-nemotron.csv"] {
        let compute = |point: &Point| point.c.unwrap();
        let (fitted, later): (Vec<Point>, Vec<Point>) =
            table(file).into_iter().partition(|point| compute(point) < 5e19);
        let options = Options { bootstrap: 60, ..Options::default() };
        let fit = fit(&fitted, Law::Chinchilla, &options).unwrap();
        for point in later {
            let at = At { n: point.n, d: point.d, c: point.c, ..At::default() };
            let found = fit.predict(at).unwrap().estimate;
            let (low, high) = (found.low.unwrap(), found.high.unwrap());
            inside += usize::from((low..=high).contains(&point.loss));
            too_high += usize::from(found.value > point.loss);
            all += 1;
        }
    }
    println!("{inside} of {all} inside, {too_high} predicted too high");
    assert!(too_high * 10 > all * 8, "{too_high} of {all}");
    assert!(inside * 10 >= all * 8, "{inside} of {all}");
}

#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn besiroglus_240_rows_give_their_optimum() {
    let points = table("chinchilla-epoch.csv");
    let fit = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 5)).unwrap();
    assert_converged(&fit);
    assert_eq!((fit.rows, fit.dropped), (240, 5));
    // The optimum was recomputed by variable projection from many starts; the constants that Besiroglu et al.
    // 2024 print (482.01, 2085.43, 1.8172, .3478, .3658) score .001018645.
    assert!(fit.objective.value <= 0.001018274019, "{}", fit.objective.value);
    near(&fit, "A", 477.826, 5e-4);
    near(&fit, "B", 2143.417, 5e-4);
    near(&fit, "E", 1.817218, 1e-5);
    near(&fit, "alpha", 0.347310, 5e-5);
    near(&fit, "beta", 0.367172, 5e-5);
    near(&fit, "n_exponent", 0.513900, 4e-5);
    // E held at the optimum gives the optimum.
    let pinned = isoflop_fit::fit(&points, Law::Pinned(1.817218), &options("log-huber:1e-3", 5));
    let pinned = pinned.unwrap().objective.value;
    assert!((pinned / fit.objective.value - 1.0).abs() < 1e-6, "{pinned}");
}

#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn besiroglus_five_outliers_are_named_with_what_they_do() {
    let points = table("chinchilla-epoch.csv");
    let fit = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    assert_converged(&fit);
    // All 245 rows, recomputed by variable projection from many starts.
    assert!(fit.objective.value <= 0.0018260105235, "{}", fit.objective.value);
    near(&fit, "A", 495.73, 5e-4);
    near(&fit, "B", 12845.6, 5e-4);
    near(&fit, "E", 1.89134, 1e-5);
    near(&fit, "alpha", 0.349313, 5e-5);
    near(&fit, "beta", 0.453049, 4e-5);
    assert!(fit.remarks.say("B depends on 5 of 245 rows"), "{:?}", fit.remarks);
}

#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn llama_3s_rows_give_their_least_squares() {
    let points = table("llama3-isoflop.csv");
    let fit = fit(&points, Law::Chinchilla, &options("mse", 0)).unwrap();
    assert_converged(&fit);
    // Recomputed by variable projection; the objective is the residual sum of squares.
    assert!((fit.objective.value - 0.00201972).abs() < 5e-9, "{}", fit.objective.value);
    let expected =
        [("E", 0.60467), ("A", 59.141), ("B", 155.114), ("alpha", 0.310006), ("beta", 0.313643)];
    for (name, expected) in expected {
        near(&fit, name, expected, 1e-4);
    }
    near(&fit, "n_exponent", 0.5029, 1e-4);
    let options = Options { bootstrap: 0, ..Options::default() };
    let isoflop = isoflop(&points, &options).unwrap().unwrap();
    assert!((isoflop.n_exponent.unwrap().value - 0.4632).abs() < 5e-5, "{:?}", isoflop.n_exponent);
}

/// The five tables of arXiv 2603.22339, N in millions and D in billions, objectives times 1e6.
#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn the_vpnls_tables_give_no_more_than_their_published_objectives() {
    let listed = [
        ("chinchilla-scalefit.csv", 13.089),
        ("llama3-isoflop.csv", 2.276),
        ("marin-comma.csv", 22.908),
        ("marin-dclm.csv", 22.837),
        ("marin-nemotron.csv", 22.608),
    ];
    for (file, objective) in listed {
        let points = in_millions(table(file));
        let fit = fit(&points, Law::Chinchilla, &options("mean-huber:1e-3", 0)).unwrap();
        assert!(fit.objective.value * 1e6 < objective + 5e-4, "{file} {}", fit.objective.value);
        assert!(fit.gradient_norm < 1e-9, "{file} {}", fit.gradient_norm);
    }
}

/// Assignment 3 of Stanford's CS336: the lowest loss of each budget and a line through them.
#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn cs336s_budgets_give_the_published_exponents() {
    let points = table("cs336-isoflop.csv");
    let options = Options { bootstrap: 0, ..Options::default() };
    let isoflop = isoflop(&points, &options).unwrap().unwrap();
    let mut fits = isoflop_fit::output::Fits::default();
    fits.isoflop.push(isoflop.clone());
    isoflop_fit::side_by_side(&points, &mut fits, &options);
    let first = &fits.approaches[0].approaches[0];
    let exponent = first.n_exponent.unwrap().value;
    let at = |c: f64| (first.n_log_coefficient.unwrap() + exponent * c.ln()).exp();
    assert_eq!(first.name, "1");
    assert!((exponent - 0.46868).abs() < 5e-6, "{exponent}");
    assert!((at(1e23) / 7.005e10 - 1.0).abs() < 1e-4, "{}", at(1e23));
    assert!((at(1e24) / 2.0612e11 - 1.0).abs() < 5e-5, "{}", at(1e24));
    // A parabola for each budget instead.
    assert!((isoflop.n_exponent.unwrap().value - 0.5146).abs() < 5e-5, "{:?}", isoflop.n_exponent);
}

/// Gadre et al. 2024: five small runs on RedPajama (four at 20 tokens a parameter, the smallest model at
/// 320) predict the 1.4B run at 640 within .7103 % and the 6.9B run at 20 within .7320 %.
#[test]
#[ignore = "needs the published tables in ISOFLOP_PUBLISHED"]
fn gadres_five_small_runs_predict_the_large_ones() {
    let mut reader = csv::Reader::from_path(path("gadre.csv")).unwrap();
    let mut runs = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let number = |at: usize| record[at].parse::<f64>().unwrap();
        if &record[1] == "rpj" {
            runs.push((number(2), number(3), number(4).round(), number(5)));
        }
    }
    let smallest = runs.iter().map(|run| run.0).fold(f64::INFINITY, f64::min);
    let small = |run: &&(f64, f64, f64, f64)| {
        run.2 == 20.0 && run.0 < 1e9 || run.2 == 320.0 && run.0 == smallest
    };
    let points: Vec<Point> = runs
        .iter()
        .filter(small)
        .map(|&(n, d, _, loss)| Point {
            unit: format!("{n}-{d}"),
            n: Some(n),
            d: Some(d),
            c: None,
            flops_budget: None,
            ..Point::new(format!("{n}"), loss)
        })
        .collect();
    assert_eq!(points.len(), 5);
    let fit = fit(&points, Law::OverTraining, &options("mse", 0)).unwrap();
    let [alpha, beta, eta, e] = ["alpha", "beta", "eta", "E"].map(|name| value(&fit, name));
    assert!((alpha / 166.21 - 1.0).abs() < 1e-4 && (beta / 366.69 - 1.0).abs() < 1e-4);
    assert!((eta - 0.27285).abs() < 1e-5 && (e - 1.83665).abs() < 1e-5);
    let error = |multiple: f64, least: f64| {
        let run = runs.iter().find(|run| run.2 == multiple && run.0 > least);
        let &(n, _, m, loss) = run.unwrap();
        let law = alpha * n.powf(-eta) + beta * 6f64.powf(-eta / 2.0) * (m * n).powf(-eta) + e;
        100.0 * (law / loss - 1.0).abs()
    };
    assert!((error(640.0, 1e9) - 0.7103).abs() < 1e-3, "{}", error(640.0, 1e9));
    assert!((error(20.0, 5e9) - 0.7320).abs() < 1e-3, "{}", error(20.0, 5e9));
}
