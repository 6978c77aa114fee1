//! How many worker processes.

use isoflop_sweep::{Plan, memory};
use std::str::FromStr;

/// `--jobs N|auto`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// One a core, as long as the largest runs fit into memory beside each other. How many share an
    /// adapter is measured where the place of a sweep is settled.
    Auto,
    /// So many.
    Given(usize),
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Jobs::Auto),
            (_, Ok(jobs)) if jobs > 0 => Ok(Jobs::Given(jobs)),
            _ => Err("give a number of processes, at least 1, or `auto`".to_owned()),
        }
    }
}

impl Jobs {
    /// For a plan on this machine.
    pub fn resolve(self, plan: &Plan) -> usize {
        match self {
            Jobs::Given(jobs) => jobs,
            Jobs::Auto => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                let needs = plan.runs().iter().map(|run| run.memory_bytes()).collect();
                let fit = memory::processes_that_fit(needs, memory::machine_bytes());
                match fit < plan.runs().len() {
                    true => cores.min(fit),
                    false => cores,
                }
            }
        }
    }
}
