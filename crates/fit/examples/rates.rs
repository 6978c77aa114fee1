//! How often 90 % intervals of a law of learning rates hold the rule that made the losses, and how far its
//! exponents are off (root mean square): `cargo run --release -p isoflop-fit --example rates -- [GRIDS]`.
//!
//! Each line is a truth under a grid of four sizes, three token counts, three batches and some rates. `joint` is
//! the fit of this crate, one valley through all losses with a jackknife over cells; `two steps` takes the bottom of
//! each cell's own parabola where it is inside, and puts a line through these by least squares.
#![allow(clippy::print_stdout, reason = "an example prints")]

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_fit::output::{Estimate, Rates};
use isoflop_fit::rate::{RateRun, rates};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Exponents of the rule: N^-A D^B batch^P.
const EXPONENTS: [f64; 3] = [0.35, 0.1, 0.45];

#[derive(Clone, Copy)]
struct Truth {
    name: &'static str,
    /// Nats for each squared e-fold below the best rate and above it.
    walls: [f64; 2],
    /// Power of N with which walls get steeper.
    steepening: f64,
    /// Power of the steps with which the wall below gets flatter and the one above steeper.
    steps: f64,
    /// Distance beyond which a wall goes on as a straight line.
    straight: f64,
    /// Noise of a run, in nats, and noise that runs of one trunk (size, batch and rate) share.
    noise: f64,
    trunk: f64,
    /// Deviation of a cell's best ln rate from the rule.
    off: f64,
    rates: &'static [f64],
}

const FIVE: &[f64] = &[0.00125, 0.0025, 0.005, 0.01, 0.02];
const THREE: &[f64] = &[0.0025, 0.005, 0.01];
const HIGH: &[f64] = &[0.004, 0.008, 0.016, 0.032];

const PLAIN: Truth = Truth {
    name: "parabolas",
    walls: [0.06, 0.06],
    steepening: 0.0,
    steps: 0.0,
    straight: f64::INFINITY,
    noise: 0.01,
    trunk: 0.0,
    off: 0.0,
    rates: FIVE,
};

fn truths() -> Vec<Truth> {
    let uneven = Truth {
        name: "uneven walls, steeper with size",
        walls: [0.04, 0.08],
        steepening: 0.3,
        ..PLAIN
    };
    vec![
        PLAIN,
        uneven,
        Truth { name: "  which few steps tilt", steps: 0.3, ..uneven },
        Truth { name: "  straight beyond a factor of two", straight: 0.7, ..uneven },
        Truth { name: "  cells off the rule by 15 %", off: 0.15, ..uneven },
        Truth { name: "  noise of trunks besides", trunk: 0.01, noise: 0.005, ..uneven },
        Truth { name: "  noise three times as large", noise: 0.03, ..uneven },
        Truth { name: "  three rates", rates: THREE, ..uneven },
        Truth { name: "  three rates, off by 15 %", rates: THREE, off: 0.15, ..uneven },
        Truth { name: "  best rates at the low end", rates: HIGH, ..uneven },
        Truth {
            name: "  best rates at the low end, straight",
            rates: HIGH,
            straight: 0.7,
            ..uneven
        },
    ]
}

fn rate(n: f64, d: f64, batch: f64) -> f64 {
    let [a, b, p] = EXPONENTS;
    0.005 * (n / 1.7e4).powf(-a) * (d / 2e5).powf(b) * (batch / 512.0).powf(p)
}

fn grid(truth: &Truth, seed: u64) -> Vec<RateRun> {
    let mut rng = stream(seed, Purpose::Init, 419);
    let mut normal = || normal_pair(&mut rng).0;
    let mut runs = Vec::new();
    for n in [3e3, 1e4, 3e4, 1e5] {
        for batch in [256.0, 512.0, 1024.0] {
            let trunks: Vec<f64> = truth.rates.iter().map(|_| truth.trunk * normal()).collect();
            for d in [1e5, 2e5, 4e5] {
                let best = rate(n, d, batch) * (truth.off * normal()).exp();
                for (rate, trunk) in truth.rates.iter().zip(&trunks) {
                    let off = (rate / best).ln();
                    let side = usize::from(off > 0.0);
                    let steps = (d / batch / 400.0).powf([-1.0, 1.0][side] * truth.steps);
                    let wall = truth.walls[side] * steps * (n / 1.7e4f64).powf(truth.steepening);
                    let near = off.abs().min(truth.straight);
                    let rise = wall * near * (2.0 * off.abs() - near);
                    let floor = 1.2 + 3.0 * n.powf(-0.2) + 8.0 * d.powf(-0.25);
                    let batch_off: f64 = (batch / (400.0 * (d / 1e5f64).powf(0.4))).ln();
                    let floor = floor + 0.02 * batch_off * batch_off;
                    runs.push(RateRun {
                        label: String::new(),
                        series: String::new(),
                        model: n.to_string(),
                        n,
                        d,
                        batch,
                        decay: 0.2,
                        rate: *rate,
                        seed: 0,
                        loss: Some(floor + rise + trunk + truth.noise * normal()),
                        rule: None,
                    });
                }
            }
        }
    }
    runs
}

/// Errors and hits of a, b, p, the rate at the centre, and q.
#[derive(Default)]
struct Tally {
    squares: [f64; 5],
    held: [u32; 5],
    found: [u32; 5],
}

