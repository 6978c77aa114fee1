//! What a results folder says to the planner: runs that have ended, and what was chosen before.

use super::rounds::Round;
use super::sizes::BudgetSizes;
use crate::claim::unfinished;
use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::run::PlannedRun;
use std::collections::{HashMap, HashSet};

/// What has been done and chosen in a results folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Test losses of the runs that have ended, by id; none where the run diverged or was given up.
    pub ended: HashMap<String, Option<f64>>,
    /// Sizes that were chosen before. They stay, so that a choice is made once.
    pub sizes: Vec<BudgetSizes>,
    /// Runs that were added to know a quantity better.
    pub rounds: Vec<Round>,
}

impl History {
    /// The history of a folder, which need not exist yet.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn of(folder: &ResultsFolder) -> Result<Self, SweepError> {
        let Ok(plan) = folder.plan() else {
            return Ok(History::default());
        };
        let records = folder.peek(&plan)?;
        let runs: Vec<&PlannedRun> = plan.runs().iter().collect();
        let open: HashSet<&str> = unfinished(folder, &runs)?.iter().map(|run| run.id()).collect();
        let failed = records.failed.iter().map(|record| (record.row.run_id.clone(), None));
        let given_up = failed.filter(|(id, _)| !open.contains(id.as_str()));
        let done = records.done.iter().map(|r| (r.row.run_id.clone(), r.row.test_loss));
        Ok(History {
            ended: given_up.chain(done).collect(),
            sizes: plan.sizes().iter().filter(|sizes| !sizes.waits).cloned().collect(),
            rounds: plan.rounds().to_vec(),
        })
    }

    /// The history without the sizes that were chosen.
    #[must_use]
    pub fn without_sizes(self) -> Self {
        History { sizes: Vec::new(), ..self }
    }
}
