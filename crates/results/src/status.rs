//! How a run ended.

use crate::schema::{Field, Kind, Value, text};
use isoflop_core::text::shown;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Trained to its last step.
    Finished,
    /// The loss became non-finite or ran away. A result about this run, not a failure.
    Diverged,
    /// Something outside the science went wrong; `message` says what.
    Failed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Finished => "finished",
            Status::Diverged => "diverged",
            Status::Failed => "failed",
        })
    }
}

impl Status {
    const ALL: [Status; 3] = [Status::Finished, Status::Diverged, Status::Failed];
}

/// Why a run failed, as far as it decides how the run is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The memory of the machine or of its device ran out: fewer windows a pass may fit.
    Memory,
    /// The disk is full.
    Disk,
    /// The worker died over the run without a word.
    Worker,
    /// Anything else; `message` says what.
    Other,
}

impl FailureKind {
    const ALL: [FailureKind; 4] =
        [FailureKind::Memory, FailureKind::Disk, FailureKind::Worker, FailureKind::Other];
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FailureKind::Memory => "memory",
            FailureKind::Disk => "disk",
            FailureKind::Worker => "worker",
            FailureKind::Other => "other",
        })
    }
}

/// The variant whose name a value is.
fn named<T: fmt::Display + Copy>(all: &[T], value: Value) -> Result<T, String> {
    let name = text(value)?;
    let found = all.iter().find(|variant| variant.to_string() == name);
    let names = || all.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
    found.copied().ok_or_else(|| format!("holds {}, which is none of {}", shown(&name), names()))
}

impl Field for Status {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn of(value: Value) -> Result<Self, String> {
        named(&Status::ALL, value)
    }
}

impl Field for FailureKind {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn of(value: Value) -> Result<Self, String> {
        named(&FailureKind::ALL, value)
    }
}
