//! Defines what a worker is given, and how its work can end.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Time after which the state of a run is kept, besides at the steps where runs branch off.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// Everything that a worker is given besides its runs.
pub struct Workplace<'a> {
    /// Callback that gives the current time, for the record.
    pub clock: &'a dyn Fn() -> String,
    /// Flag that tells the worker to keep the state of its run and end.
    pub stop: &'a AtomicBool,
    /// Time after which the state of a run is kept; it differs from [`CHECKPOINT_EVERY`] only in
    /// tests.
    pub checkpoint_every: Duration,
}

/// How a worker's work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Every run is done, held by somebody else or given up.
    Done,
    /// The stop flag was set.
    Stopped,
    /// The disk is full; holds the message.
    NoRoom(String),
}
