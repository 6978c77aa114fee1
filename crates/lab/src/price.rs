//! What a sweep costs on this machine, from nothing and from where its results stand.

use crate::calibration::Basis;
use crate::path::{Path, paths};
use crate::places::Settled;
use crate::plan::{self, Planned, Setting};
use crate::{Lab, LabError};
use isoflop_core::Flops;
use isoflop_model::ParamCount;
use isoflop_sweep::forecast::{Forecast, Price, Standing};
use isoflop_sweep::reuse::{Reuse, reuse};
use isoflop_sweep::{Plan, Sweep};
use isoflop_train::device::Found;

/// A plan with what it costs here.
pub struct Priced {
    /// The plan.
    pub plan: Plan,
    /// The stage that comes first, and its seconds.
    pub stage: Option<(Plan, f64)>,
    /// In seconds, of the plan's runs in its order.
    pub prices: Vec<Price>,
    /// What the prices rest on.
    pub basis: Basis,
    /// The device that they hold for.
    pub found: Found,
    /// Workers at a time.
    pub jobs: usize,
    /// From nothing.
    pub all: Forecast,
    /// From where the results stand.
    pub left: Forecast,
    /// Which runs are there already.
    pub reuse: Reuse,
    /// How narrow the interval that the plan aims at is expected to become.
    pub paths: Vec<Path>,
}

/// Plans and prices a sweep; speeds that are known are measured `again` where that is asked for.
///
/// # Errors
/// The sweep cannot be planned, its folder not be read, or a speed not be measured.
pub fn price(
    lab: &Lab<'_>,
    sweep: &Sweep,
    setting: &Setting<'_>,
    again: bool,
) -> Result<Priced, LabError> {
    let Planned { plan, stage, .. } = plan::plan(lab, sweep, setting)?;
    let folder = plan::folder(sweep, setting.results);
    let settled = setting.places.settle(lab, &plan, setting.jobs, again)?;
    let Settled { found, jobs, prices, basis, .. } = settled;
    let reuse = reuse(&plan, &folder)?;
    let standing = Standing {
        done: reuse.reused.iter().cloned().collect(),
        ..Standing::of(&folder, &plan, &[])?
    };
    let stage = match stage {
        Some(stage) => {
            let seconds = setting.places.settle(lab, &stage, setting.jobs, false)?.finish;
            Some((stage, seconds))
        }
        None => None,
    };
    Ok(Priced {
        stage,
        all: Forecast::of(&plan, &prices, &Standing::default(), jobs),
        left: Forecast::of(&plan, &prices, &standing, jobs),
        paths: paths(&plan, sweep, &folder),
        plan,
        prices,
        basis,
        found,
        jobs,
        reuse,
    })
}

/// FLOPs of a plan's runs if they shared nothing.
pub fn flops_of_each(plan: &Plan) -> Flops {
    Flops(plan.runs().iter().map(|run| run.c_exact().0).sum())
}

/// Bytes that the results of a plan take at most: weights of every run, and for each branch of a trunk a
/// state of weights and two moments, with two more on their way.
pub fn disk_bytes(plan: &Plan) -> u64 {
    const RECORD: f64 = 32e3;
    const WEIGHTS: f64 = 4.0;
    const STATE: f64 = 12.0;
    let bytes = plan.runs().iter().map(|run| {
        let params = ParamCount::of(&run.config.model).total().0;
        RECORD + params * (WEIGHTS + STATE)
    });
    let largest = plan.runs().iter().map(|run| run.params().total().0);
    (bytes.sum::<f64>() + 2.0 * STATE * largest.fold(0.0, f64::max)) as u64
}
