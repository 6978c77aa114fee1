//! Published runs and the optima recomputed from them, `published/README.md` beside the project.
//! The tables carry no licence and are not part of the project: without them a test says that it
//! skipped.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use isoflop_fit::output::Fit;
use isoflop_fit::predict::At;
use isoflop_fit::{Law, Options, Point, fit, isoflop};
use std::path::Path;

/// Fitted to the budgets up to a ninth or less of the largest, Chinchilla's law predicts these runs too high
/// throughout: the windows among the small budgets show it, and the intervals hold four of five runs.
#[test]
fn forecasts_of_three_sweeps_that_drift_hold_the_runs_of_larger_budgets() {
    let (mut inside, mut too_high, mut all) = (0, 0, 0);
    for file in ["marin-comma.csv", "marin-dclm.csv", "marin-nemotron.csv"] {
        let Some(points) = table(file) else { return };
        let compute = |point: &Point| point.c.unwrap();
        let (fitted, later): (Vec<Point>, Vec<Point>) =
            points.into_iter().partition(|point| compute(point) < 5e19);
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

/// Rows of a published table with `n`, `d` and the budget scaled as asked; labels count from 1.
fn table(file: &str) -> Option<Vec<Point>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/published");
    let path = folder.join(file);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    let mut reader = csv::Reader::from_path(path).unwrap();
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
    Some(points.collect())
}

fn options(objective: &str, drop_worst: usize) -> Options {
    let objective = Some(objective.parse().unwrap());
    Options { objective, drop_worst, bootstrap: 0, ..Options::default() }
}

fn value(fit: &Fit, name: &str) -> f64 {
    fit.parameters[name].value
}

fn near(fit: &Fit, name: &str, expected: f64, tolerance: f64) {
    let found = value(fit, name);
    assert!((found - expected).abs() <= tolerance, "{name} is {found}, expected {expected}");
}

fn converged(fit: &Fit) {
    assert!(fit.gradient_norm < 1e-9, "gradient norm {}", fit.gradient_norm);
    assert!(fit.basins[0].at_bound.is_empty());
}

#[test]
fn chinchillas_240_rows_give_their_optimum() {
    let Some(points) = table("chinchilla-epoch.csv") else {
        return;
    };
    let fit = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 5)).unwrap();
    converged(&fit);
    assert_eq!((fit.rows, fit.dropped), (240, 5));
    // published/README.md, row "optimum".
    assert!(fit.objective.value <= 0.001018274019, "{}", fit.objective.value);
    near(&fit, "A", 477.826, 477.826 * 5e-4);
    near(&fit, "B", 2143.417, 2143.417 * 5e-4);
    near(&fit, "E", 1.817218, 2e-5);
    near(&fit, "alpha", 0.347310, 2e-5);
    near(&fit, "beta", 0.367172, 2e-5);
    near(&fit, "n_exponent", 0.513900, 2e-5);
}

#[test]
fn chinchillas_five_outliers_are_named_with_what_they_do() {
    let Some(points) = table("chinchilla-epoch.csv") else {
        return;
    };
    let fit = fit(&points, Law::Chinchilla, &options("log-huber:1e-3", 0)).unwrap();
    converged(&fit);
    // published/README.md, row "all 245 rows".
    assert!(fit.objective.value <= 0.0018260105235, "{}", fit.objective.value);
    near(&fit, "A", 495.73, 495.73 * 5e-4);
    near(&fit, "B", 12845.6, 12845.6 * 5e-4);
    near(&fit, "E", 1.89134, 2e-5);
    near(&fit, "alpha", 0.349313, 2e-5);
    near(&fit, "beta", 0.453049, 2e-5);
    println!("{:#?}\n{:#?}", fit.influence, fit.warnings);
    assert!(fit.warnings.iter().any(|w| w.contains("5 of 245 rows carry B")), "{:?}", fit.warnings);
}

#[test]
fn llama_3s_rows_give_their_least_squares() {
    let Some(points) = table("llama3-isoflop.csv") else {
        return;
    };
    let fit = fit(&points, Law::Chinchilla, &options("mse", 0)).unwrap();
    converged(&fit);
    // published/README.md, "llama3-isoflop"; RSS is the sum.
    assert!((fit.objective.value - 0.00201972).abs() < 5e-9, "{}", fit.objective.value);
    let expected =
        [("E", 0.60467), ("A", 59.141), ("B", 155.114), ("alpha", 0.310006), ("beta", 0.313643)];
    for (name, expected) in expected {
        near(&fit, name, expected, 1e-4 * expected);
    }
    near(&fit, "n_exponent", 0.5029, 5e-5);
}

