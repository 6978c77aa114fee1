//! Advice is worth what it promises: runs that it names shrink an interval more than others of the
//! same FLOPs.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Params, Tokens};
use isoflop_fit::advise::{AdviceError, Limits, Target, advise};
use isoflop_fit::output::Fit;
use isoflop_fit::{Law, Options, Point, fit};

const LAW: ChinchillaLaw =
    ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };
const NOISE: f64 = 0.003;

fn run(label: usize, n: f64, d: f64) -> Point {
    let off = NOISE * normal_pair(&mut stream(1, Purpose::Init, label as u64)).0;
    Point {
        n: Some(n),
        d: Some(d),
        c: Some(6.0 * n * d),
        ..Point::new(label.to_string(), LAW.loss(Params(n), Tokens(d)) * off.exp())
    }
}

fn grid() -> Vec<Point> {
    let mut points = Vec::new();
    for i in 0..6 {
        for j in 0..5 {
            points.push(run(points.len(), 1e7 * 2f64.powi(i), 2e8 * 2f64.powi(j)));
        }
    }
    points
}

fn fitted(points: &[Point]) -> Fit {
    let options = Options {
        objective: Some("log-mse".parse().unwrap()),
        bootstrap: 100,
        ..Options::default()
    };
    fit(points, Law::Chinchilla, &options).unwrap()
}

fn error(fit: &Fit) -> f64 {
    fit.parameters["n_exponent"].standard_error.unwrap()
}

#[test]
fn advised_runs_shrink_the_interval_about_as_promised_and_more_than_repeats() {
    let points = grid();
    let before = fitted(&points);
    let limits = Limits {
        sizes: Vec::new(),
        runs: 6,
        flops_per_run: 1e20,
        flops: 2e20,
        ..Limits::default()
    };
    let plan = advise(&before, &Target::Parameter("n_exponent".into()), limits).unwrap();
    assert_eq!(plan.runs.len(), 6);
    assert!((plan.standard_error / error(&before) - 1.0).abs() < 0.5, "{plan:?}");
    assert!(plan.runs.windows(2).all(|pair| pair[1].standard_error < pair[0].standard_error));
    let with = |more: Vec<(f64, f64)>| {
        let mut all = points.clone();
        all.extend(more.into_iter().enumerate().map(|(k, (n, d))| run(100 + k, n, d)));
        error(&fitted(&all))
    };
    let advised = with(plan.runs.iter().map(|run| (run.n, run.d)).collect());
    let promised = plan.runs[5].standard_error / plan.standard_error;
    assert!((advised / error(&before) / promised - 1.0).abs() < 0.5, "{advised} {plan:?}");
    // As many runs of the same FLOPs in the middle of what is there.
    let spent: f64 = plan.runs.iter().map(|run| run.c).sum::<f64>() / 6.0;
    let n = (spent / 6.0 / 20.0).sqrt();
    let others = with(vec![(n, 20.0 * n); 6]);
    assert!(advised < 0.9 * others, "{advised} {others}");
}

#[test]
fn a_target_that_the_law_does_not_have_is_refused_by_name() {
    let fit = fitted(&grid());
    let limits = Limits {
        sizes: Vec::new(),
        runs: 1,
        flops_per_run: 1e18,
        flops: 1e18,
        ..Limits::default()
    };
    let error = advise(&fit, &Target::Parameter("gamma".into()), limits.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "chinchilla has no `gamma`; it has E, A, alpha, B, beta, n_exponent, d_exponent"
    );
    for target in [Target::Size { c: 1e22 }, Target::Loss { n: 1e9, d: 2e10 }] {
        let plan = advise(&fit, &target, limits.clone()).unwrap();
        assert!(plan.logarithm && plan.standard_error > 0.0, "{plan:?}");
    }
    let mut power = fit;
    power.law = "routed".into();
    let refused = advise(&power, &Target::Size { c: 1e20 }, limits).unwrap_err();
    assert!(matches!(refused, AdviceError::NotASurface { .. }));
}

#[test]
fn advised_runs_stay_where_the_law_was_fitted_and_none_comes_twice() {
    let points = grid();
    let fit = fitted(&points);
    let compute = |p: &Point| p.c.unwrap();
    let least = points.iter().map(compute).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(compute).fold(0.0, f64::max);
    for sizes in [Vec::new(), vec![1e5, 1e7, 3.3e7, 9e7, 1e12]] {
        let limits = Limits {
            sizes: sizes.clone(),
            runs: 12,
            flops_per_run: 3.0 * most,
            flops: 20.0 * most,
            ..Limits::default()
        };
        let plan = advise(&fit, &Target::Parameter("alpha".into()), limits).unwrap();
        assert!(plan.runs.len() > 3, "{plan:?}");
        for (k, run) in plan.runs.iter().enumerate() {
            assert!(run.c >= 0.98 * least && run.c <= 3.0 * most, "{run:?}");
            // Fitted are .6 to 320 tokens a parameter.
            assert!((0.3..=640.0).contains(&(run.d / run.n)), "{run:?}");
            assert!(run.n >= 0.99e7 && run.n <= 4.0 * 3.2e8, "{run:?}");
            assert!(sizes.is_empty() || sizes.contains(&run.n), "{run:?}");
            let others = points.iter().map(|p| (p.n.unwrap(), p.d.unwrap()));
            let others = others.chain(plan.runs[..k].iter().map(|run| (run.n, run.d)));
            let near =
                |(n, d): (f64, f64)| (n / run.n).ln().abs() < 0.05 && (d / run.d).ln().abs() < 0.2;
            assert!(!others.into_iter().any(near), "{run:?}");
        }
    }
}

#[test]
fn advised_runs_keep_to_the_tokens_that_are_allowed() {
    let fit = fitted(&grid());
    let target = Target::Parameter("beta".into());
    let free = Limits { runs: 8, flops: 1e21, ..Limits::default() };
    let ratios = |limits: Limits| -> Vec<(f64, f64)> {
        advise(&fit, &target, limits)
            .unwrap()
            .runs
            .iter()
            .map(|run| (run.d, run.d / run.n))
            .collect()
    };
    // Half of the tokens and of the tokens per parameter that advice without limits goes to.
    let most = |of: fn(&(f64, f64)) -> f64| ratios(free.clone()).iter().map(of).fold(0.0, f64::max);
    let (tokens, ratio) = (most(|run| run.0) / 2.0, most(|run| run.1) / 2.0);
    let range = [ratio / 100.0, ratio];
    let kept = ratios(Limits { tokens, tokens_per_param: range, ..free.clone() });
    assert!(!kept.is_empty());
    let holds = |(d, of): &(f64, f64)| *d <= tokens && (range[0]..=range[1]).contains(of);
    assert!(kept.iter().all(holds), "{kept:?}");
}
