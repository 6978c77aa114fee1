//! How often 90 % intervals hold the truth: `just coverage`. First a table of multipliers between two
//! series (`multiplier`), with which `-- 400 multiplier` ends, one of few units (`few`), then simulated isoFLOP sweeps,
//! and last sweeps whose law is chosen (`chosen`), which `-- 400 chosen` prints alone.
//!
//! Each sweep has twelve sizes and five budgets of a decade and a half in all; every run errs by .3 % of its
//! loss and every size (its trunk) by another .2 % in common. Three truths: Chinchilla's law; the same with
//! a break inside the budgets; the same with learning rates that get worse with size. Judged are the
//! parameters (where the law is right) and the loss of a compute-optimal run at ten times the largest
//! budget, its own noise included.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod adaptive;
mod chosen;
mod few;
mod multiplier;
mod pair;

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};
use isoflop_fit::predict::At;
use isoflop_fit::{FitError, Law, Options, Point, fit};
use std::collections::BTreeMap;
use std::time::Instant;

/// Besiroglu et al. 2024, table 1.
const LAW: ChinchillaLaw =
    ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };
const BUDGETS: [f64; 5] = [1e17, 2.4e17, 5.6e17, 1.33e18, 3.2e18];
const RUN: f64 = 0.003;
const TRUNK: f64 = 0.002;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    Right,
    Broken,
    RateBias,
}

/// Loss without noise.
fn loss(truth: Truth, n: f64, d: f64) -> f64 {
    let plain = LAW.loss(Params(n), Tokens(d));
    match truth {
        Truth::Right => plain,
        // Above 1e18 FLOPs the reducible loss falls by another power of .02, over a factor of e.
        Truth::Broken => {
            let beyond = (6.0 * n * d / 1e18f64).powf(1.0);
            LAW.e + (plain - LAW.e) * (1.0 + beyond).powf(-0.02)
        }
        // One per cent at 30 times the smallest size, growing with the square of its logarithm.
        Truth::RateBias => plain * (1.0 + 0.01 * ((n / 5e6).ln() / 30f64.ln()).max(0.0).powi(2)),
    }
}

fn sweep(truth: Truth, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Init, 400);
    let mut normal = || normal_pair(&mut rng).0;
    let sizes: Vec<f64> = (0..12).map(|i| 5e6 * 1.75f64.powi(i)).collect();
    let trunks: Vec<f64> = sizes.iter().map(|_| TRUNK * normal()).collect();
    let mut points = Vec::new();
    for budget in BUDGETS {
        let best = LAW.optimum(Flops(budget)).0.0;
        for (n, trunk) in sizes.iter().zip(&trunks) {
            if (n / best).ln().abs() > 8f64.ln() {
                continue;
            }
            let d = budget / (6.0 * n);
            let measured = loss(truth, *n, d) * (trunk + RUN * normal()).exp();
            points.push(Point {
                unit: n.to_string(),
                n: Some(*n),
                d: Some(d),
                c: Some(budget),
                flops_budget: Some(budget),
                ..Point::new(format!("{budget:e} {n:e}"), measured)
            });
        }
    }
    points
}

fn main() -> Result<(), FitError> {
    let sweeps: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(400);
    let only = std::env::args().nth(2);
    if only.as_deref() == Some("chosen") {
        chosen::table(sweeps.div_ceil(chosen::LINES));
        return Ok(());
    }
    multiplier::table(sweeps);
    if only.as_deref() == Some("multiplier") {
        return Ok(());
    }
    few::table(sweeps);
    for truth in [Truth::Right, Truth::Broken, Truth::RateBias] {
        let begun = Instant::now();
        let (mut held, mut profiled): (BTreeMap<String, u32>, BTreeMap<String, u32>) =
            Default::default();
        let (mut inside, mut widths, mut rows) = (0, Vec::new(), 0);
        for seed in 0..sweeps {
            let points = sweep(truth, seed);
            rows = points.len();
            let options = Options { bootstrap: 200, seed, ..Options::default() };
            let found = fit(&points, Law::Chinchilla, &options)?;
            let known = [
                ("E", LAW.e),
                ("A", LAW.a),
                ("B", LAW.b),
                ("alpha", LAW.alpha),
                ("beta", LAW.beta),
                ("n_exponent", LAW.n_exponent()),
            ];
            for (name, value) in known {
                let hold = |low: Option<f64>, high: Option<f64>| {
                    u32::from(low.is_none_or(|l| l <= value) && high.is_none_or(|h| value <= h))
                };
                let estimate = found.parameters[name];
                *held.entry(name.to_owned()).or_default() += hold(estimate.low, estimate.high);
                let profile = found.profiles.iter().find(|profile| profile.parameter == name);
                *profiled.entry(name.to_owned()).or_default() +=
                    profile.map_or(0, |profile| hold(profile.low, profile.high));
            }
            let c = 10.0 * BUDGETS[4];
            let (n, d) = LAW.optimum(Flops(c));
            let mut rng = stream(seed, Purpose::Init, 401);
            let (run, trunk) = normal_pair(&mut rng);
            let measured = loss(truth, n.0, d.0) * (RUN * run + TRUNK * trunk).exp();
            let at = At { n: Some(n.0), d: Some(d.0), c: Some(c), ..At::default() };
            if let Some(found) = found.predict(at)
                && let (Some(low), Some(high)) = (found.estimate.low, found.estimate.high)
            {
                inside += u32::from(low <= measured && measured <= high);
                widths.push((high - low) / found.estimate.value);
            }
        }
        widths.sort_by(f64::total_cmp);
        let share = |count: u32| 100.0 * f64::from(count) / sweeps as f64;
        println!(
            "{truth:?}: {sweeps} sweeps of {rows} rows, {:.0} s",
            begun.elapsed().as_secs_f64()
        );
        if truth == Truth::Right {
            for (name, count) in &held {
                println!(
                    "  {name:<10} interval {:.1} %, profile {:.1} %",
                    share(*count),
                    share(profiled[name])
                );
            }
        }
        println!(
            "  run at 10x {:.1} %, median width {:.2} % of the loss",
            share(inside),
            100.0 * widths[widths.len() / 2]
        );
    }
    chosen::table(sweeps.div_ceil(chosen::LINES));
    Ok(())
}
