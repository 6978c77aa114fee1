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
    /// Runs that were forecast before they were trained; they are none of `runs` unless asked.
    pub forecasts: &'a [ScoredForecast],
    /// Facts on each text: reference losses, entropy. May be empty.
    pub data: &'a [DataRecord],
    /// Facts that a reader needs to check or repeat the work.
    pub provenance: Provenance,
}

/// A run that was forecast before it was trained, and its loss.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredForecast {
    /// Id of the run.
    pub run_id: String,
    /// Cell of the axes; empty without axes.
    pub series: String,
    /// Compute asked for over the largest that was fitted.
    pub reach: f64,
    /// Predicted loss, nats per token.
    pub predicted: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// Test loss, nats per token.
    pub measured: f64,
}

impl ScoredForecast {
    /// Whether the interval holds the measured loss.
    pub fn is_inside(&self) -> bool {
        (self.low..=self.high).contains(&self.measured)
    }
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
