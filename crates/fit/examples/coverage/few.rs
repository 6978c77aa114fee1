//! Few units: plans of 6 to 12 rows, budgets or runs, and how often each interval holds the truth.

use isoflop_core::rng::{Purpose, below, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};
use isoflop_fit::{Law, Options, Point, fit, isoflop};

const LAW: ChinchillaLaw = ChinchillaLaw { e: 1.7, a: 400.0, b: 1500.0, alpha: 0.34, beta: 0.36 };

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    /// So many rows, drawn from a grid of so many sizes and token counts.
    Grid(usize, usize, usize),
    /// So many budgets of so many sizes.
    Budgets(usize, usize),
    /// So many runs with so many checkpoints each, which err in common by as much again.
    Checkpoints(usize, usize),
}

const PLANS: [(Plan, f64); 12] = [
    (Plan::Grid(6, 4, 4), 0.003),
    (Plan::Grid(7, 4, 4), 0.003),
    (Plan::Grid(8, 4, 4), 0.001),
    (Plan::Grid(8, 4, 4), 0.003),
    (Plan::Grid(9, 3, 4), 0.003),
    (Plan::Grid(12, 4, 4), 0.003),
    (Plan::Grid(12, 4, 4), 0.01),
    (Plan::Budgets(3, 3), 0.003),
    (Plan::Budgets(3, 4), 0.003),
    (Plan::Budgets(4, 5), 0.003),
    (Plan::Checkpoints(6, 10), 0.003),
    (Plan::Checkpoints(8, 10), 0.003),
];

fn spread(low: f64, high: f64, count: usize, at: usize) -> f64 {
    low * (high / low).powf(at as f64 / (count - 1) as f64)
}

fn rows(plan: Plan, noise: f64, seed: u64) -> Vec<Point> {
    let mut rng = stream(seed, Purpose::Init, 500);
    // Unit, N, D and budget.
    let mut places: Vec<(usize, f64, f64, Option<f64>)> = Vec::new();
    match plan {
        Plan::Grid(rows, sizes, tokens) => {
            let mut cells: Vec<usize> = (0..sizes * tokens).collect();
            loop {
                for i in (1..cells.len()).rev() {
                    cells.swap(i, below(&mut rng, i as u64 + 1) as usize);
                }
                let kinds = |of: &dyn Fn(usize) -> usize, all: usize| {
                    (0..all).filter(|k| cells[..rows].iter().any(|c| of(*c) == *k)).count()
                };
                if kinds(&|c| c % sizes, sizes) > 2 && kinds(&|c| c / sizes, tokens) > 2 {
                    break;
                }
            }
            for cell in &cells[..rows] {
                let n = spread(2e7, 3e9, sizes, cell % sizes);
                let d = spread(3e8, 6e10, tokens, cell / sizes);
                places.push((places.len(), n, d, None));
            }
        }
        Plan::Budgets(budgets, sizes) => {
            for i in 0..budgets {
                let c = spread(1e18, 1e20, budgets, i);
                let best = LAW.optimum(Flops(c)).0.0;
                for j in 0..sizes {
                    let n = best * spread(1.0 / 4.0, 4.0, sizes, j);
                    places.push((places.len(), n, c / (6.0 * n), Some(c)));
                }
            }
        }
        Plan::Checkpoints(runs, each) => {
            for run in 0..runs {
                let n = spread(2e7, 3e9, runs, run);
                for j in 0..each {
                    places.push((run, n, spread(3e8, 6e10, each, j), None));
                }
            }
        }
    }
    let mut normal = || normal_pair(&mut rng).0;
    let shared: Vec<f64> = places.iter().map(|_| normal()).collect();
    let row = |(unit, n, d, budget): (usize, f64, f64, Option<f64>)| {
        let together = match plan {
            Plan::Checkpoints(..) => noise * shared[unit],
            _ => 0.0,
        };
        let loss = LAW.loss(Params(n), Tokens(d)) * (together + noise * normal()).exp();
        Point {
            unit: unit.to_string(),
            n: Some(n),
            d: Some(d),
            c: Some(6.0 * n * d),
            flops_budget: budget,
            ..Point::new(format!("{n:e} {d:e}"), loss)
        }
    };
    places.into_iter().map(row).collect()
}

