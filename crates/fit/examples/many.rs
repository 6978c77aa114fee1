//! Times the fits of many runs: `cargo run --release -p isoflop-fit --example many -- [RUNS] [WHAT]`, in
//! seconds of the processor, which other work on the machine does not change.
//!
//! `analyse` is what `isoflop run` does after the last run (every law, 1,000 replicates), the others what
//! `isoflop fit` does with 200. Runs lie on isoFLOP curves of twenty budgets, with .3 % of noise a run and
//! .2 % a trunk; for the law of repetition up to sixteen times over their data.
#![allow(clippy::print_stdout, reason = "an example prints")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};
use isoflop_fit::{FitError, Law, Options, Point, analyse, fit};
use std::time::Instant;

const LAW: ChinchillaLaw =
    ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };
const BUDGETS: usize = 20;

/// `rows` runs of as many sizes as that takes, two seeds each.
fn sweep(rows: usize) -> Vec<Point> {
    let mut rng = stream(7, Purpose::Init, 402);
    let mut normal = || normal_pair(&mut rng).0;
    let sizes = rows.div_ceil(2 * BUDGETS);
    let trunks: Vec<f64> = (0..2 * sizes).map(|_| 0.002 * normal()).collect();
    let mut points = Vec::new();
    for k in 0..BUDGETS {
        let budget = 1e16 * 10f64.powf(2.0 * k as f64 / BUDGETS as f64);
        let best = LAW.optimum(Flops(budget)).0.0;
        for (at, trunk) in trunks.iter().enumerate() {
            let place = (at / 2) as f64 / (sizes.max(2) - 1) as f64;
            let n = best * 6f64.powf(2.0 * place - 1.0);
            let d = budget / (6.0 * n);
            let loss = LAW.loss(Params(n), Tokens(d)) * (trunk + 0.003 * normal()).exp();
            points.push(Point {
                unit: at.to_string(),
                n: Some(n),
                d: Some(d),
                c: Some(budget),
                flops_budget: Some(budget),
                ..Point::new(format!("{k} {at}"), loss)
            });
        }
    }
    points.truncate(rows);
    points
}

/// The same runs, over distinct tokens of which they see up to sixteen times as many.
fn repeated(rows: usize) -> Vec<Point> {
    let mut points = sweep(rows);
    let mut rng = stream(8, Purpose::Init, 403);
    for (row, point) in points.iter_mut().enumerate() {
        let epochs = 2f64.powi((row % 5) as i32);
        let (n, d) = (point.n.unwrap_or(1.0), point.d.unwrap_or(1.0));
        let fresh = d / epochs;
        let effective = fresh * (1.0 + 15.4 * (1.0 - (-(epochs - 1.0) / 15.4).exp()));
        let noise = 0.003 * normal_pair(&mut rng).0;
        (point.unit, point.flops_budget) = (row.to_string(), None);
        point.epochs = Some(epochs);
        point.loss = LAW.loss(Params(n), Tokens(effective)) * noise.exp();
    }
    points
}

/// Seconds that all threads of this process have been busy; none where the system does not say.
fn busy() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks: f64 = fields.next()?.parse().ok()?;
    Some(ticks / 100.0)
}

fn timed<T>(name: &str, work: impl FnOnce() -> Result<T, FitError>) -> Result<T, FitError> {
    let (begun, before) = (Instant::now(), busy());
    let found = work()?;
    let spent = busy().zip(before).map(|(after, before)| after - before);
    let wall = begun.elapsed().as_secs_f64();
    match spent {
        Some(spent) => println!("{name:<18} {spent:7.2} s busy, {wall:7.2} s by the clock"),
        None => println!("{name:<18} {wall:7.2} s by the clock"),
    }
    Ok(found)
}

fn main() -> Result<(), FitError> {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments.next().and_then(|text| text.parse().ok());
    let rows = rows.unwrap_or(1000);
    let only = arguments.next();
    let asked = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let options = Options { bootstrap: 200, ..Options::default() };
    if asked("analyse") {
        let all = Options::default();
        timed("analyse", || analyse(&sweep(rows), Vec::new(), &all))?;
    }
    let laws = ["chinchilla", "kaplan", "kaplan-offset", "data-constrained", "broken-1"];
    for name in laws.into_iter().filter(|name| asked(name)) {
        let law = Law::parse(name, Some(isoflop_fit::output::Axis::C))?;
        let points = match law {
            Law::DataConstrained => repeated(rows),
            _ => sweep(rows),
        };
        let found = timed(name, || fit(&points, law, &options))?;
        for (name, estimate) in &found.parameters {
            let (low, high) = (estimate.low, estimate.high);
            println!("    {name} {:.6e} {low:.4?} {high:.4?}", estimate.value);
        }
    }
    Ok(())
}
