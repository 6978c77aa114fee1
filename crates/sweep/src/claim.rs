//! Claims runs, so that no run is trained twice. A run can be claimed if it has no record and no
//! live lease, and nobody is training the part of the trunk that it needs; the new lease is written
//! under the folder's lock.

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

/// Number of attempts at a run within one command. An attempt that ran out of memory does not count
/// as long as fewer windows per forward pass can be tried.
pub const ATTEMPTS: u64 = 2;

/// Age below which the lease of a dead process of this host is left to its supervisor, which
/// records the death, before another worker takes the run over.
pub const BURIAL: Duration = Duration::from_secs(5);

/// Claims runs of a plan for one process, one after another.
#[derive(Debug)]
pub struct Claims<'p> {
    folder: ResultsFolder,
    order: Vec<&'p PlannedRun>,
    owner: Owner,
    kind: String,
    /// Windows per forward pass that suit the trainer's device, by run id; an attempt that ran out
    /// of memory lowers them.
    micro_windows: HashMap<&'p str, u64>,
    plan: &'p Plan,
    /// Ids of runs that are known to have a record. Records are never taken back.
    done: HashSet<&'p str>,
    seen: Seen,
}

/// What a worker can do next.
#[derive(Debug)]
pub enum Next<'p> {
    /// A run that this process now holds.
    Run(&'p PlannedRun, Claim),
    /// Nothing at the moment: the open runs need a trunk that somebody is training, or wait until a
    /// death is recorded.
    Wait,
    /// Nothing more: every run is done, held by somebody or given up.
    Nothing,
}

/// Whether a run can be claimed.
enum Opening {
    /// The run can be claimed; holds the number of the attempt and the windows per forward pass.
    Open(u64, u64),
    /// The run is done, held by somebody or given up.
    Closed,
    /// The run may become open later.
    Later,
}

impl<'p> Claims<'p> {
    /// Claims for the worker `owner`, whose trainer is of kind `kind` (see
    /// [`crate::Trainer::kind`]).
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

    /// Sets the windows per forward pass that suit the trainer's device, in the order of the plan.
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
        self.claim_of(&|_| true)
    }

    /// Claims the first open run that `fits`, as if the others were closed.
    ///
    /// # Errors
    /// As those of [`Claims::claim`].
    pub fn claim_of(&mut self, fits: &dyn Fn(&PlannedRun) -> bool) -> Result<Next<'p>, SweepError> {
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
                Opening::Open(..) if !fits(run) => continue,
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
                progress: Progress { step: 0, steps: run.steps(), loss: None, tokens_per_s: None },
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

    /// The part of a run that is left to train; `None` while somebody else trains the trunk that it
    /// needs.
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

/// Name of the shelf for a kind of trainer and a number of windows per forward pass, since
/// splitting a batch differently rounds the sum of its gradients differently.
pub(crate) fn shelf_kind(kind: &str, micro_windows: u64) -> String {
    format!("{kind}-{micro_windows}")
}

/// The number of the next attempt at a run, and its windows per forward pass if an earlier attempt
/// determines them; `None` when the run is done or given up. Running out of memory counts as a
/// failure only if a forward pass had a single window.
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

/// Runs of `order` that are neither done nor given up.
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

/// Number of runs in `order` that are given up because they failed [`ATTEMPTS`] times.
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

/// Lets every run that was given up in an earlier command be tried once more.
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

/// A run that this process holds until this is dropped. A thread renews its lease.
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

    /// Number of the attempt: 1, and one more after each failure.
    pub fn attempt(&self) -> u64 {
        guard(&self.lease).attempt
    }

    /// Windows per forward pass.
    pub fn micro_windows(&self) -> u64 {
        guard(&self.lease).micro_windows
    }

    /// Whether another worker has taken the run over.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Records how far the run has come; it is written with the next heartbeat.
    pub fn progress(&self, progress: Progress) {
        guard(&self.lease).progress = progress;
    }

    /// Frees the trunk for other workers; the run goes on with its own cooldown.
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

    /// Writes the record of the run and gives the claim back. Nothing is written if another worker
    /// has taken the run over in the meantime. Returns whether the record was written.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn finish(self, record: &RunRecord, failed: bool) -> Result<bool, SweepError> {
        // The heartbeat is stopped before the lock is taken, so that none that waits for the lock
        // renews the lease removed below.
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

    /// Gives the run back unfinished; anybody may take it up.
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
            // A heartbeat that panicked needs no further handling.
            let _ = heart.join();
        }
    }
}

/// Renews the lease until it is told to stop or somebody else holds the lease.
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
        // A failed renewal (for example on a full disk) is tried again; meanwhile the lease ages.
        if let Ok(false) = renew() {
            lost.store(true, Ordering::Release);
            return;
        }
    }
}
