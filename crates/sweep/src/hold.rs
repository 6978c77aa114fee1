//! A run that a process holds: its signs of life, and the one line that ends the claim. [`Hold`] is
//! the protocol; [`Claim`] is a hold on a disk with a thread that gives the signs of life.

use crate::book::{Ending, How, append, failure_path, lease_path, line_path, place, staged_path};
use crate::error::SweepError;
use crate::files::{Disk, Files, done};
use crate::lease::{Lease, Stage};
use crate::trainer::Progress;
use isoflop_results::RunRecord;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A claim as long as it lasts, for everything that happens to its files.
#[derive(Debug)]
pub struct Hold<F> {
    files: F,
    lease: Mutex<Lease>,
    /// Line by which the run's trunk is held too.
    trunk_line: Mutex<Option<u64>>,
    heartbeat: Duration,
    lost: AtomicBool,
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Files> Hold<F> {
    pub(crate) fn new(
        files: F,
        lease: Lease,
        trunk_line: Option<u64>,
        heartbeat: Duration,
    ) -> Self {
        Hold {
            files,
            lease: Mutex::new(lease),
            trunk_line: Mutex::new(trunk_line),
            heartbeat,
            lost: AtomicBool::new(false),
        }
    }

    /// The lease as it will be written next.
    pub fn lease(&self) -> Lease {
        guard(&self.lease).clone()
    }

    /// Time between two heartbeats.
    pub fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// Whether another worker is known to have taken the run over.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Records how far the run has come; it is written with the next heartbeat.
    pub fn progress(&self, progress: Progress) {
        guard(&self.lease).progress = progress;
    }

    /// Looks whether somebody else has ended the claim. `false` may be old; what a holder must not
    /// do without the run is decided by the line that ends the claim.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn look(&self) -> Result<bool, SweepError> {
        let Lease { run_id, line, .. } = self.lease();
        if self.files.read(&line_path(&run_id, line + 1)).await?.is_some() {
            self.lost.store(true, Ordering::Release);
        }
        Ok(self.is_lost())
    }

    /// Gives a sign of life, unless the run is lost.
    ///
    /// # Errors
    /// The folder cannot be read or written; meanwhile the lease ages.
    pub async fn renew(&self) -> Result<(), SweepError> {
        if !self.look().await? {
            guard(&self.lease).beats += 1;
            let lease = self.lease();
            self.files.renew(&lease_path(&lease.run_id), &lease.to_bytes()).await?;
        }
        Ok(())
    }

    /// Frees the trunk for other workers; the run goes on with its own cooldown.
    ///
    /// # Errors
    /// The folder cannot be read or written. The trunk is then free when the claim ends.
    pub async fn leave_trunk(&self) -> Result<(), SweepError> {
        guard(&self.lease).stage = Stage::Cooldown;
        let line = guard(&self.trunk_line).take();
        if let Some(line) = line {
            let ending = self.ending(How::Released).to_bytes();
            append(&self.files, &self.lease().trunk, line + 1, &ending).await?;
        }
        self.renew().await
    }

