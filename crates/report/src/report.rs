//! What a report is made of.

use isoflop_fit::output::Fits;
use isoflop_results::{Curve, DataRecord, RunRow};

/// Everything a report says.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Heading of the page, usually the sweep's name.
    pub title: &'a str,
    /// The sweep's question.
    pub question: Option<&'a str>,
    /// Every run, finished or not.
    pub runs: &'a [RunRow],
    /// Learning curves; those of unknown runs are left out.
    pub curves: &'a [Curve],
    /// Trials of the stage that chose the learning rates; empty without one.
    pub tuning: &'a [RunRow],
    /// The fits to draw.
    pub fits: &'a Fits,
    /// What is known of each text: reference losses, entropy. May be empty.
    pub data: &'a [DataRecord],
    /// What a reader needs to check or repeat the work.
    pub provenance: Provenance,
}

/// What the runs themselves do not say about where they come from. Versions, devices, corpora and
/// digests are read off the runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Commands that reproduce the report, in order.
    pub commands: Vec<String>,
    /// When the page was made, as text.
    pub generated: Option<String>,
    /// Further lines: kind of plan, overlap of test with train text, and the like.
    pub facts: Vec<Fact>,
}

/// A line of provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub label: String,
    /// What it says.
    pub value: String,
}
