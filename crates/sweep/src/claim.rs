//! Claims runs, so that no run is trained twice. A run can be claimed if it has no record and nobody
//! who lives holds it, and nobody is training the part of the trunk that it needs. There is no lock:
//! of all that try to claim a run, the author of its next line in the book has it.

mod openings;

pub use crate::attempts::{ATTEMPTS, allow_retries, given_up, unfinished};
pub use crate::hold::Claim;

use crate::book::{Book, Ending, How, append, ids_of, lease_path};
use crate::error::SweepError;
use crate::files::{Disk, Files, done};
use crate::folder::ResultsFolder;
use crate::hold::Hold;
use crate::lease::{Lease, Owner, heartbeat};
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::trainer::Progress;
use crate::watch::{Life, Watch};
use openings::Opening;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time for which the run of a dead process of this host is left to its supervisor, which records
/// the death, before another worker takes the run over.
pub const BURIAL: Duration = Duration::from_secs(5);

/// Number of holders that a worker watches at each claim. Which ones these are differs between
/// workers, so that everybody is watched by about as many; only a worker that finds nothing open
/// looks at all.
const WATCHED: usize = 16;

/// Power of two that bounds how many open runs a worker passes over after others were faster.
const MOST_DOUBLINGS: u32 = 12;

/// Claims runs of a plan for one process, one after another.
#[derive(Debug)]
pub struct Claims<'p, F = Disk> {
    files: F,
    order: Vec<&'p PlannedRun>,
    owner: Owner,
    /// Number of these claims among those of the process.
    serial: u64,
    /// Number of claims that were tried.
    tried: u64,
    kind: String,
    /// Windows per forward pass that suit the trainer's device, by run id; an attempt that ran out
    /// of memory lowers them.
    micro_windows: HashMap<&'p str, u64>,
    plan: &'p Plan,
    /// Ids of all runs of the plan.
    planned: HashSet<&'p str>,
    /// Ids of runs that are known to have a record. Records are never taken back.
    done: HashSet<&'p str>,
    book: Book<F>,
    watch: Watch,
    /// Time before the folder was looked at last. What the look did not show was not there then, or
    /// is shown late.
    looked: Duration,
}

/// What a worker can do next.
#[derive(Debug)]
pub enum Next<'p, C = Claim> {
    /// A run that this process now holds.
    Run(&'p PlannedRun, C),
    /// Nothing at the moment: the open runs need a trunk that somebody is training, wait until a
    /// death is recorded or a holder is heard of or taken for dead, or were claimed by others a
    /// moment ago.
    Wait,
    /// Nothing more: every run is done, held by somebody or given up.
    Nothing,
}

impl<'p> Claims<'p> {
    /// Claims for the worker `owner`, whose trainer is of kind `kind` (see
    /// [`crate::Trainer::kind`]).
    pub fn new(folder: &ResultsFolder, plan: &'p Plan, owner: &Owner, kind: &str) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Claims::on(Disk::of(folder), plan, owner, serial, kind)
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
        Ok(match done(self.next(fits))? {
            Next::Run(run, hold) => Next::Run(run, Claim::start(hold)),
            Next::Wait => Next::Wait,
            Next::Nothing => Next::Nothing,
        })
    }
}

impl<'p, F: Files> Claims<'p, F> {
    /// Claims as [`Claims::new`] makes them, on any files. No two claims of one process may have the
    /// same `serial` number.
    pub fn on(files: F, plan: &'p Plan, owner: &Owner, serial: u64, kind: &str) -> Self {
        Claims {
            book: Book::new(files.clone()),
            files,
            order: plan.work_order(),
            owner: owner.clone(),
            serial,
            tried: 0,
            kind: kind.to_owned(),
            micro_windows: HashMap::new(),
            plan,
            planned: plan.runs().iter().map(PlannedRun::id).collect(),
            done: HashSet::new(),
            watch: Watch::default(),
            looked: Duration::ZERO,
        }
    }

    /// Sets the windows per forward pass that suit the trainer's device, in the order of the plan.
    #[must_use]
    pub fn with(mut self, micro_windows: Vec<u64>) -> Self {
        let ids = self.plan.runs().iter().map(PlannedRun::id);
        self.micro_windows = ids.zip(micro_windows).collect();
        self
    }

