//! What a worker is given, and how its work can end.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How often a state of a run is kept besides where runs branch off.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// What a worker is given besides its runs.
pub struct Workplace<'a> {
    /// The time, for the record.
    pub clock: &'a dyn Fn() -> String,
    /// Set when the worker is to keep the state of its run and end.
    pub stop: &'a AtomicBool,
    /// [`CHECKPOINT_EVERY`], but for tests.
    pub checkpoint_every: Duration,
}

/// How a worker's work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Every run is done, held or given up.
    Done,
    /// By the stop flag.
    Stopped,
    /// The disk is full.
    NoRoom(String),
}
