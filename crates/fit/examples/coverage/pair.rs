//! Two sweeps of one plan, the second of which needs [`FACTOR`] times the compute of the first for equal loss.

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Params, Tokens};
use isoflop_fit::multiplier::{Costs, LossByCost, Multiplier};
use isoflop_fit::optimum::Cost;
use isoflop_fit::output::Fit;
use isoflop_fit::{LEVEL, Law, Options, Point, fit};

/// Compute of the second sweep over that of the first, at every loss: tokens of the second are worth as much
/// less.
pub(crate) const FACTOR: f64 = 1.3;
const LAW: ChinchillaLaw = ChinchillaLaw { e: 0.75, a: 9.0, b: 95.0, alpha: 0.30, beta: 0.33 };
/// Share of the noise of a run that all runs of a trunk have in common.
const SHARED: f64 = 0.5;

/// So many budgets of a decade in all, with so many sizes of a decade and a half at each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budgets {
    pub(crate) budgets: usize,
    pub(crate) sizes: usize,
    pub(crate) seeds: usize,
}

fn spread(low: f64, high: f64, count: usize, at: usize) -> f64 {
    low * (high / low).powf(at as f64 / (count - 1) as f64)
}

fn rows(plan: Budgets, noise: f64, factor: f64, key: u64) -> Vec<Point> {
    let mut rng = stream(key, Purpose::Init, 700);
    let mut normal = || normal_pair(&mut rng).0;
    let mut points = Vec::new();
    for seed in 0..plan.seeds {
        for size in 0..plan.sizes {
            let n = spread(2e3, 4e4, plan.sizes, size);
            let trunk = SHARED * normal();
            for budget in 0..plan.budgets {
                let c = spread(1e11, 1e12, plan.budgets, budget);
                let d = c / (6.0 * n);
                let error = noise * (trunk + (1.0 - SHARED * SHARED).sqrt() * normal());
                let loss = LAW.loss(Params(n), Tokens(d / factor)) * error.exp();
                points.push(Point {
                    unit: format!("{size} {seed}"),
                    n: Some(n),
                    d: Some(d),
                    c: Some(c),
                    flops_budget: Some(c),
                    ..Point::new(format!("{c:e} {n:e} {seed}"), loss)
                });
            }
        }
    }
    points
}

fn surface(points: &[Point], seed: u64) -> Option<Fit> {
    let options = Options { bootstrap: 200, seed, ..Options::default() };
    fit(points, Law::Chinchilla, &options).ok()
}

/// The multiplier that the runs of both tell.
pub(crate) fn multiplier(plan: Budgets, noise: f64, seed: u64) -> Option<Multiplier> {
    let costs = Costs { fitted: Cost::SixNd, draws: Vec::new() };
    let reach = |factor: f64, key: u64| {
        let fit = surface(&rows(plan, noise, factor, key), seed)?;
        LossByCost::of_surface(&fit, &costs)
    };
    Multiplier::between(&reach(1.0, 2 * seed)?, &reach(FACTOR, 2 * seed + 1)?, LEVEL)
}
