//! From the path of a sweep file to a plan on this machine.

use crate::progress::DataBar;
use anyhow::Result;
use isoflop_sweep::{Plan, PlanContext, Sweep, memory};
use isoflop_train::{NUMERICS_VERSION, data_facts};
use std::path::Path;

/// Reads a sweep file and plans it. A built-in corpus is built on first use.
pub(crate) fn plan(path: &Path) -> Result<(Sweep, Plan)> {
    let sweep = Sweep::read(path)?;
    let mut facts = |request: &isoflop_sweep::plan::DataRequest| {
        let bar = DataBar::new();
        data_facts(request, &|progress| bar.show(progress))
            .map_err(|error| (error.to_string(), error.hint()))
    };
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: NUMERICS_VERSION,
        memory_bytes: memory::machine_bytes(),
    };
    let plan = Plan::build(&sweep, &mut context)?;
    Ok((sweep, plan))
}
