//! Simulated isoFLOP sweeps whose truth is known, shared by the examples that count coverage.

use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};
use isoflop_fit::Point;

/// Besiroglu et al. 2024, table 1.
pub(crate) const LAW: ChinchillaLaw =
    ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };

/// The smallest budget, FLOPs.
pub(crate) const FIRST: f64 = 1e17;

/// What the losses follow but for noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Truth {
    /// Chinchilla's law.
    Right,
    /// Above `at` FLOPs the reducible loss goes on with another power of compute, over a factor of e.
    Broken { at: f64, power: f64 },
    /// One rate for all sizes: `share` of the loss at 30 times the smallest size, growing with the square
    /// of its logarithm.
    RateBias { share: f64 },
    /// Small budgets train worse: by `share` at the first, less by the power .3 of compute.
    ShortRuns { share: f64 },
    /// Each factor e of compute beyond the first budget costs `share` of the loss.
    Bend { share: f64 },
}

impl Truth {
    /// Loss without noise.
    pub(crate) fn loss(self, n: f64, d: f64) -> f64 {
        let plain = LAW.loss(Params(n), Tokens(d));
        let c = 6.0 * n * d;
        match self {
            Truth::Right => plain,
            Truth::Broken { at, power } => LAW.e + (plain - LAW.e) * (1.0 + c / at).powf(power),
            Truth::RateBias { share } => {
                let above = ((n / 5e6).ln() / 30f64.ln()).max(0.0);
                plain * (1.0 + share * above.powi(2))
            }
            Truth::ShortRuns { share } => plain * (1.0 + share * (c / FIRST).powf(-0.3)),
            Truth::Bend { share } => plain * (1.0 + share * (c / FIRST).ln()),
        }
    }
}

/// A plan: budgets from [`FIRST`] on, twelve sizes, and how much single runs and sizes err.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    pub(crate) truth: Truth,
    pub(crate) budgets: i32,
    /// From one budget to the next.
    pub(crate) factor: f64,
    /// Standard deviation of ln L between runs.
    pub(crate) run: f64,
    /// The same between sizes (trunks), common to all runs of one.
    pub(crate) trunk: f64,
}

impl Sweep {
    pub(crate) fn largest(&self) -> f64 {
        FIRST * self.factor.powi(self.budgets - 1)
    }

    pub(crate) fn points(&self, seed: u64) -> Vec<Point> {
        let mut rng = stream(seed, Purpose::Init, 400);
        let mut normal = || normal_pair(&mut rng).0;
        let span = (self.largest() / FIRST).sqrt() * 20.0;
        let sizes: Vec<f64> = (0..12).map(|i| 5e6 * span.powf(f64::from(i) / 11.0)).collect();
        let trunks: Vec<f64> = sizes.iter().map(|_| self.trunk * normal()).collect();
        let mut points = Vec::new();
        for budget in (0..self.budgets).map(|k| FIRST * self.factor.powi(k)) {
            let best = LAW.optimum(Flops(budget)).0.0;
            for (n, trunk) in sizes.iter().zip(&trunks) {
                if (n / best).ln().abs() > 8f64.ln() {
                    continue;
                }
                let d = budget / (6.0 * n);
                let measured = self.truth.loss(*n, d) * (trunk + self.run * normal()).exp();
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
}
