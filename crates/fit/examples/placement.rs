//! What sizes that follow the budgets are worth, on laws that are known: `just placement`.
//!
//! Six budgets over two decades of transformers on bytes, every run 1 % of its loss off its law. `auto` has
//! five to seven sizes about the expected optimum of each budget, placed as `sizes = "auto"` places them,
//! from 3 to 3,000 tokens per parameter; `fixed` has seven sizes at every budget, as far apart as it takes to
//! enclose what the prior expects of the smallest and of the largest by a factor of three. Real runs follow
//! one law within that range alone, so that `fixed, fitted within` trains the same runs and fits those inside.
//! Compute counts trunks once. Told are the median width of the 90 % interval of n_exponent, through the
//! minima and by the law, and the rms error of the loss of the best run at ten times the largest budget.
#![allow(clippy::print_stdout, reason = "an example prints")]

use isoflop_core::placement::{Ladder, Minimum, Rung, STEP};
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Params, Tokens};
use isoflop_fit::predict::At;
use isoflop_fit::{FitError, Law, Options, Point, fit, isoflop};

const NOISE: f64 = 0.01;
const FIRST: f64 = 1e10;
const BUDGETS: i32 = 6;
const FACTOR: f64 = 2.511_886_431_509_58;

/// Part of a run behind its trunk.
const DECAY: f64 = 0.2;

/// The range of `sizes = "auto"`.
const TOKENS_PER_PARAM: std::ops::RangeInclusive<f64> = 3.0..=3000.0;

const LAWS: [(&str, ChinchillaLaw); 6] = [
    ("as rust-docs", ChinchillaLaw { e: 0.6, a: 5.0, b: 119.0, alpha: 0.156, beta: 0.382 }),
    ("Hoffmann's exponents", ChinchillaLaw { e: 0.9, a: 7.0, b: 23.5, alpha: 0.34, beta: 0.28 }),
    ("even exponents", ChinchillaLaw { e: 0.9, a: 6.9, b: 43.0, alpha: 0.33, beta: 0.33 }),
    ("E = 0", ChinchillaLaw { e: 0.0, a: 4.6, b: 51.0, alpha: 0.09, beta: 0.32 }),
    ("optimum 4 times larger", ChinchillaLaw { e: 0.9, a: 9.6, b: 23.0, alpha: 0.33, beta: 0.33 }),
    ("optimum 4 times smaller", ChinchillaLaw { e: 0.9, a: 4.9, b: 77.0, alpha: 0.33, beta: 0.33 }),
];

fn flops_per_token(n: f64) -> f64 {
    let width = (8.0 * n / 12.0).cbrt();
    6.0 * (n + width * 256.0) + 6.0 * width / 8.0 * width * 129.0
}

fn rung(n: f64) -> Rung {
    Rung { n, flops: flops_per_token(n) }
}

fn ladder(first: f64) -> Ladder {
    Ladder::new((-1..13).map(|k| rung(1e3 * (f64::from(k) * STEP).exp())).collect(), first)
}

/// Runs of a sweep with their noise.
struct Sweep {
    law: ChinchillaLaw,
    seed: u64,
    points: Vec<Point>,
    /// Runs that are fitted, where not all are.
    fitted: Option<Vec<Point>>,
}

impl Sweep {
    fn new(law: ChinchillaLaw, seed: u64) -> Self {
        Sweep { law, seed, points: Vec::new(), fitted: None }
    }

    /// Trains one run, and says its loss.
    fn train(&mut self, budget: f64, n: f64) -> f64 {
        let d = budget / flops_per_token(n);
        let purpose = (n.ln() * 1e6) as u64 ^ ((budget.ln() * 1e6) as u64) << 32;
        let noise = normal_pair(&mut stream(self.seed, Purpose::Init, purpose)).0;
        let loss = self.law.loss(Params(n), Tokens(d)) * (NOISE * noise).exp();
        self.points.push(Point {
            unit: n.to_string(),
            n: Some(n),
            d: Some(d),
            c: Some(budget),
            flops_budget: Some(budget),
            ..Point::new(format!("{budget:e} {n:e}"), loss)
        });
        loss
    }

    /// FLOPs, with trunks counted once.
    fn flops(&self) -> f64 {
        let c = |point: &Point| point.c.unwrap_or(0.0);
        let longest = |point: &Point| {
            let same = self.points.iter().filter(|other| other.n == point.n);
            same.map(c).fold(0.0, f64::max)
        };
        let cost =
            |point: &Point| if c(point) == longest(point) { c(point) } else { DECAY * c(point) };
        self.points.iter().map(cost).sum()
    }
}

fn budgets(first: f64) -> Vec<f64> {
    (0..BUDGETS).map(|k| first * FACTOR.powi(k)).collect()
}

