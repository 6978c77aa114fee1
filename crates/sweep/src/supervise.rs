//! Starts worker processes, watches them and collects what they write.

use crate::burial::{Burials, Death, MOST_IDLE_DEATHS, last_lines, unable_for};
use crate::claim::{allow_retries, given_up, unfinished};
use crate::error::SweepError;
use crate::folder::{Records, ResultsFolder};
use crate::lease::{Lease, Owner};
use crate::leases::{Seen, clear_dead};
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::workers::{End, Workers};
use isoflop_results::RunRecord;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Time between two looks at the folder.
const POLL: Duration = Duration::from_millis(200);

/// Bound on the time for writing the parquet files: they are next written only after this many
/// times the duration of the last writing.
const MERGE_SHARE: u32 = 20;

/// Is told everything that happens while a sweep runs.
pub trait Watcher {
    /// Takes the record of a run that has ended.
    fn ended(&mut self, record: &RunRecord);
    /// Takes the leases of the runs that are being trained, with their progress.
    fn progress(&mut self, leases: &[Lease]);
    /// Takes a notice that a person should read.
    fn notice(&mut self, text: &str);
}

/// How a supervised sweep ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every planned run is done or given up.
    Complete,
    /// The `stop` flag was set; the same command resumes the sweep.
    Stopped,
    /// The deadline has passed; the same command resumes the sweep.
    Deadline,
    /// The disk is full; the same command resumes the sweep once there is room.
    NoRoom,
    /// As many runs as the sweep allows were given up; holds their number.
    TooManyFailures(u64),
}

/// Limits of a supervised sweep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Number of workers at a time.
    pub jobs: usize,
    /// Time at which the sweep is stopped, finished or not.
    pub deadline: Option<SystemTime>,
}

/// Runs workers until every run of the plan is done or given up, and writes `runs.parquet` and
/// `curves.parquet` while runs end. Waits for runs that other commands hold.
///
/// # Errors
/// The folder cannot be read or written, or a worker cannot be started.
pub fn supervise(
    folder: &ResultsFolder,
    plan: &Plan,
    limits: Limits,
    workers: &mut dyn Workers,
    watcher: &mut dyn Watcher,
    stop: &AtomicBool,
) -> Result<Outcome, SweepError> {
    let before = folder.records(plan)?;
    for damaged in &before.damaged {
        watcher.notice(&format!("{damaged}; moved aside, the run is trained again"));
    }
    allow_retries(folder, &before.failed)?;
    clear_dead(folder)?;
    let places: HashMap<&str, usize> =
        plan.runs().iter().enumerate().map(|(place, run)| (run.id(), place)).collect();
    let place = |record: &RunRecord| places.get(record.row.run_id.as_str()).copied();
    let done = before.done.into_iter();
    let mut supervisor = Supervisor {
        folder,
        plan,
        order: plan.work_order(),
        limits,
        workers,
        slots: BTreeSet::new(),
        done: done.filter_map(|record| Some((place(&record)?, record))).collect(),
        merge_due: Instant::now(),
        unmerged: false,
        idle_deaths: 0,
        burials: Burials::new(),
        no_room: false,
        seen: Seen::of(folder),
        watcher,
    };
    let outcome = supervisor.run(stop);
    supervisor.workers.stop();
    supervisor.collect()?;
    match outcome {
        Err(SweepError::Results(error)) if error.is_full_disk() => {
            supervisor.watcher.notice(&error.to_string());
            Ok(Outcome::NoRoom)
        }
        outcome => outcome,
    }
}

struct Supervisor<'a> {
    folder: &'a ResultsFolder,
    plan: &'a Plan,
    order: Vec<&'a PlannedRun>,
    limits: Limits,
    workers: &'a mut dyn Workers,
    /// Numbers of the workers that have been started and have not ended.
    slots: BTreeSet<usize>,
    /// Records that the watcher was told of, by index of the run in the plan.
    done: BTreeMap<usize, RunRecord>,
    /// Time from which on the parquet files may be written again.
    merge_due: Instant,
    unmerged: bool,
    idle_deaths: usize,
    burials: Burials,
    no_room: bool,
    seen: Seen,
    watcher: &'a mut dyn Watcher,
}

