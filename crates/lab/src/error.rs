//! Errors of everything that a verb may do.

use isoflop_data::DataError;
use isoflop_fit::FitError;
use isoflop_model::ShapeError;
use isoflop_report::ReportError;
use isoflop_results::ResultsError;
use isoflop_results::error::is_full;
use isoflop_sweep::workers::slurm::SlurmError;
use isoflop_sweep::{SpecError, SweepError};
use isoflop_train::device::{DeviceChoice, DeviceError};
use std::error::Error;
use std::io;

/// Why something could not be done. An error of another crate says what it said there, and is the
/// source: whoever looks for its hint walks the sources.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A sweep file is wrong.
    #[error("{0}")]
    Spec(#[from] SpecError),
    /// A plan, a folder or its workers.
    #[error("{0}")]
    Sweep(#[from] SweepError),
    /// Slurm.
    #[error("{0}")]
    Slurm(#[from] SlurmError),
    /// A file of results, or somebody's table.
    #[error("{0}")]
    Results(#[from] ResultsError),
    /// A text.
    #[error("{0}")]
    Data(#[from] DataError),
    /// A device.
    #[error("{0}")]
    Device(#[from] DeviceError),
    /// A fit.
    #[error("{0}")]
    Fit(#[from] FitError),
    /// A report.
    #[error("{0}")]
    Report(#[from] ReportError),
    /// What was asked for does not go with what is there.
    #[error("{0}")]
    Hinted(#[from] Hinted),
    /// A process or a folder.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A shape that no model can have.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// A process cannot be started or heard.
    #[error("{what}")]
    Process {
        /// What could not be done.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A process ended without what it was started for.
    #[error("{0}")]
    Ended(String),
    /// A value that cannot be written as JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A process that measured ended without a speed.
    #[error("cannot measure a step on {on}: {status}")]
    Measure {
        /// Where it measured.
        on: DeviceChoice,
        /// How the process ended.
        status: String,
        /// What was wrong with its answer.
        source: serde_json::Error,
    },
    /// The report at the end of a sweep.
    #[error("cannot write the report")]
    LastReport(#[source] Box<LabError>),
}

impl LabError {
    /// The error with its causes on one line, each said once.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(next) = cause {
            let said = next.to_string();
            if !text.contains(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = next.source();
        }
        text
    }
}

/// A complaint about what was asked for, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Hinted {
    message: String,
    hint: String,
}

impl Hinted {
    /// What is wrong, and what to do.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Hinted { message: message.into(), hint: hint.into() }
    }

    /// What to do.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// What was wrong, where that was nothing but room on the disk.
pub fn no_room<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>() {
            Some(error) if is_full(error) => return Some(error),
            _ => cause = error.source(),
        }
    }
    None
}
