//! Taking a run so that nobody else trains it: under the lock, no record, no live lease, and
//! nobody on the part of the trunk that it needs; then write mine.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::lease::{HEARTBEAT, Lease, Owner, Stage};
use crate::leases::{self, Seen, age, lock};
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::shelf::Shelf;
use crate::trainer::Progress;
use isoflop_results::{FailureKind, RunRecord};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Attempts at a run within one command; those that memory ran out of do not count while fewer
/// windows can be tried.
pub const ATTEMPTS: u64 = 2;

/// How long a lease of a dead process of this host is left to its supervisor, which records the
/// death, before a fellow worker takes the run over.
pub const BURIAL: Duration = Duration::from_secs(5);

/// Claims runs of a plan for one process, one after another.
#[derive(Debug)]
pub struct Claims<'p> {
    folder: ResultsFolder,
    order: Vec<&'p PlannedRun>,
    owner: Owner,
    kind: String,
    /// Windows a forward pass of each run of the plan, unless memory has run out before.
    micro_windows: HashMap<&'p str, u64>,
    plan: &'p Plan,
    /// Runs seen to have a record, which stays.
    done: HashSet<&'p str>,
    seen: Seen,
}

/// What there is to do.
#[derive(Debug)]
pub enum Next<'p> {
    /// A run, now this process's.
    Run(&'p PlannedRun, Claim),
    /// Nothing yet: what is open needs a trunk that somebody is on, or a death to be recorded.
    Wait,
    /// Nothing: every run is done, held or given up.
    Nothing,
}

/// Whether a run can be claimed.
enum Opening {
    /// As this attempt, with so many windows a forward pass.
    Open(u64, u64),
    /// Done, held or given up.
    Closed,
    /// Perhaps later.
    Later,
}

impl<'p> Claims<'p> {
    /// For the worker `owner`, whose trainer is of a [`crate::Trainer::kind`].
    pub fn new(folder: &ResultsFolder, plan: &'p Plan, owner: &Owner, kind: &str) -> Self {
        Claims {
            folder: folder.clone(),
            order: plan.work_order(),
            owner: owner.clone(),
            kind: kind.to_owned(),
            micro_windows: HashMap::new(),
            plan,
            done: HashSet::new(),
            seen: Seen::default(),
        }
    }

    /// With the windows a forward pass that suit the trainer's device, in the order of the plan.
    #[must_use]
    pub fn with(mut self, micro_windows: Vec<u64>) -> Self {
        let ids = self.plan.runs().iter().map(PlannedRun::id);
        self.micro_windows = ids.zip(micro_windows).collect();
        self
    }

    /// Claims the first open run.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn claim(&mut self) -> Result<Next<'p>, SweepError> {
        let _lock = lock(&self.folder)?;
        let mut leases = Vec::new();
        for run_id in leases::leased(&self.folder)? {
            leases.extend(self.seen.live(&self.folder, &run_id)?);
        }
        let mut later = false;
        for run in &self.order {
            if self.done.contains(run.id()) {
                continue;
            }
            if self.folder.record_path(run.id()).exists() {
                self.done.insert(run.id());
                continue;
            }
            let (attempt, micro_windows) = match self.opening(run, &leases)? {
                Opening::Open(attempt, micro_windows) => (attempt, micro_windows),
                Opening::Closed => continue,
                Opening::Later => {
                    later = true;
                    continue;
                }
            };
            let Some(stage) = self.stage(run, &leases, micro_windows) else {
                later = true;
                continue;
            };
            let lease = Lease {
                run_id: run.id().to_owned(),
                trunk: run.trunk().to_owned(),
                stage,
                owner: self.owner.clone(),
                attempt,
                micro_windows,
                progress: Progress {
                    step: 0,
                    steps: run.config.steps.steps,
                    loss: None,
                    tokens_per_s: None,
                },
            };
            leases::write(&self.folder, &lease)?;
            return Ok(Next::Run(run, Claim::start(self.folder.clone(), lease)));
        }
        Ok(match later {
            true => Next::Wait,
            false => Next::Nothing,
        })
    }

    fn opening(&self, run: &PlannedRun, leases: &[Lease]) -> Result<Opening, SweepError> {
        if leases.iter().any(|lease| lease.run_id == run.id()) {
            return Ok(Opening::Closed);
        }
        let Some((attempt, smaller)) = next_attempt(&self.folder, run) else {
            return Ok(Opening::Closed);
        };
        let usual = self.micro_windows.get(run.id()).copied();
        let micro_windows = smaller.or(usual).unwrap_or_else(|| run.micro_windows());
        let path = self.folder.lease_path(run.id());
        let unburied = age(&path).is_some_and(|age| age < BURIAL)
            && leases::read(&self.folder, run.id())?.is_some();
        Ok(match unburied {
            true => Opening::Later,
            false => Opening::Open(attempt, micro_windows),
        })
    }

    /// What is left of a run; `None` while somebody else trains what it needs.
    fn stage(&self, run: &PlannedRun, leases: &[Lease], micro_windows: u64) -> Option<Stage> {
        let kind = shelf_kind(&self.kind, micro_windows);
        let has = |owner: &str, least: u64, most: u64| {
            let steps = Shelf::new(&self.folder, owner, &kind).steps();
            steps.iter().any(|step| (least..=most).contains(step))
        };
        let branch = run.branch_step();
        if has(run.trunk(), branch, branch) || has(run.id(), branch, u64::MAX) {
            return Some(Stage::Cooldown);
        }
        let busy =
            leases.iter().any(|lease| lease.stage == Stage::Trunk && lease.trunk == run.trunk());
        (!busy).then_some(Stage::Trunk)
    }
}