impl Supervisor<'_> {
    fn run(&mut self, stop: &AtomicBool) -> Result<Outcome, SweepError> {
        loop {
            let begun = Instant::now();
            let unfinished = unfinished(self.folder, &self.order)?.len();
            if unfinished == 0 {
                return Ok(Outcome::Complete);
            }
            if let Some(outcome) = self.reason_to_stop(stop)? {
                return Ok(outcome);
            }
            self.reap()?;
            let leases = self.seen.live_leases(&self.order, &self.folder.recorded()?)?;
            // Workers are needed only for runs that nobody holds, and for those that our own
            // workers hold.
            let wanted = unfinished.saturating_sub(self.held_by_others(&leases));
            let wanted = if self.no_room { 0 } else { self.limits.jobs.min(wanted) };
            for slot in 0..self.limits.jobs {
                if !self.slots.contains(&slot) && self.slots.len() < wanted {
                    let started = self.workers.start(slot);
                    started.map_err(|source| SweepError::Spawn { source })?;
                    self.slots.insert(slot);
                }
            }
            self.collect()?;
            self.watcher.progress(&leases);
            std::thread::sleep(POLL.max(begun.elapsed()));
        }
    }

    fn reason_to_stop(&self, stop: &AtomicBool) -> Result<Option<Outcome>, SweepError> {
        if stop.load(Ordering::Acquire) {
            return Ok(Some(Outcome::Stopped));
        }
        if self.no_room {
            return Ok(Some(Outcome::NoRoom));
        }
        if self.limits.deadline.is_some_and(|at| SystemTime::now() >= at) {
            return Ok(Some(Outcome::Deadline));
        }
        let given_up = given_up(self.folder, &self.order)?;
        let limit = self.plan.max_failures();
        Ok((given_up >= limit).then_some(Outcome::TooManyFailures(given_up)))
    }

    fn held_by_others(&self, leases: &[Lease]) -> usize {
        let is_ours = |lease: &&Lease| {
            let mut slots = self.slots.iter();
            slots.any(|slot| self.workers.is_owner(*slot, &lease.owner))
        };
        leases.len() - leases.iter().filter(is_ours).count()
    }

    /// Handles workers that have ended. For one that died a failure of its run is recorded.
    fn reap(&mut self) -> Result<(), SweepError> {
        let mut unable = None;
        let ended = self.workers.ended().map_err(|source| SweepError::Spawn { source })?;
        for (slot, end) in ended {
            self.slots.remove(&slot);
            let log = self.folder.worker_log_path(slot);
            match end {
                End::Done => {}
                End::NoRoom => {
                    self.no_room = true;
                    let last = last_lines(&log, 1).pop().unwrap_or_default();
                    self.watcher.notice(&last);
                }
                End::Unable => {
                    unable.get_or_insert_with(|| unable_for(&log));
                }
                End::Stopped => self.bury(slot, "it was asked to end")?,
                End::Died(how) => self.bury(slot, &how)?,
            }
        }
        unable.map_or(Ok(()), Err)
    }

    fn bury(&mut self, slot: usize, died: &str) -> Result<(), SweepError> {
        let log = self.folder.worker_log_path(slot);
        let is_its = |owner: &Owner| self.workers.is_owner(slot, owner);
        let died = Death { is_its: &is_its, how: died, log: &log };
        if let Some(what) = self.burials.bury(self.folder, self.plan, &mut self.seen, &died)? {
            self.watcher.notice(&what);
            return Ok(());
        }
        self.idle_deaths += 1;
        let (how, log) = (died.how, log.display());
        let what = format!("worker {slot} died without a run: {how}; see {log}");
        match self.idle_deaths > MOST_IDLE_DEATHS {
            true => Err(SweepError::Spawn { source: std::io::Error::other(what) }),
            false => {
                self.watcher.notice(&what);
                Ok(())
            }
        }
    }

    /// Tells the watcher of runs that have ended, and writes the parquet files when that is due.
    fn collect(&mut self) -> Result<(), SweepError> {
        let recorded = self.folder.recorded()?;
        if recorded.len() > self.done.len() {
            for (place, run) in self.plan.runs().iter().enumerate() {
                if recorded.contains(run.id())
                    && !self.done.contains_key(&place)
                    && let Some(record) = self.folder.record(self.plan, run)?
                {
                    self.watcher.ended(&record);
                    self.done.insert(place, record);
                    self.unmerged = true;
                }
            }
        }
        if self.unmerged && Instant::now() >= self.merge_due {
            let started = Instant::now();
            self.folder.merge(&Records {
                done: self.done.values().cloned().collect(),
                ..Records::default()
            })?;
            self.unmerged = false;
            self.merge_due = Instant::now() + started.elapsed() * MERGE_SHARE;
        }
        Ok(())
    }
}

/// All records at the end of a sweep, after writing them to the parquet files.
///
/// # Errors
/// The folder cannot be read or written.
pub fn settle(folder: &ResultsFolder, plan: &Plan) -> Result<Records, SweepError> {
    let records = folder.records(plan)?;
    folder.merge(&records)?;
    Ok(records)
}
