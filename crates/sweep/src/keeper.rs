//! Implements [`Keeper`] for a run: its states go to the shelf of its trunk until it branches off,
//! and then to its own.

use crate::claim::{Claim, shelf_kind};
use crate::files::done;
use crate::folder::ResultsFolder;
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::shelf::{KEPT, Shelf, discard_all};
use crate::trainer::{Keeper, Progress, TrainFailure};
use crate::workplace::Workplace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Keeps the states of one claimed run.
pub(crate) struct RunKeeper<'a> {
    folder: &'a ResultsFolder,
    claim: &'a Claim,
    stop: &'a AtomicBool,
    log: &'a dyn Fn(&str),
    every: Duration,
    last: Instant,
    branch: u64,
    /// Runs of the same trunk, including this one, each with the step at which it branches off.
    siblings: Vec<(&'a PlannedRun, u64)>,
    trunk: Shelf,
    own: Shelf,
    /// States that were not yet handed out, the newest last.
    offers: Vec<(Source, u64)>,
    /// Step of the newest state on disk; 0 if there is none.
    kept: u64,
}

#[derive(Clone, Copy)]
enum Source {
    Trunk,
    Own,
}

impl<'a> RunKeeper<'a> {
    pub(crate) fn new(
        folder: &'a ResultsFolder,
        plan: &'a Plan,
        run: &'a PlannedRun,
        kind: &str,
        claim: &'a Claim,
        place: &Workplace<'a>,
        log: &'a dyn Fn(&str),
    ) -> Self {
        let kind = shelf_kind(kind, claim.micro_windows());
        let shelf = |owner: &str| Shelf::new(folder, owner, &kind);
        let (trunk, own) = (shelf(run.trunk()), shelf(run.id()));
        let branch = run.branch_step();
        // A shelf that cannot be read has no state, and the run starts from its beginning.
        let steps = |shelf: &Shelf| done(shelf.steps()).unwrap_or_default().into_iter();
        let shared = steps(&trunk).filter(|step| *step <= branch);
        let mut offers: Vec<_> = shared.map(|step| (Source::Trunk, step)).collect();
        let alone = steps(&own).filter(|step| *step > branch);
        offers.extend(alone.map(|step| (Source::Own, step)));
        RunKeeper {
            folder,
            claim,
            stop: place.stop,
            log,
            every: place.checkpoint_every,
            last: Instant::now(),
            branch,
            siblings: siblings(plan, run),
            trunk,
            own,
            offers,
            kept: 0,
        }
    }
}

/// Removes the states that nothing needs once a run has its record: all its own, and those of its
/// trunk except at branches still to come and the last, from which a larger budget can go on.
pub(crate) fn clear(folder: &ResultsFolder, plan: &Plan, run: &PlannedRun, kind: &str) {
    discard_all(folder, run.id());
    if run.trunk() == run.id() {
        return;
    }
    let open = open_branches(folder, &siblings(plan, run));
    let newest = if open.is_empty() { 1 } else { KEPT };
    let trunk = Shelf::new(folder, run.trunk(), kind);
    // Files that cannot be removed do no harm; they only take room on the disk.
    let _ = done(trunk.prune(u64::MAX, newest, |step| open.contains(&step)));
}

/// Runs of the same trunk as `run`, including it, each with the step at which it branches off.
fn siblings<'a>(plan: &'a Plan, run: &PlannedRun) -> Vec<(&'a PlannedRun, u64)> {
    let siblings = plan.runs().iter().filter(|other| other.trunk() == run.trunk());
    siblings.map(|run| (run, run.branch_step())).collect()
}

/// Steps at which runs without a record branch off.
fn open_branches(folder: &ResultsFolder, siblings: &[(&PlannedRun, u64)]) -> Vec<u64> {
    let open = siblings.iter().filter(|(run, _)| !folder.record_path(run.id()).exists());
    open.map(|(_, branch)| *branch).collect()
}

impl Keeper for RunKeeper<'_> {
    fn progress(&mut self, progress: Progress) {
        self.claim.progress(progress);
    }

    fn newest(&mut self) -> Option<Vec<u8>> {
        while let Some((source, step)) = self.offers.pop() {
            let shelf = match source {
                Source::Trunk => &self.trunk,
                Source::Own => &self.own,
            };
            match done(shelf.read(step)) {
                Ok(state) => {
                    (self.log)(&format!("going on from step {step}"));
                    self.kept = step;
                    return Some(state);
                }
                Err(problem) => {
                    (self.log)(&format!("{problem}; going on from the one before"));
                    // A file that cannot be removed does no harm; it only takes room.
                    let _ = done(shelf.discard(step));
                }
            }
        }
        self.kept = 0;
        None
    }

    fn wants(&mut self, step: u64) -> bool {
        if step <= self.kept || self.claim.is_lost() {
            return false;
        }
        let due = self.last.elapsed() >= self.every || self.stopping();
        due || step <= self.branch
            && (step == self.branch
                || self.siblings.iter().any(|(run, branch)| {
                    *branch == step && !self.folder.record_path(run.id()).exists()
                }))
    }

    fn keep(&mut self, step: u64, state: &[u8]) -> Result<(), TrainFailure> {
        if self.claim.look().unwrap_or(false) {
            return Err(TrainFailure::Stopped);
        }
        let open = open_branches(self.folder, &self.siblings);
        let (shelf, wanted) = match step <= self.branch {
            true => (&self.trunk, open),
            false => (&self.own, Vec::new()),
        };
        done(shelf.write(step, state))?;
        // A file that cannot be removed does no harm; it only takes room on the disk.
        let _ = done(shelf.prune(step, KEPT, |step| wanted.contains(&step)));
        if step == self.branch {
            // Other workers wait for the trunk. If the lease cannot be written now, the heartbeat
            // writes it.
            let _ = self.claim.leave_trunk();
        }
        self.kept = step;
        self.last = Instant::now();
        Ok(())
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.claim.is_lost()
    }
}