#[test]
fn the_vpnls_tables_give_no_more_than_their_published_objectives() {
    // published/README.md: N in millions, D in billions, values times 1e6.
    let listed = [
        ("chinchilla-scalefit.csv", 13.089),
        ("llama3-isoflop.csv", 2.276),
        ("marin-comma.csv", 22.908),
        ("marin-dclm.csv", 22.837),
        ("marin-nemotron.csv", 22.608),
    ];
    for (file, objective) in listed {
        let Some(mut points) = table(file) else {
            return;
        };
        for point in &mut points {
            point.n = point.n.map(|n| n / 1e6);
            point.d = point.d.map(|d| d / 1e9);
        }
        let fit = fit(&points, Law::Chinchilla, &options("mean-huber:1e-3", 0)).unwrap();
        println!("{file} {:.6} {:?} {:?}", fit.objective.value * 1e6, fit.basins, fit.warnings);
        assert!(fit.objective.value * 1e6 < objective + 5e-4, "{file} {}", fit.objective.value);
        assert!(fit.gradient_norm < 1e-9, "{file} {}", fit.gradient_norm);
    }
}

#[test]
fn the_bootstrap_agrees_with_the_published_standard_errors() {
    let Some(points) = table("chinchilla-epoch.csv") else {
        return;
    };
    let options = Options { bootstrap: 200, ..options("log-huber:1e-3", 5) };
    let fit = fit(&points, Law::Chinchilla, &options).unwrap();
    // Besiroglu et al. 2024, 4,000 replicates; 200 estimate a standard error within a sixth.
    let published = [("alpha", 0.0154), ("beta", 0.0206), ("E", 0.0257), ("n_exponent", 0.020)];
    for (name, published) in published {
        let found = fit.parameters[name].standard_error.unwrap();
        assert!((found / published - 1.0).abs() < 0.25, "{name}: {found}, published {published}");
        assert!(fit.parameters[name].identified);
    }
    assert_eq!(fit.bootstrap.unwrap().failed, 0);
}

#[test]
fn cs336s_budgets_give_the_published_exponents() {
    let Some(points) = table("cs336-isoflop.csv") else {
        return;
    };
    let mut points = points;
    points.iter_mut().for_each(|point| point.flops_budget = point.c);
    let options = Options { bootstrap: 0, ..Options::default() };
    let isoflop = isoflop(&points, &options).unwrap().unwrap();
    let mut fits = isoflop_fit::output::Fits::default();
    fits.isoflop.push(isoflop.clone());
    isoflop_fit::side_by_side(&points, &mut fits, &options);
    let first = &fits.approaches[0].approaches[0];
    let exponent = first.n_exponent.unwrap().value;
    let at = |c: f64| (first.n_log_coefficient.unwrap() + exponent * c.ln()).exp();
    // published/README.md: lowest loss per budget, then a line: .46868, 7.005e10, 2.0612e11.
    assert_eq!(first.name, "1");
    assert!((exponent - 0.46868).abs() < 5e-6, "{exponent}");
    assert!((at(1e23) / 7.005e10 - 1.0).abs() < 1e-4, "{}", at(1e23));
    assert!((at(1e24) / 2.0612e11 - 1.0).abs() < 5e-5, "{}", at(1e24));
    // published/README.md: "a parabola per budget gives .5146".
    assert!((isoflop.n_exponent.unwrap().value - 0.5146).abs() < 5e-5, "{:?}", isoflop.n_exponent);
}

#[test]
fn llama_3s_parabolas_give_the_published_exponent() {
    let Some(points) = table("llama3-isoflop.csv") else {
        return;
    };
    let options = Options { bootstrap: 0, ..Options::default() };
    let isoflop = isoflop(&points, &options).unwrap().unwrap();
    // published/README.md: "the parabola method on the same rows gives a .4632".
    assert!((isoflop.n_exponent.unwrap().value - 0.4632).abs() < 5e-5, "{:?}", isoflop.n_exponent);
}

/// Gadre et al. 2024: five small runs on RedPajama (four at 20 tokens a parameter, the smallest model at
/// 320) predict the 1.4B run at 640 within .7103 % and the 6.9B run at 20 within .7320 %.
#[test]
fn gadres_five_small_runs_predict_the_large_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/published");
    let path = folder.join("gadre.csv");
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return;
    }
    let mut reader = csv::Reader::from_path(path).unwrap();
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

/// One exponent and a given E are special cases of the law with two: never below its objective, and
/// the former the same law as Gadre's.
#[test]
fn laws_inside_chinchillas_lie_above_it() {
    let Some(points) = table("chinchilla-epoch.csv") else {
        return;
    };
    let options = options("log-huber:1e-3", 5);
    let whole = fit(&points, Law::Chinchilla, &options).unwrap().objective.value;
    let of = |law| fit(&points, law, &options).unwrap().objective.value;
    let (tied, pinned) = (of(Law::Tied), of(Law::Pinned(1.817218)));
    assert!(tied > whole && tied < 1.01 * whole, "{tied} {whole}");
    // E pinned at the optimum of published/README.md gives that optimum.
    assert!((pinned / whole - 1.0).abs() < 1e-6, "{pinned} {whole}");
    assert!((of(Law::OverTraining) / tied - 1.0).abs() < 1e-9);
}
