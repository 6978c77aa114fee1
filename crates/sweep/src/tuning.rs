//! Plans and evaluates the stage of short runs that finds a learning rate for each size. The stage
//! is a sweep of its own, with a results folder beside that of the sweep it serves.

pub use crate::tuned::{SUFFIX, Tuned, TunedRate};

use crate::plan::Plan;
use crate::run::PlannedRun;
use isoflop_results::{RunRecord, Status};
use std::collections::HashMap;

impl Tuned {
    /// Evaluates the records of a stage, once every trial has finished or diverged. A model all of
    /// whose trials diverged gets no rate.
    ///
    /// # Errors
    /// Ids of the trials that have neither finished nor diverged. Without them another rate might
    /// be chosen, so none is.
    pub fn of(stage: &Plan, records: &[RunRecord]) -> Result<Self, Vec<String>> {
        let ended: HashMap<&str, &RunRecord> = records
            .iter()
            .filter(|record| record.row.status != Status::Failed)
            .map(|record| (record.row.run_id.as_str(), record))
            .collect();
        let open = stage.runs().iter().map(PlannedRun::id);
        let open: Vec<String> =
            open.filter(|id| !ended.contains_key(id)).map(str::to_owned).collect();
        if !open.is_empty() {
            return Err(open);
        }
        let mut rates: Vec<TunedRate> = Vec::new();
        for run in stage.runs() {
            let loss = ended[run.id()].row.test_loss;
            let trial = (run.config.recipe.learning_rate, loss);
            let key = run.tuning_key();
            match rates.iter_mut().find(|tuned| tuned.key == key) {
                Some(tuned) => tuned.trials.push(trial),
                None => rates.push(TunedRate::begin(run, key, trial)),
            }
        }
        rates.retain_mut(TunedRate::choose);
        Ok(Tuned { rates })
    }

    /// Sizes of the stage whose trials have all diverged.
    pub fn untuned(&self, stage: &Plan) -> Vec<String> {
        let without = stage.runs().iter().filter(|run| self.rate(&run.tuning_key()).is_none());
        let mut sizes: Vec<String> = without.map(|run| run.size.clone()).collect();
        sizes.dedup();
        sizes
    }
}
