//! How often 90 % intervals hold a run beyond the data, by how far beyond: `just coverage`.
//!
//! Each line is a truth under a plan; each cell counts simulated sweeps whose interval holds a
//! compute-optimal run (its own noise included) at so many times the largest budget, with the median width
//! of the interval as a share of the loss and the median error of the law. A quarter of the sweeps asked for
//! is run for each line.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod sweeps;

use isoflop_core::Flops;
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_fit::output::Fit;
use isoflop_fit::predict::At;
use isoflop_fit::{FitError, Law, Options, fit};
use sweeps::{LAW, Sweep, Truth};

const REACHES: [f64; 4] = [2.0, 5.0, 10.0, 20.0];

/// Five budgets of a decade and a half in all; runs err by .3 %, sizes by .2 % in common.
const PLAN: Sweep =
    Sweep { truth: Truth::Right, budgets: 5, factor: 2.4, run: 0.003, trunk: 0.002 };

fn truths() -> Vec<(&'static str, Truth)> {
    let broken = |at, power| Truth::Broken { at, power };
    vec![
        ("right", Truth::Right),
        ("breaks in the midst, -.02", broken(1e18, -0.02)),
        ("breaks in the midst, +.04", broken(1e18, 0.04)),
        ("breaks early, -.05", broken(3e17, -0.05)),
        ("breaks at the largest budget, -.05", broken(3e18, -0.05)),
        ("one rate for all sizes, 1 %", Truth::RateBias { share: 0.01 }),
        ("one rate for all sizes, 3 %", Truth::RateBias { share: 0.03 }),
        ("small budgets train worse, 3 %", Truth::ShortRuns { share: 0.03 }),
        ("small budgets train worse, 8 %", Truth::ShortRuns { share: 0.08 }),
        (".4 % worse for each factor e", Truth::Bend { share: 0.004 }),
        ("1 % worse for each factor e", Truth::Bend { share: 0.01 }),
    ]
}

/// Plans other than [`PLAN`], each under three truths.
fn variants() -> Vec<(&'static str, Sweep)> {
    let budgets = |budgets, factor| Sweep { budgets, factor, ..PLAN };
    let noise = |run, trunk| Sweep { run, trunk, ..PLAN };
    vec![
        ("4 budgets, x 3", budgets(4, 3.0)),
        ("7 budgets, x 2", budgets(7, 2.0)),
        ("9 budgets, x 1.8", budgets(9, 1.8)),
        ("noise .1 %", noise(0.001, 0.0007)),
        ("noise 1 %", noise(0.01, 0.005)),
    ]
}

/// What one prediction interval did.
struct Outcome {
    inside: bool,
    width: f64,
    error: f64,
}

fn cell(found: &Fit, sweep: &Sweep, seed: u64, reach: f64) -> Option<Outcome> {
    let c = reach * sweep.largest();
    let (n, d) = LAW.optimum(Flops(c));
    let (run, trunk) = normal_pair(&mut stream(seed, Purpose::Init, 401));
    let noise = sweep.run * run + sweep.trunk * trunk;
    let measured = sweep.truth.loss(n.0, d.0) * noise.exp();
    let at = At { n: Some(n.0), d: Some(d.0), c: Some(c), ..At::default() };
    let estimate = found.predict(at)?.estimate;
    let (low, high) = (estimate.low?, estimate.high?);
    Some(Outcome {
        inside: low <= measured && measured <= high,
        width: (high - low) / estimate.value,
        error: estimate.value / measured - 1.0,
    })
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn line(name: &str, sweep: &Sweep, sweeps: u64) -> Result<String, FitError> {
    let mut cells: Vec<Vec<Outcome>> = REACHES.iter().map(|_| Vec::new()).collect();
    for seed in 0..sweeps {
        let options = Options { bootstrap: 100, seed, ..Options::default() };
        let found = fit(&sweep.points(seed), Law::Chinchilla, &options)?;
        for (reach, cells) in REACHES.iter().zip(&mut cells) {
            cells.extend(cell(&found, sweep, seed, *reach));
        }
    }
    let shown = cells.iter().map(|cells| {
        let inside = cells.iter().filter(|cell| cell.inside).count();
        format!(
            "{:.0} %, {:.1}, {:+.1}",
            100.0 * inside as f64 / cells.len() as f64,
            100.0 * median(cells.iter().map(|cell| cell.width)),
            100.0 * median(cells.iter().map(|cell| cell.error))
        )
    });
    Ok(format!("| {name} | {} |", shown.collect::<Vec<_>>().join(" | ")))
}

fn main() -> Result<(), FitError> {
    let asked = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let sweeps = (asked.unwrap_or(400u64) / 4).max(1);
    println!("{sweeps} sweeps a line; inside 90 % intervals, median width (%), median error (%)\n");
    println!("| truth | x 2 | x 5 | x 10 | x 20 |\n|---|---|---|---|---|");
    for (name, truth) in truths() {
        println!("{}", line(name, &Sweep { truth, ..PLAN }, sweeps)?);
    }
    let few = [
        ("right", Truth::Right),
        ("breaks", Truth::Broken { at: 1e18, power: -0.02 }),
        ("small worse, 3 %", Truth::ShortRuns { share: 0.03 }),
    ];
    for (plan, variant) in variants() {
        for (name, truth) in few {
            let sweep = Sweep { truth, ..variant };
            println!("{}", line(&format!("{plan}: {name}"), &sweep, sweeps)?);
        }
    }
    Ok(())
}
