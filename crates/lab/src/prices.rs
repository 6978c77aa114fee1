//! What the runs of a plan cost, in seconds or in FLOPs.

use isoflop_sweep::forecast::Price;
use isoflop_sweep::{Plan, PlannedRun};

/// What runs cost.
pub enum Prices {
    /// Seconds, measured on this machine.
    Seconds(Vec<Price>),
    /// FLOPs, where nothing has been measured: their pace shows on the way.
    Flops(Vec<Price>),
}

impl Prices {
    /// By FLOPs alone.
    pub fn flops(plan: &Plan) -> Self {
        let price =
            |run: &PlannedRun| Price { step: run.c_exact().0 / run.steps() as f64, once: 0.0 };
        Prices::Flops(plan.runs().iter().map(price).collect())
    }

    /// One a run of the plan.
    pub fn all(&self) -> &[Price] {
        match self {
            Prices::Seconds(prices) | Prices::Flops(prices) => prices,
        }
    }
}
