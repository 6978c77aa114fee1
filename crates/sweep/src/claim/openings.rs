//! Which runs are open to a worker, and which part of them is left to train.

use super::{Claims, shelf_kind};
use crate::attempts::next_attempt;
use crate::book::{Ending, How, failure_path, is_held, place};
use crate::error::SweepError;
use crate::files::Files;
use crate::lease::Stage;
use crate::run::PlannedRun;
use crate::shelf::Shelf;
use crate::watch::Life;
use isoflop_results::RunRecord;
use std::collections::{HashMap, HashSet};

/// Whether a run can be claimed.
pub(super) enum Opening {
    /// The run can be claimed by the line with this number.
    Open(u64),
    /// The run is done, held by somebody or given up.
    Closed,
    /// The run may become open later: its holder is dead or was not heard of yet.
    Later,
}

/// Part of a run that is left to train, and the trunk's next line where that has to be written too.
pub(super) struct Part {
    pub(super) stage: Stage,
    pub(super) trunk_line: Option<u64>,
}

impl<'p, F: Files> Claims<'p, F> {
    pub(super) async fn opening(
        &mut self,
        run: &'p PlannedRun,
        lives: &HashMap<String, Life>,
    ) -> Result<Opening, SweepError> {
        if self.done.contains(run.id()) {
            return Ok(Opening::Closed);
        }
        let head = self.book.head(run.id());
        if is_held(head) {
            return Ok(match lives.get(run.id()) {
                Some(Life::Gone) => Opening::Open(head + 2),
                Some(Life::Dying | Life::Unsure) => Opening::Later,
                Some(Life::Alive) | None => Opening::Closed,
            });
        }
        if head == 0 {
            return Ok(Opening::Open(1));
        }
        let ending = self.book.ending(run.id()).await?;
        let placed = match &ending {
            Some(Ending { how, .. }) => place(&self.files, run.id(), head - 1, *how).await?,
            None => false,
        };
        match ending {
            Some(Ending { how: How::Failed | How::Released | How::Expired, .. }) => {
                Ok(Opening::Open(head + 1))
            }
            Some(Ending { how: How::Done, .. }) if placed => {
                self.done.insert(run.id());
                Ok(Opening::Closed)
            }
            // The record is there and not shown yet, or somebody has removed it since.
            _ => {
                let look = (self.looked, self.files.now());
                let life = self.watch.judge(run.id(), head, None, None, look);
                Ok(if life == Life::Gone { Opening::Open(head + 1) } else { Opening::Closed })
            }
        }
    }

    /// Number of the next attempt at a run and its windows per forward pass; `None` if the run is
    /// given up.
    pub(super) async fn attempt(
        &self,
        run: &PlannedRun,
        failed: &HashSet<String>,
    ) -> Result<Option<(u64, u64)>, SweepError> {
        // The list of failures may be older than the end of an earlier claim.
        let failure = match failed.contains(run.id()) || self.book.head(run.id()) > 0 {
            true => self.files.read(&failure_path(run.id())).await?,
            false => None,
        };
        let failure = failure.and_then(|bytes| RunRecord::parse(&bytes).ok());
        let usual = self.micro_windows.get(run.id()).copied();
        Ok(next_attempt(failure.as_ref(), run).map(|(attempt, smaller)| {
            (attempt, smaller.or(usual).unwrap_or_else(|| run.micro_windows()))
        }))
    }

    /// The part of a run that is left to train; `None` while somebody else trains the trunk that it
    /// needs.
    pub(super) async fn part(
        &mut self,
        run: &PlannedRun,
        lives: &HashMap<String, Life>,
        shelves: &HashSet<String>,
        micro_windows: u64,
    ) -> Result<Option<Part>, SweepError> {
        let kind = shelf_kind(&self.kind, micro_windows);
        let branch = run.branch_step();
        for (owner, most) in [(run.trunk(), branch), (run.id(), u64::MAX)] {
            if shelves.contains(owner) {
                let steps = Shelf::on(self.files.clone(), owner, &kind).steps().await?;
                if steps.iter().any(|step| (branch..=most).contains(step)) {
                    return Ok(Some(Part { stage: Stage::Cooldown, trunk_line: None }));
                }
            }
        }
        if run.trunk() == run.id() {
            return Ok(Some(Part { stage: Stage::Trunk, trunk_line: None }));
        }
        let line = self.trunk_line(run.trunk(), lives).await?;
        Ok(line.map(|line| Part { stage: Stage::Trunk, trunk_line: Some(line) }))
    }

    /// Number of the line by which a trunk can be claimed; `None` while somebody holds it, which
    /// lasts as long as the holder holds the run for whose sake it took the trunk.
    pub(super) async fn trunk_line(
        &mut self,
        trunk: &str,
        lives: &HashMap<String, Life>,
    ) -> Result<Option<u64>, SweepError> {
        let head = self.book.head(trunk);
        if !is_held(head) {
            return Ok(Some(head + 1));
        }
        let holder = self.book.holder(trunk).await?;
        let busy = match &holder {
            // The book has forgotten the lines of runs that are done.
            Some(lease) if self.done.contains(lease.run_id.as_str()) => false,
            Some(lease) if self.book.head(&lease.run_id) > lease.line => false,
            Some(lease) if self.book.head(&lease.run_id) == lease.line => {
                let author = self.book.holder(&lease.run_id).await?;
                author.is_none_or(|author| author.is_of_claim_of(lease))
                    && lives.get(&lease.run_id) != Some(&Life::Gone)
            }
            // The holder has yet to claim the run itself.
            _ => {
                let alive = holder.as_ref().and_then(|lease| self.files.is_alive(&lease.owner));
                let look = (self.looked, self.files.now());
                self.watch.judge(trunk, head, None, alive, look) != Life::Gone
            }
        };
        Ok((!busy).then_some(head + 2))
    }
}