/// Name of the shelf of a kind of trainer: sums of gradients round with the parts of a batch.
pub(crate) fn shelf_kind(kind: &str, micro_windows: u64) -> String {
    format!("{kind}-{micro_windows}")
}

/// The number of the next attempt at a run, and its windows a forward pass where an earlier attempt
/// says something of that; `None` when it is done or given up. Memory that runs out counts as a
/// failure only of a single window.
fn next_attempt(folder: &ResultsFolder, run: &PlannedRun) -> Option<(u64, Option<u64>)> {
    if folder.record_path(run.id()).exists() {
        return None;
    }
    let failure = folder.failure_path(run.id());
    if !failure.exists() {
        return Some((1, None));
    }
    let Ok(RunRecord { row, .. }) = RunRecord::read(&failure) else {
        return Some((1, None));
    };
    let was = row.micro_batch.clamp(1, run.batch_windows().max(1));
    let short = row.failure_kind() == Some(FailureKind::Memory);
    match short && was > 1 {
        true => Some((row.attempt.saturating_add(1), Some(was / 2))),
        false => (row.attempt < ATTEMPTS).then_some((row.attempt + 1, Some(was))),
    }
}

/// The runs of `order` that are neither done nor given up.
///
/// # Errors
/// The folder cannot be read.
pub fn unfinished<'p>(
    folder: &ResultsFolder,
    order: &[&'p PlannedRun],
) -> Result<Vec<&'p PlannedRun>, SweepError> {
    let (done, failed) = (folder.recorded()?, folder.failed()?);
    let open = |run: &&&PlannedRun| {
        !done.contains(run.id())
            && (!failed.contains(run.id()) || next_attempt(folder, run).is_some())
    };
    Ok(order.iter().filter(open).copied().collect())
}

/// How many runs of `order` have failed as often as a command tries.
///
/// # Errors
/// The folder cannot be read.
pub fn given_up(folder: &ResultsFolder, order: &[&PlannedRun]) -> Result<u64, SweepError> {
    let (done, failed) = (folder.recorded()?, folder.failed()?);
    let tried = |run: &&&PlannedRun| failed.contains(run.id()) && !done.contains(run.id());
    let mut count = 0;
    for run in order.iter().filter(tried) {
        count += u64::from(next_attempt(folder, run).is_none());
    }
    Ok(count)
}

/// Lets every run that failed in an earlier command be tried once more in this one.
///
/// # Errors
/// The folder cannot be read or written.
pub fn allow_retries(folder: &ResultsFolder, failed: &[RunRecord]) -> Result<(), SweepError> {
    let _lock = lock(folder)?;
    for record in failed.iter().filter(|record| record.row.attempt >= ATTEMPTS) {
        let mut again = record.clone();
        again.row.attempt = ATTEMPTS - 1;
        again.write(&folder.failure_path(&record.row.run_id))?;
    }
    Ok(())
}