    /// Claims the first open run that `fits`, without a thread that renews its lease.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub async fn next(
        &mut self,
        fits: &dyn Fn(&PlannedRun) -> bool,
    ) -> Result<Next<'p, Hold<F>>, SweepError> {
        loop {
            let failed = self.look().await?;
            let held = self.held();
            let near = held.len().min(WATCHED);
            let mut lives = HashMap::new();
            self.judge(&held[..near], &mut lives).await?;
            let mut found = self.take_first(fits, &lives, &failed, held.len()).await?;
            if matches!(found, Some(Next::Wait | Next::Nothing)) && near < held.len() {
                self.judge(&held[near..], &mut lives).await?;
                found = self.take_first(fits, &lives, &failed, held.len()).await?;
            }
            if let Some(next) = found {
                return Ok(next);
            }
        }
    }

    /// Learns what the folder shows; returns the ids of the runs that have failed.
    async fn look(&mut self) -> Result<HashSet<String>, SweepError> {
        self.looked = self.files.now();
        let recorded: HashSet<String> = ids_of(self.files.names("records").await?).collect();
        let known = recorded.iter().filter_map(|id| self.planned.get(id.as_str()).copied());
        self.done.extend(known);
        let done = &self.done;
        self.book.look(|key| !done.contains(key)).await?;
        Ok(ids_of(self.files.names("failures").await?).collect())
    }

    /// Runs of the plan that are held, in an order of this worker's own.
    fn held(&self) -> Vec<String> {
        let open = |key: &&str| self.planned.contains(*key) && !self.done.contains(*key);
        let mut held: Vec<String> = self.book.held().filter(open).map(str::to_owned).collect();
        held.sort_by_cached_key(|key| self.number(key));
        held
    }

    /// A number that follows from this worker and `what`, evenly spread.
    fn number(&self, what: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.owner, self.serial, what).hash(&mut hasher);
        hasher.finish()
    }

    async fn judge(
        &mut self,
        held: &[String],
        lives: &mut HashMap<String, Life>,
    ) -> Result<(), SweepError> {
        for run_id in held {
            let life = life_of(&self.files, &mut self.book, &mut self.watch, run_id).await?;
            lives.insert(run_id.clone(), life);
        }
        Ok(())
    }

    /// What the look came to; none where others were faster at every run that was tried, so that it is old.
    async fn take_first(
        &mut self,
        fits: &dyn Fn(&PlannedRun) -> bool,
        lives: &HashMap<String, Life>,
        failed: &HashSet<String>,
        held: usize,
    ) -> Result<Option<Next<'p, Hold<F>>>, SweepError> {
        let shelves: HashSet<String> = self.files.names("checkpoints").await?.into_iter().collect();
        let (mut later, mut passed_over, mut losses) = (false, 0, 0);
        for index in 0..self.order.len() {
            let run = self.order[index];
            let line = match self.opening(run, lives).await? {
                Opening::Open(_) if !fits(run) => continue,
                Opening::Open(line) => line,
                Opening::Closed => continue,
                Opening::Later => {
                    later = true;
                    continue;
                }
            };
            if passed_over > 0 {
                passed_over -= 1;
                continue;
            }
            let Some((attempt, micro_windows)) = self.attempt(run, failed).await? else {
                continue;
            };
            let Some(part) = self.part(run, lives, &shelves, micro_windows).await? else {
                later = true;
                continue;
            };
            self.tried += 1;
            let lease = Lease {
                run_id: run.id().to_owned(),
                trunk: run.trunk().to_owned(),
                stage: part.stage,
                owner: self.owner.clone(),
                claim: self.serial << 32 | self.tried,
                line,
                beats: 0,
                attempt,
                micro_windows,
                progress: Progress { step: 0, steps: run.steps(), loss: None, tokens_per_s: None },
            };
            if let Some(hold) = self.take(lease, part.trunk_line, heartbeat(held)).await? {
                return Ok(Some(Next::Run(run, hold)));
            }
            // Others are at the same runs; the more there are, the farther apart each looks on.
            losses = (losses + 1).min(MOST_DOUBLINGS);
            passed_over = self.number(self.tried) % (1 << losses);
        }
        Ok(match (losses, later) {
            (1.., _) => None,
            (0, true) => Some(Next::Wait),
            (0, false) => Some(Next::Nothing),
        })
    }

    /// Writes the lines of a claim. `None` if somebody else was faster.
    async fn take(
        &mut self,
        lease: Lease,
        trunk_line: Option<u64>,
        heartbeat: Duration,
    ) -> Result<Option<Hold<F>>, SweepError> {
        let bytes = lease.to_bytes();
        let ending = |how| Ending { how, by: lease.owner.clone(), claim: lease.claim }.to_bytes();
        if let Some(line) = trunk_line
            && !self.take_line(&lease.trunk, line, &bytes, &ending(How::Expired)).await?
        {
            return Ok(None);
        }
        if !self.take_line(&lease.run_id, lease.line, &bytes, &ending(How::Expired)).await? {
            if let Some(line) = trunk_line {
                append(&self.files, &lease.trunk, line + 1, &ending(How::Released)).await?;
                self.book.learn(&lease.trunk, line + 1);
            }
            return Ok(None);
        }
        let hold = Hold::new(self.files.clone(), lease, trunk_line, heartbeat);
        if let Err(error) = hold.renew().await {
            // The run would otherwise be nobody's until this process has ended; the first error is
            // the one that matters.
            let _ = hold.release().await;
            return Err(error);
        }
        Ok(Some(hold))
    }

    /// Claims a key by the odd line `line`, after ending the claim of a holder who is gone.
    async fn take_line(
        &mut self,
        key: &str,
        line: u64,
        lease: &[u8],
        expired: &[u8],
    ) -> Result<bool, SweepError> {
        if self.book.head(key) + 2 == line {
            let ended = append(&self.files, key, line - 1, expired).await?;
            self.book.learn(key, line - 1);
            if !ended {
                // Its holder lives after all and has ended the claim, or somebody else watches too.
                return Ok(false);
            }
        }
        let taken = append(&self.files, key, line, lease).await?;
        self.book.learn(key, line);
        Ok(taken)
    }
}

/// Judges the holder of a run by its lease, as far as that is of the claim that holds the run.
pub(crate) async fn life_of<F: Files>(
    files: &F,
    book: &mut Book<F>,
    watch: &mut Watch,
    run_id: &str,
) -> Result<Life, SweepError> {
    let (line, before) = (book.head(run_id), files.now());
    let holder = book.holder(run_id).await?;
    let sign = files.read(&lease_path(run_id)).await?.filter(|bytes| {
        let lease = Lease::parse(bytes);
        holder.as_ref().zip(lease).is_some_and(|(holder, lease)| lease.is_of_claim_of(holder))
    });
    let alive = holder.and_then(|holder| files.is_alive(&holder.owner));
    Ok(watch.judge(run_id, line, sign.as_deref(), alive, (before, files.now())))
}

/// Name of the shelf for a kind of trainer and a number of windows per forward pass, since
/// splitting a batch differently rounds the sum of its gradients differently.
pub(crate) fn shelf_kind(kind: &str, micro_windows: u64) -> String {
    format!("{kind}-{micro_windows}")
}
