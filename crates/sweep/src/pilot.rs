//! A pilot: keeps workers on a results folder until its time is up or nothing is left for it. It
//! has nobody to report to, writes no tables and looks at the folder seldom, since there may be
//! hundreds of pilots on one file system.

use crate::burial::{Burials, Death, MOST_IDLE_DEATHS, last_lines, unable_for};
use crate::claim::{given_up, unfinished};
use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::leases::Seen;
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::watch::Life;
use crate::workers::local::Local;
use crate::workers::{End, Workers};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Time between two looks at the workers, which are processes of this machine.
const POLL: Duration = Duration::from_millis(100);

/// Time between two looks at the folder while workers are busy and others have nothing to do.
const LOOK: Duration = Duration::from_secs(30);

/// Time between two looks at the folder while no worker has anything to do.
const WATCH: Duration = Duration::from_secs(1);

/// What a pilot is given.
pub struct Post<'a> {
    /// Results folder.
    pub folder: &'a ResultsFolder,
    /// Its plan.
    pub plan: &'a Plan,
    /// Number of workers.
    pub workers: usize,
    /// Time at which the pilot ends.
    pub until: SystemTime,
    /// Flag that asks the pilot to end.
    pub stop: &'a AtomicBool,
    /// Takes what a person should read.
    pub note: &'a dyn Fn(&str),
}

/// How a pilot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Every run is done or given up.
    Complete,
    /// Every open run is held by a worker elsewhere that is alive.
    Idle,
    /// Runs are open for which the pilot has no time left, or its time is up.
    Spent,
    /// The flag was set.
    Stopped,
    /// The disk is full; holds the message.
    NoRoom(String),
    /// As many runs as the sweep allows were given up; holds their number.
    TooManyFailures(u64),
}

/// Works on a results folder with workers that are not started yet.
///
/// # Errors
/// The folder cannot be read or written, or no worker can be started or can train.
pub fn pilot(post: &Post<'_>, workers: &mut Local<'_>) -> Result<Leave, SweepError> {
    let order = post.plan.work_order();
    let mut at_work = AtWork {
        post,
        order,
        workers,
        busy: BTreeSet::new(),
        burials: Burials::new(),
        idle_deaths: 0,
        tried: HashSet::new(),
        seen: Seen::of(post.folder),
    };
    let left = at_work.run();
    at_work.workers.stop();
    left
}

struct AtWork<'a, 'w> {
    post: &'a Post<'a>,
    order: Vec<&'a PlannedRun>,
    workers: &'a mut Local<'w>,
    /// Numbers of the workers that have been started and have not ended.
    busy: BTreeSet<usize>,
    burials: Burials,
    idle_deaths: usize,
    /// Open runs at the last start of workers.
    tried: HashSet<String>,
    seen: Seen,
}

impl AtWork<'_, '_> {
    fn run(&mut self) -> Result<Leave, SweepError> {
        let mut due = Instant::now();
        loop {
            if self.post.stop.load(Ordering::Acquire) {
                return Ok(Leave::Stopped);
            }
            if SystemTime::now() >= self.post.until {
                return Ok(Leave::Spent);
            }
            let ended = self.reap()?;
            if let Some(leave) = ended.leave {
                return Ok(leave);
            }
            let idle = self.busy.is_empty();
            if Instant::now() >= due || ended.died || idle {
                if let Some(leave) = self.look(ended.died)? {
                    return Ok(leave);
                }
                due = Instant::now() + LOOK;
            }
            let pause = if self.busy.is_empty() { WATCH } else { POLL };
            std::thread::sleep(pause);
        }
    }

    /// Looks at the folder: starts workers for open runs, or says why the pilot ends.
    fn look(&mut self, died: bool) -> Result<Option<Leave>, SweepError> {
        let folder = self.post.folder;
        let given_up = given_up(folder, &self.order)?;
        if given_up >= self.post.plan.max_failures() {
            return Ok(Some(Leave::TooManyFailures(given_up)));
        }
        let unfinished = unfinished(folder, &self.order)?;
        if unfinished.is_empty() {
            return Ok(Some(Leave::Complete));
        }
        let holders = self.seen.holders(&unfinished)?;
        let free_runs = unfinished.iter().filter(|run| !holders.contains_key(run.id()));
        let open: HashSet<String> = free_runs.map(|run| run.id().to_owned()).collect();
        // A holder of this machine who has just died is buried by its own pilot, if that lives.
        let doubtful = holders.values().any(|life| *life != Life::Alive);
        let is_new = died || open.iter().any(|run_id| !self.tried.contains(run_id));
        let free = self.post.workers - self.busy.len();
        if is_new && free > 0 && !open.is_empty() {
            self.start(free.min(open.len()))?;
            self.tried = open;
            return Ok(None);
        }
        Ok(match (self.busy.is_empty(), doubtful, open.is_empty()) {
            (false, ..) | (true, true, _) => None,
            (true, false, true) => Some(Leave::Idle),
            (true, false, false) => Some(Leave::Spent),
        })
    }

    fn start(&mut self, count: usize) -> Result<(), SweepError> {
        let free: Vec<usize> =
            (0..self.post.workers).filter(|slot| !self.busy.contains(slot)).take(count).collect();
        for slot in free {
            self.workers.start(slot).map_err(|source| SweepError::Spawn { source })?;
            self.busy.insert(slot);
        }
        Ok(())
    }

    /// Handles workers that have ended. For one that died a failure of its run is recorded.
    fn reap(&mut self) -> Result<Ended, SweepError> {
        let mut all = Ended { died: false, leave: None };
        let ended = self.workers.ended().map_err(|source| SweepError::Spawn { source })?;
        for (slot, end) in ended {
            self.busy.remove(&slot);
            let log = self.workers.log_path(slot);
            match end {
                End::Done => {}
                End::NoRoom => {
                    let said = last_lines(&log, 1).pop().unwrap_or_default();
                    all.leave = Some(Leave::NoRoom(said));
                }
                End::Unable => return Err(unable_for(&log)),
                // A batch system may tell the workers to end before it tells the pilot.
                End::Stopped => all.leave = Some(Leave::Stopped),
                End::Died(how) => {
                    all.died = true;
                    self.bury(slot, &how)?;
                }
            }
        }
        Ok(all)
    }

    fn bury(&mut self, slot: usize, died: &str) -> Result<(), SweepError> {
        let (folder, plan, log) = (self.post.folder, self.post.plan, self.workers.log_path(slot));
        let workers = &self.workers;
        let is_its = |owner: &_| workers.is_owner(slot, owner);
        let died = Death { is_its: &is_its, how: died, log: &log };
        if let Some(what) = self.burials.bury(folder, plan, &mut self.seen, &died)? {
            (self.post.note)(&what);
            return Ok(());
        }
        self.idle_deaths += 1;
        let (how, log) = (died.how, log.display());
        let what = format!("worker {slot} died without a run: {how}; see {log}");
        (self.post.note)(&what);
        match self.idle_deaths > MOST_IDLE_DEATHS {
            true => Err(SweepError::Spawn { source: std::io::Error::other(what) }),
            false => Ok(()),
        }
    }
}

/// What became of the workers since the last look.
struct Ended {
    died: bool,
    leave: Option<Leave>,
}
