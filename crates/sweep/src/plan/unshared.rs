//! Says why runs that differ in length alone share no trunk.

use super::Plan;
use crate::run::PlannedRun;
use isoflop_core::{Schedule, ScheduleKind};
use std::collections::HashMap;

impl Plan {
    /// Sentences on runs that differ in length alone and share no trunk because their rates differ
    /// from the beginning; none if there are no such runs.
    pub fn unshared(&self) -> Vec<String> {
        let mut alike: HashMap<String, Vec<Schedule>> = HashMap::new();
        for run in &self.runs {
            alike.entry(run.length_key()).or_default().push(schedule(run));
        }
        let lengths = || alike.values().filter(|lengths| lengths.len() > 1);
        let mut sentences = Vec::new();
        for kind in [ScheduleKind::Cosine, ScheduleKind::Linear] {
            if lengths().any(|lengths| lengths[0].kind == kind) {
                sentences.push(format!(
                    "runs of schedule = \"{}\" share no trunk: the rate of each falls from its \
                     warm-up to an end of its own",
                    kind.name()
                ));
            }
        }
        if lengths().any(|lengths| lengths[0].kind.has_trunk() && warm_up_differently(lengths)) {
            sentences.push(
                "runs whose warm-up is a fraction of their length share no trunk; a warm-up in \
                 tokens, such as warmup = \"20k\", lets them"
                    .to_owned(),
            );
        }
        sentences
    }
}

fn schedule(run: &PlannedRun) -> Schedule {
    run.config.recipe.schedule
}

/// Whether warm-ups differ, leaving aside those that are cut because their run is short.
fn warm_up_differently(lengths: &[Schedule]) -> bool {
    let mut whole = lengths.iter().filter(|of| of.warmup < of.branch()).map(|of| of.warmup);
    let first = whole.next();
    whole.any(|warmup| Some(warmup) != first)
}
