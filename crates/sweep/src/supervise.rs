//! Starting worker processes, watching them, and collecting what they write.

use crate::claim::{allow_retries, any_unfinished, clear_dead, live_leases};
use crate::error::SweepError;
use crate::folder::{Records, ResultsFolder};
use crate::lease::Lease;
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::worker::record_of_death;
use std::collections::HashSet;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the folder is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Workers that may die without holding a run before the command gives up: something then is
/// wrong with starting them at all.
const MOST_IDLE_DEATHS: usize = 5;

/// Told of everything that happens while a sweep runs.
pub trait Watcher {
    /// A run has ended; its record has been merged.
    fn ended(&mut self, record: &isoflop_results::RunRecord);
    /// Where the runs are that are being trained.
    fn progress(&mut self, leases: &[Lease]);
    /// Something a person should know.
    fn notice(&mut self, text: &str);
}

/// How a supervised sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every planned run is done or given up.
    Complete,
    /// Stopped by the `stop` flag; the same command resumes.
    Stopped,
}

/// Runs `jobs` workers until every run of the plan is done or given up, writing
/// `runs.parquet` and `curves.parquet` as each run ends. Waits for runs that others hold.
///
/// `spawn` starts worker number `i`, which must end when this process dies.
///
/// # Errors
/// The folder cannot be read or written, or a worker cannot be started.
pub fn supervise(
    folder: &ResultsFolder,
    plan: &Plan,
    jobs: usize,
    spawn: &mut dyn FnMut(usize) -> std::io::Result<Child>,
    watcher: &mut dyn Watcher,
    stop: &AtomicBool,
) -> Result<Outcome, SweepError> {
    let before = folder.records(plan)?;
    for damaged in &before.damaged {
        watcher.notice(&format!("{damaged}; moved aside, the run is trained again"));
    }
    allow_retries(folder, &before.failed)?;
    clear_dead(folder, &plan.work_order())?;
    let seen = before
        .done
        .iter()
        .map(|record| record.row.run_id.clone())
        .collect();
    let mut supervisor = Supervisor {
        folder,
        plan,
        order: plan.work_order(),
        workers: Vec::new(),
        seen,
        idle_deaths: 0,
        watcher,
    };
    let outcome = supervisor.run(jobs, spawn, stop);
    supervisor.end_workers();
    supervisor.collect()?;
    outcome
}

struct Supervisor<'a> {
    folder: &'a ResultsFolder,
    plan: &'a Plan,
    order: Vec<&'a PlannedRun>,
    workers: Vec<(usize, Child)>,
    /// Runs whose end has been told.
    seen: HashSet<String>,
    idle_deaths: usize,
    watcher: &'a mut dyn Watcher,
}

impl Supervisor<'_> {
    fn run(
        &mut self,
        jobs: usize,
        spawn: &mut dyn FnMut(usize) -> std::io::Result<Child>,
        stop: &AtomicBool,
    ) -> Result<Outcome, SweepError> {
        while any_unfinished(self.folder, &self.order)? {
            if stop.load(Ordering::Acquire) {
                return Ok(Outcome::Stopped);
            }
            self.reap()?;
            let leases = live_leases(self.folder, &self.order)?;
            let unfinished = self.unfinished()?;
            // No more workers than runs that nobody holds yet, or that ours may free.
            let wanted = jobs.min(unfinished.saturating_sub(self.held_by_others(&leases)));
            for slot in 0..jobs {
                let taken = self.workers.iter().any(|(worker, _)| *worker == slot);
                if !taken && self.workers.len() < wanted {
                    let child = spawn(slot).map_err(|source| SweepError::Spawn { source })?;
                    self.workers.push((slot, child));
                }
            }
            self.collect()?;
            self.watcher.progress(&leases);
            std::thread::sleep(POLL);
        }
        Ok(Outcome::Complete)
    }

    fn unfinished(&self) -> Result<usize, SweepError> {
        let mut count = 0;
        for run in &self.order {
            count += usize::from(any_unfinished(self.folder, &[run])?);
        }
        Ok(count)
    }

    fn held_by_others(&self, leases: &[Lease]) -> usize {
        let ours: Vec<u32> = self.workers.iter().map(|(_, child)| child.id()).collect();
        leases
            .iter()
            .filter(|lease| !ours.contains(&lease.owner.pid))
            .count()
    }

    /// Notices workers that have ended. One that died leaves a failed record for its run.
    fn reap(&mut self) -> Result<(), SweepError> {
        let mut alive = Vec::new();
        for (slot, mut child) in std::mem::take(&mut self.workers) {
            match child.try_wait() {
                Ok(None) => alive.push((slot, child)),
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => self.bury(slot, child.id(), status)?,
                Err(source) => return Err(SweepError::Spawn { source }),
            }
        }
        self.workers = alive;
        Ok(())
    }

    fn bury(&mut self, slot: usize, pid: u32, status: ExitStatus) -> Result<(), SweepError> {
        let log = self.folder.log_path(slot);
        let how = format!("its worker died: {status}; see {}", log.display());
        for run in &self.order {
            let path = self.folder.lease_path(run.id());
            let lease = std::fs::read_to_string(&path).ok();
            let lease: Option<Lease> = lease.and_then(|text| serde_json::from_str(&text).ok());
            if let Some(lease) = lease.filter(|lease| lease.owner.pid == pid)
                && !self.folder.record_path(run.id()).exists()
            {
                let record = record_of_death(
                    self.plan.name(),
                    run,
                    &lease.owner,
                    lease.attempt,
                    how.clone(),
                );
                record.write(&self.folder.failure_path(run.id()))?;
                std::fs::remove_file(&path).map_err(SweepError::io(&path, "remove"))?;
                self.watcher.notice(&format!("run {}: {how}", run.id()));
                return Ok(());
            }
        }
        self.idle_deaths += 1;
        let what = format!(
            "worker {slot} died without a run: {status}; see {}",
            log.display()
        );
        match self.idle_deaths > MOST_IDLE_DEATHS {
            true => Err(SweepError::Spawn {
                source: std::io::Error::other(what),
            }),
            false => {
                self.watcher.notice(&what);
                Ok(())
            }
        }
    }

    /// Merges and tells of the runs that have ended since the last look.
    fn collect(&mut self) -> Result<(), SweepError> {
        let ended = |run: &&&PlannedRun| {
            !self.seen.contains(run.id()) && self.folder.record_path(run.id()).exists()
        };
        if !self.order.iter().any(|run| ended(&run)) && self.folder.runs_path().exists() {
            return Ok(());
        }
        let records = self.folder.records(self.plan)?;
        self.folder.merge(&records)?;
        for record in &records.done {
            if self.seen.insert(record.row.run_id.clone()) {
                self.watcher.ended(record);
            }
        }
        Ok(())
    }

    /// Ends workers that are still there and waits for them, so that none outlives the command.
    fn end_workers(&mut self) {
        for (_, child) in &mut self.workers {
            // A worker that has just ended cannot be killed, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.workers.clear();
    }
}

/// What is done, failed and open, for a last word.
///
/// # Errors
/// The folder cannot be read or written.
pub fn settle(folder: &ResultsFolder, plan: &Plan) -> Result<Records, SweepError> {
    let records = folder.records(plan)?;
    folder.merge(&records)?;
    Ok(records)
}
