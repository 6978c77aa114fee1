//! What the runs of a plan will identify, asked of the fits that will be made of them.

use isoflop_fit::MOST_EPOCHS;
use isoflop_fit::design::{PlannedPoint, Prospect, prospects};
use isoflop_sweep::{Plan, PlannedRun};

/// The charts and laws that the first series of a plan will support; the others have the same runs.
pub fn of_plan(plan: &Plan) -> Vec<Prospect> {
    let series = plan.sweep_runs().next().map(|run| &run.series);
    let of_series = plan.sweep_runs().filter(|run| Some(&run.series) == series);
    let points: Vec<PlannedPoint> = of_series.map(point).collect();
    prospects(&points, MOST_EPOCHS)
}

fn point(run: &PlannedRun) -> PlannedPoint {
    PlannedPoint {
        n: run.n().0,
        d: run.tokens().0,
        c: run.c_exact().0,
        flops_budget: run.flops_budget,
        epochs: run.epochs(),
        width: Some(run.config.model.shape.d_model as f64),
        seed: run.config.seed,
    }
}
