//! The parts of a report.

use isoflop_fit::output::Fits;
use isoflop_results::{Curve, DataRecord, Positions, RunRow};

/// A report before it is drawn: runs, curves, fits and where they come from.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Heading of the page, usually the sweep's name.
    pub title: &'a str,
    /// The sweep's question.
    pub question: Option<&'a str>,
    /// Every run, finished or not.
    pub runs: &'a [RunRow],
    /// Learning curves; those of runs that are not given are left out.
    pub curves: &'a [Curve],
    /// Losses by position in the context; empty where none were measured.
    pub positions: &'a [Positions],
    /// Trials of the stage that chose the learning rates; empty without such a stage.
    pub tuning: &'a [RunRow],
    /// The fits to draw.
    pub fits: &'a Fits,
    /// Facts on each text: reference losses, entropy. May be empty.
    pub data: &'a [DataRecord],
    /// Facts that a reader needs to check or repeat the work.
    pub provenance: Provenance,
}

/// Origin of the runs, as far as the runs do not say it themselves: versions, devices, corpora and
/// digests are columns of the runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Commands that reproduce the report, in order.
    pub commands: Vec<String>,
    /// Time at which the page was made, as text.
    pub generated: Option<String>,
    /// Further lines: kind of plan, overlap of test with train text, and the like.
    pub facts: Vec<Fact>,
}

/// A line of provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Subject of the line.
    pub label: String,
    /// Content of the line.
    pub value: String,
}
