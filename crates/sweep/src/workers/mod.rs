//! Hides where the workers of a sweep run. `supervise` starts and stops them, and learns of their
//! end, through the trait [`Workers`] alone; each kind of place is one file here. A cluster is no
//! such place: [`slurm`] places pilots, which have local workers and outlive the command.
//!
//! Everything that workers train and leave behind is in the results folder, so only their start and
//! their end pass through this trait.

pub mod local;
pub mod slurm;

pub use local::Local;

use crate::lease::Owner;
use std::io;

/// The workers of one sweep, by number. Each writes its output to
/// [`worker_log_path`](crate::ResultsFolder::worker_log_path) of the results folder.
pub trait Workers {
    /// Starts the worker with this number, which trains open runs until none is left.
    ///
    /// # Errors
    /// The worker cannot be started.
    fn start(&mut self, slot: usize) -> io::Result<()>;

    /// The workers that have ended since the last call; each is reported once.
    ///
    /// # Errors
    /// The state of the workers cannot be determined.
    fn ended(&mut self) -> io::Result<Vec<(usize, End)>>;

    /// Whether a lease belongs to the worker with this number, as it was last started, even if it
    /// has ended since.
    fn is_owner(&self, slot: usize, owner: &Owner) -> bool;

    /// Makes the remaining workers keep the states of their runs and end; returns when none is
    /// left.
    fn stop(&mut self);
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// No run was open that nobody else held.
    Done,
    /// The disk was full.
    NoRoom,
    /// The worker lacked something that training needs, which its log names. No run failed because
    /// of it.
    Unable,
    /// Somebody else asked the worker to end, and it kept the state of its run.
    Stopped,
    /// The worker died; holds what the system says of it, such as `signal: 9 (SIGKILL)`.
    Died(String),
}