fn auto(law: ChinchillaLaw, seed: u64, first: f64) -> Sweep {
    let ladder = ladder(first);
    let mut sweep = Sweep::new(law, seed);
    let (budgets, mut placed) = (budgets(first), 0);
    let mut minima = Vec::new();
    while placed < budgets.len() {
        let stage = ladder.stage(&budgets[placed..], placed == 0, &minima);
        for (budget, expected) in budgets[placed..].iter().zip(&stage) {
            let allowed = |rung: &Rung| TOKENS_PER_PARAM.contains(&rung.tokens_per_param(*budget));
            let sizes = ladder.choose(expected, allowed).sizes;
            let sizes = sizes.into_iter().map(|at| ladder.rungs()[at].n);
            let losses: Vec<(f64, f64)> = sizes.map(|n| (n, sweep.train(*budget, n))).collect();
            minima.extend(Minimum::of(*budget, &losses));
        }
        placed += stage.len();
    }
    sweep
}

fn fixed(law: ChinchillaLaw, seed: u64, first: f64) -> Sweep {
    let ladder = ladder(first);
    let budgets = budgets(first);
    let low = ladder.prior(budgets[0]) - 3f64.ln();
    let high = ladder.prior(budgets[budgets.len() - 1]) + 3f64.ln();
    let mut sweep = Sweep::new(law, seed);
    for budget in budgets {
        for k in 0..7 {
            sweep.train(budget, (low + (high - low) * f64::from(k) / 6.0).exp());
        }
    }
    sweep
}

fn within(law: ChinchillaLaw, seed: u64, first: f64) -> Sweep {
    let sweep = fixed(law, seed, first);
    let inside = |point: &&Point| match (point.n, point.d) {
        (Some(n), Some(d)) => TOKENS_PER_PARAM.contains(&(d / n)),
        _ => false,
    };
    let fitted = sweep.points.iter().filter(inside).cloned().collect();
    Sweep { fitted: Some(fitted), ..sweep }
}

#[derive(Default)]
struct Told {
    runs: Vec<f64>,
    flops: Vec<f64>,
    by_minima: Vec<f64>,
    by_law: Vec<f64>,
    error: Vec<f64>,
}

impl Told {
    fn add(&mut self, sweep: &Sweep, beyond: f64) -> Result<(), FitError> {
        let options = Options { bootstrap: 200, seed: sweep.seed, ..Options::default() };
        let points = sweep.fitted.as_ref().unwrap_or(&sweep.points);
        self.runs.push(sweep.points.len() as f64);
        self.flops.push(sweep.flops());
        let width = |low: Option<f64>, high: Option<f64>| match (low, high) {
            (Some(low), Some(high)) => high - low,
            _ => f64::INFINITY,
        };
        let minima = isoflop(points, &options)?.and_then(|found| found.n_exponent);
        self.by_minima.push(minima.map_or(f64::INFINITY, |of| width(of.low, of.high)));
        let found = match fit(points, Law::Chinchilla, &options) {
            Ok(found) => found,
            // Noise may put every minimum at an end.
            Err(FitError::OneSided { .. }) => {
                self.by_law.push(f64::INFINITY);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let by_law = found.parameters["n_exponent"];
        self.by_law.push(width(by_law.low, by_law.high));
        let tokens = |n: f64| Tokens(beyond / flops_per_token(n));
        let loss = |n: f64| sweep.law.loss(Params(n), tokens(n));
        let sizes = (0..600).map(|k| (6.0 + 0.02 * f64::from(k)).exp());
        let n = sizes.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(f64::NAN);
        let at = At { n: Some(n), d: Some(tokens(n).0), ..At::default() };
        self.error.extend(found.predict(at).map(|said| (said.estimate.value / loss(n)).ln()));
        Ok(())
    }

    fn line(&self) -> [f64; 5] {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let squares: Vec<f64> = self.error.iter().map(|error| error * error).collect();
        [
            mean(&self.runs),
            mean(&self.flops),
            median(&self.by_minima),
            median(&self.by_law),
            100.0 * mean(&squares).sqrt(),
        ]
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn in_words(width: f64) -> String {
    match width.is_finite() {
        true => format!("{width:.3}"),
        false => "open".to_owned(),
    }
}

/// Trains a design under a law with a seed and its smallest budget.
type Design = fn(ChinchillaLaw, u64, f64) -> Sweep;

fn main() -> Result<(), FitError> {
    let sweeps: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(40);
    println!("{sweeps} sweeps a law, six budgets from 1e10 to 1e12 FLOPs, 1 % of noise a run\n");
    println!(
        "| law | design | runs | FLOPs | width by minima | width by law | 10x forecast, rms % |"
    );
    println!("|---|---|---|---|---|---|---|");
    let beyond = 10.0 * FIRST * FACTOR.powi(BUDGETS - 1);
    let designs: [(&str, Design); 3] =
        [("fixed", fixed), ("fixed, fitted within", within), ("auto", auto)];
    for (name, law) in LAWS {
        for (design, train) in designs {
            let mut told = Told::default();
            for seed in 0..sweeps {
                told.add(&train(law, seed, FIRST), beyond)?;
            }
            let [runs, flops, minima, by_law, error] = told.line();
            let [minima, by_law] = [minima, by_law].map(in_words);
            println!(
                "| {name} | {design} | {runs:.0} | {flops:.2e} | {minima} | {by_law} | {error:.2} |"
            );
        }
    }
    Ok(())
}