/// A run that is this process's until dropped; a thread keeps its lease warm.
#[derive(Debug)]
pub struct Claim {
    folder: ResultsFolder,
    lease: Arc<Mutex<Lease>>,
    lost: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    heart: Option<JoinHandle<()>>,
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claim {
    fn start(folder: ResultsFolder, lease: Lease) -> Self {
        let lease = Arc::new(Mutex::new(lease));
        let (lost, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let heart = std::thread::spawn({
            let (folder, lease, lost, stop) =
                (folder.clone(), lease.clone(), lost.clone(), stop.clone());
            move || beat(&folder, &lease, &lost, &stop)
        });
        Claim { folder, lease, lost, stop, heart: Some(heart) }
    }

    /// 1, and one more after every failure.
    pub fn attempt(&self) -> u64 {
        guard(&self.lease).attempt
    }

    /// Windows a forward pass.
    pub fn micro_windows(&self) -> u64 {
        guard(&self.lease).micro_windows
    }

    /// Whether another worker has taken the run over.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Notes where the run is; written with the next heartbeat.
    pub fn progress(&self, progress: Progress) {
        guard(&self.lease).progress = progress;
    }

    /// Leaves the trunk to others.
    ///
    /// # Errors
    /// The lease cannot be written; the next heartbeat tries again.
    pub fn leave_trunk(&self) -> Result<(), SweepError> {
        guard(&self.lease).stage = Stage::Cooldown;
        let _lock = lock(&self.folder)?;
        match self.is_mine()? {
            true => leases::write(&self.folder, &guard(&self.lease).clone()),
            false => Ok(()),
        }
    }

    /// Writes the record of the run and gives the claim back. Nothing is written if another
    /// worker has taken the run over meanwhile; whether it was is returned.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn finish(self, record: &RunRecord, failed: bool) -> Result<bool, SweepError> {
        // Before the lock: a heartbeat that waits for it must not renew what is removed below.
        self.stop.store(true, Ordering::Release);
        let _lock = lock(&self.folder)?;
        if self.is_lost() || !self.is_mine()? {
            return Ok(false);
        }
        let run_id = &record.row.run_id;
        let failure = self.folder.failure_path(run_id);
        if failed {
            record.write(&failure)?;
        } else {
            record.write(&self.folder.record_path(run_id))?;
            crate::lease::remove(&failure)?;
        }
        crate::lease::remove(&self.folder.lease_path(run_id))?;
        Ok(true)
    }

    /// Gives the run back as it is, to be taken up by anybody.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn release(self) -> Result<(), SweepError> {
        self.stop.store(true, Ordering::Release);
        let _lock = lock(&self.folder)?;
        match self.is_mine()? {
            true => crate::lease::remove(&self.folder.lease_path(&guard(&self.lease).run_id)),
            false => Ok(()),
        }
    }

    fn is_mine(&self) -> Result<bool, SweepError> {
        let mine = guard(&self.lease).clone();
        let held = leases::read(&self.folder, &mine.run_id)?;
        Ok(held.is_some_and(|held| held.owner == mine.owner))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(heart) = self.heart.take() {
            heart.thread().unpark();
            // A heartbeat that panicked has nothing to add.
            let _ = heart.join();
        }
    }
}

/// Renews the lease until told to stop, or until somebody else holds it.
fn beat(folder: &ResultsFolder, lease: &Mutex<Lease>, lost: &AtomicBool, stop: &AtomicBool) {
    loop {
        std::thread::park_timeout(HEARTBEAT);
        if stop.load(Ordering::Acquire) {
            return;
        }
        let renew = || -> Result<bool, SweepError> {
            let _lock = lock(folder)?;
            if stop.load(Ordering::Acquire) {
                return Ok(true);
            }
            let mine = guard(lease).clone();
            let held = leases::read(folder, &mine.run_id)?;
            if held.is_some_and(|held| held.owner != mine.owner)
                || folder.record_path(&mine.run_id).exists()
            {
                return Ok(false);
            }
            leases::write(folder, &mine)?;
            Ok(true)
        };
        // A failed renewal (a full disk, say) is tried again; the lease then ages on its own.
        if let Ok(false) = renew() {
            lost.store(true, Ordering::Release);
            return;
        }
    }
}