impl Tally {
    fn add(&mut self, k: usize, off: f64, low: f64, high: f64) {
        self.squares[k] += off * off;
        self.held[k] += u32::from(low <= 0.0 && high >= 0.0);
        self.found[k] += 1;
    }

    /// `off`, and `held` of the grids that tell the number, in per cent.
    fn line(&self, count: usize) -> String {
        let one = |k: usize| {
            let found = f64::from(self.found[k].max(1));
            let error = (self.squares[k] / found).sqrt();
            format!("{error:.3} {:3.0}", 100.0 * f64::from(self.held[k]) / found)
        };
        (0..count).map(one).collect::<Vec<_>>().join("   ")
    }
}

fn joint(tally: &mut Tally, found: &Rates) {
    let Some(law) = &found.rate else { return };
    for (k, (name, truth)) in ["a", "b", "p"].iter().zip(EXPONENTS).enumerate() {
        if let Some(Estimate { value, low: Some(low), high: Some(high), .. }) =
            law.parameters.get(*name)
        {
            tally.add(k, value - truth, low - truth, high - truth);
        }
    }
    let truth = rate(law.n, law.d, law.b.unwrap_or(1.0));
    if let Estimate { value, low: Some(low), high: Some(high), .. } = law.at_centre {
        tally.add(3, (value / truth).ln(), (low / truth).ln(), (high / truth).ln());
    }
    let q = found.batch.as_ref().and_then(|batch| batch.parameters.get("q"));
    if let Some(Estimate { value, low: Some(low), high: Some(high), .. }) = q {
        tally.add(4, value - 0.4, low - 0.4, high - 0.4);
    }
}

/// A line through the bottoms of cells, by least squares with Student's intervals.
fn two_steps(tally: &mut Tally, found: &Rates) {
    let cells: Vec<([f64; 4], f64)> = found
        .cells
        .iter()
        .filter_map(|cell| {
            let z = [1.0, -(cell.n / 1.7e4).ln(), (cell.d / 2e5).ln(), (cell.batch / 512.0).ln()];
            Some((z, cell.best?.value.ln()))
        })
        .collect();
    let Some((place, inverse)) = squares(&cells) else { return };
    let freedom = cells.len() as f64 - 4.0;
    let rest = |(z, y): &([f64; 4], f64)| {
        (y - z.iter().zip(&place).map(|(z, of)| z * of).sum::<f64>()).powi(2)
    };
    let variance = cells.iter().map(rest).sum::<f64>() / freedom;
    let student =
        StudentsT::new(0.0, 1.0, freedom).expect("more cells than exponents").inverse_cdf(0.95);
    for (k, truth) in EXPONENTS.iter().enumerate() {
        let half = student * (variance * inverse[k + 1][k + 1]).sqrt();
        let off = place[k + 1] - truth;
        tally.add(k, off, off - half, off + half);
    }
}

/// Coefficients and the inverse of the Gram matrix, by Gauss and Jordan.
fn squares(rows: &[([f64; 4], f64)]) -> Option<([f64; 4], [[f64; 4]; 4])> {
    if rows.len() < 6 {
        return None;
    }
    let mut gram = [[0.0; 8]; 4];
    let mut right = [0.0; 4];
    for (z, y) in rows {
        for i in 0..4 {
            right[i] += z[i] * y;
            for j in 0..4 {
                gram[i][j] += z[i] * z[j];
            }
        }
    }
    for (i, row) in gram.iter_mut().enumerate() {
        row[4 + i] = 1.0;
    }
    for i in 0..4 {
        let pivot = gram[i][i];
        if pivot.abs() < 1e-9 {
            return None;
        }
        gram[i].iter_mut().for_each(|x| *x /= pivot);
        let own = gram[i];
        for (j, row) in gram.iter_mut().enumerate() {
            let factor = row[i];
            if j != i {
                row.iter_mut().zip(own).for_each(|(x, own)| *x -= factor * own);
            }
        }
    }
    let inverse: [[f64; 4]; 4] = std::array::from_fn(|i| std::array::from_fn(|j| gram[i][4 + j]));
    let place = std::array::from_fn(|i| (0..4).map(|j| inverse[i][j] * right[j]).sum());
    Some((place, inverse))
}

fn main() {
    let grids: u64 = std::env::args().nth(1).and_then(|grids| grids.parse().ok()).unwrap_or(400);
    println!(
        "{grids} grids a line: rms error and share of intervals (per cent) that hold the truth"
    );
    println!("{:40} joint: a, b, p, ln rate at the centre, q | two steps: a, b, p | censored", "");
    for truth in truths() {
        let (mut one, mut two, mut censored) = (Tally::default(), Tally::default(), 0);
        for seed in 0..grids {
            let Ok(found) = rates(&grid(&truth, seed), "n") else { continue };
            let [found] = &found[..] else { continue };
            joint(&mut one, found);
            two_steps(&mut two, found);
            censored += found.cells.iter().filter(|cell| cell.best.is_none()).count();
        }
        println!(
            "{:40} {} | {} | {:.1} of 36",
            truth.name,
            one.line(5),
            two.line(3),
            censored as f64 / grids as f64
        );
    }
}