    /// Ends the claim with the record of a finished or diverged run. Returns whether the record was
    /// taken: nothing is written if another worker has taken the run over in the meantime.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub async fn finish(&self, record: &[u8]) -> Result<bool, SweepError> {
        let kept = self.end_with(How::Done, record).await?;
        if kept {
            self.files.remove(&failure_path(&self.lease().run_id)).await?;
        }
        Ok(kept)
    }

    /// Ends the claim with the record of a failed run. Returns what [`Hold::finish`] returns.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub async fn fail(&self, record: &[u8]) -> Result<bool, SweepError> {
        self.end_with(How::Failed, record).await
    }

    async fn end_with(&self, how: How, record: &[u8]) -> Result<bool, SweepError> {
        let Lease { run_id, line, .. } = self.lease();
        let staged = staged_path(&run_id, line);
        self.files.write(&staged, record).await?;
        if !self.end(how).await? {
            self.files.remove(&staged).await?;
            return Ok(false);
        }
        place(&self.files, &run_id, line, how).await?;
        self.files.remove(&lease_path(&run_id)).await?;
        Ok(true)
    }

    /// Gives the run back unfinished; anybody may take it up.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub async fn release(&self) -> Result<(), SweepError> {
        match self.end(How::Released).await? {
            true => self.files.remove(&lease_path(&self.lease().run_id)).await,
            false => Ok(()),
        }
    }

    /// Ends the claim. A trunk that is held with it is free by this alone.
    async fn end(&self, how: How) -> Result<bool, SweepError> {
        let Lease { run_id, line, .. } = self.lease();
        let ours = append(&self.files, &run_id, line + 1, &self.ending(how).to_bytes()).await?;
        if !ours {
            self.lost.store(true, Ordering::Release);
        }
        Ok(ours)
    }

    fn ending(&self, how: How) -> Ending {
        let Lease { owner, claim, .. } = self.lease();
        Ending { how, by: owner, claim }
    }
}

/// A run that this process holds until this is dropped. A thread renews its lease.
#[derive(Debug)]
pub struct Claim {
    hold: Arc<Hold<Disk>>,
    stop: Arc<AtomicBool>,
    heart: Option<JoinHandle<()>>,
}

impl Claim {
    pub(crate) fn start(hold: Hold<Disk>) -> Self {
        let (hold, stop) = (Arc::new(hold), Arc::new(AtomicBool::new(false)));
        let heart = std::thread::spawn({
            let (hold, stop) = (hold.clone(), stop.clone());
            move || beat(&hold, &stop)
        });
        Claim { hold, stop, heart: Some(heart) }
    }

    /// Number of the attempt: 1, and one more after each failure.
    pub fn attempt(&self) -> u64 {
        self.hold.lease().attempt
    }

    /// Windows per forward pass.
    pub fn micro_windows(&self) -> u64 {
        self.hold.lease().micro_windows
    }

    /// Whether another worker is known to have taken the run over.
    pub fn is_lost(&self) -> bool {
        self.hold.is_lost()
    }

    /// Looks whether another worker has taken the run over.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn look(&self) -> Result<bool, SweepError> {
        done(self.hold.look())
    }

    /// Records how far the run has come; it is written with the next heartbeat.
    pub fn progress(&self, progress: Progress) {
        self.hold.progress(progress);
    }

    /// Frees the trunk for other workers; the run goes on with its own cooldown.
    ///
    /// # Errors
    /// The folder cannot be read or written. The trunk is then free when the claim ends.
    pub fn leave_trunk(&self) -> Result<(), SweepError> {
        done(self.hold.leave_trunk())
    }

    /// Writes the record of the run and gives the claim back. Nothing is written if another worker
    /// has taken the run over in the meantime. Returns whether the record was written.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn finish(mut self, record: &RunRecord, failed: bool) -> Result<bool, SweepError> {
        self.rest();
        let bytes = record.to_bytes();
        match failed {
            true => done(self.hold.fail(&bytes)),
            false => done(self.hold.finish(&bytes)),
        }
    }

    /// Gives the run back unfinished; anybody may take it up.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn release(mut self) -> Result<(), SweepError> {
        self.rest();
        done(self.hold.release())
    }

    /// Ends the heartbeat, so that none writes the lease after it was removed.
    fn rest(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(heart) = self.heart.take() {
            heart.thread().unpark();
            // A heartbeat that panicked needs no further handling.
            let _ = heart.join();
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.rest();
    }
}

/// Renews the lease until it is told to stop or somebody else has the run.
fn beat(hold: &Hold<Disk>, stop: &AtomicBool) {
    loop {
        std::thread::park_timeout(hold.heartbeat());
        if stop.load(Ordering::Acquire) {
            return;
        }
        // A renewal that failed (for example on a full disk) is tried again.
        let _ = done(hold.renew());
        if hold.is_lost() {
            return;
        }
    }
}
