//! The time that a worker has where a batch system ends it, and which runs it begins with what is
//! left.

use crate::folder::ResultsFolder;
use crate::forecast::Price;
use crate::run::PlannedRun;
use crate::shelf::steps_of;
use crate::workplace::CHECKPOINT_EVERY;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Time of a pilot's workers, and prices of runs by id.
#[derive(Clone, Debug)]
pub struct TimeLeft {
    until: SystemTime,
    margin: Duration,
    prices: BTreeMap<String, Price>,
}

/// Part of a life by which a run must end before it, because prices are estimates; at most the time
/// between two checkpoints.
const MARGIN: u32 = 20;

/// Number of margins that must be left for a run that is to be cut: for its begin, for training and
/// for keeping its state.
const WORTH: u32 = 3;

impl TimeLeft {
    /// A life that takes `whole` and ends at `until`. A run without a price is taken to end in
    /// time.
    pub fn new(until: SystemTime, whole: Duration, prices: BTreeMap<String, Price>) -> Self {
        TimeLeft { until, margin: CHECKPOINT_EVERY.min(whole / MARGIN), prices }
    }

    /// Time that is left.
    pub fn left(&self) -> Duration {
        self.until.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// Whether a run ends in the time that is left, going on from the states that it has.
    pub fn is_enough_for(&self, folder: &ResultsFolder, run: &PlannedRun) -> bool {
        let left = self.left();
        let room = left.saturating_sub(self.margin).as_secs_f64();
        let Some(price) = self.prices.get(run.id()) else {
            return !left.is_zero();
        };
        if price.of(run) <= room {
            return true;
        }
        // The states cost a look at the disk, so that only runs that seem too long are given it.
        let newest = |owner: &str, most: u64| {
            steps_of(folder, owner).into_iter().filter(|step| *step <= most).max().unwrap_or(0)
        };
        let from = newest(run.trunk(), run.branch_step()).max(newest(run.id(), run.steps()));
        price.step * (run.steps() - from) as f64 + price.once <= room
    }

    /// Whether enough is left for a run that will not end in time to be begun and cut.
    pub fn is_enough_for_a_part(&self) -> bool {
        self.left() >= self.margin * WORTH
    }
}
