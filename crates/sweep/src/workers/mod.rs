//! Where the workers of a sweep are. `supervise` starts, buries and
//! stops them through the trait [`Workers`] alone; a kind of place is a file here.
//!
//! What workers train and leave behind is in the results folder, so that nothing but their beginning
//! and their end passes through this trait.

pub mod local;

pub use local::Local;

use crate::lease::Owner;
use std::io;

/// The workers of one sweep, by number. Each says what it has to say in
/// [`worker_log_path`](crate::ResultsFolder::worker_log_path) of the results folder.
pub trait Workers {
    /// Starts the worker of this number, which trains open runs until none is left.
    ///
    /// # Errors
    /// It cannot be started.
    fn start(&mut self, slot: usize) -> io::Result<()>;

    /// The workers that have ended since this was last asked, each once.
    ///
    /// # Errors
    /// How they are cannot be told.
    fn ended(&mut self) -> io::Result<Vec<(usize, End)>>;

    /// Whether the worker of this number, as it was started last, is the owner of a lease; also true of
    /// one that has ended.
    fn is_owner(&self, slot: usize, owner: &Owner) -> bool;

    /// Has those that are left keep the states of their runs and end; returns when none is left.
    fn stop(&mut self);
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing was open that nobody else held.
    Done,
    /// The disk was full.
    NoRoom,
    /// It lacked what training takes, which its log says; no run has failed by it.
    Unable,
    /// It died, as told by what ran it: `signal: 9 (SIGKILL)`.
    Died(String),
}