/// Draws in which an interval held the truth, those in which there was one, and its widths.
#[derive(Default)]
struct Count {
    held: u32,
    given: u32,
    widths: Vec<f64>,
}

impl Count {
    fn add(&mut self, truth: f64, ends: Option<(f64, f64)>) {
        if let Some((low, high)) = ends {
            self.given += 1;
            self.held += u32::from(low <= truth && truth <= high);
            self.widths.push(high - low);
        }
    }

    /// Share that held the truth, in per cent.
    fn share(&self) -> String {
        match self.given {
            0 => "-".into(),
            given => format!("{:.1}", 100.0 * f64::from(self.held) / f64::from(given)),
        }
    }

    fn width(&mut self) -> String {
        self.widths.sort_by(f64::total_cmp);
        let middle = self.widths.get(self.widths.len() / 2);
        middle.map_or("-".into(), |width| format!("{width:.3}"))
    }
}

/// Prints a line a plan and parameter.
pub(crate) fn table(draws: u64) {
    println!(
        "| plan, noise a row | units | parameter | headline % | replicates % | profile % | refused % | median width |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (plan, noise) in PLANS {
        one(plan, noise, draws);
    }
}

fn units(plan: Plan) -> usize {
    match plan {
        Plan::Grid(rows, ..) => rows,
        Plan::Budgets(budgets, sizes) => budgets * sizes,
        Plan::Checkpoints(runs, _) => runs,
    }
}

fn one(plan: Plan, noise: f64, draws: u64) {
    let truths = [
        ("alpha", LAW.alpha),
        ("beta", LAW.beta),
        ("n_exponent", LAW.n_exponent()),
        ("E", LAW.e),
        ("A", LAW.a),
        ("B", LAW.b),
    ];
    let mut counts: Vec<[Count; 3]> = truths.iter().map(|_| Default::default()).collect();
    let mut parabolas = Count::default();
    let mut fitted = 0u32;
    for seed in 0..draws {
        let points = rows(plan, noise, seed);
        let options = Options { bootstrap: 100, seed, ..Options::default() };
        if let Plan::Budgets(..) = plan
            && let Ok(Some(found)) = isoflop(&points, &options)
        {
            let ends = found.n_exponent.and_then(|e| Some((e.low?, e.high?)));
            parabolas.add(LAW.n_exponent(), ends);
        }
        let Ok(found) = fit(&points, Law::Chinchilla, &options) else {
            continue;
        };
        fitted += 1;
        for ((name, truth), count) in truths.iter().zip(&mut counts) {
            let headline = found.parameters[*name];
            count[0].add(*truth, headline.low.zip(headline.high));
            let own = found.bootstrap.as_ref().and_then(|b| b.intervals.get(*name));
            count[1].add(*truth, own.and_then(|own| own.low.zip(own.high)));
            let profile = found.profiles.iter().find(|p| p.parameter == *name);
            count[2].add(*truth, profile.and_then(|p| p.low.zip(p.high)));
        }
    }
    let start = format!("| {plan:?}, {} % | {} |", 100.0 * noise, units(plan));
    let refused = |given: u32, of: u32| 100.0 * (1.0 - f64::from(given) / f64::from(of.max(1)));
    for ((name, _), count) in truths.iter().zip(&mut counts) {
        let [headline, own, profile] = count.each_ref().map(Count::share);
        let none = refused(count[0].given, fitted);
        let width = count[0].width();
        println!("{start} {name} | {headline} | {own} | {profile} | {none:.1} | {width} |");
    }
    if parabolas.given > 0 {
        let none = refused(parabolas.given, draws as u32);
        let (share, width) = (parabolas.share(), parabolas.width());
        println!("{start} parabolas' exponent | {share} | {share} | - | {none:.1} | {width} |");
    }
}
