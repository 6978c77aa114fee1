//! Every run of a sweep. Holding a [`Plan`] proves that each one can start.

mod build;
mod cell;
mod data;
mod length;
mod time;
mod whole;

pub use time::TimeBudget;

use crate::error::{SpecError, SweepError};
use crate::run::PlannedRun;
use crate::spec::Sweep;
use crate::tuned::Tuned;
use isoflop_core::Flops;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_results::{DataRecord, seal};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A checked sweep: its runs in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this structure.
    schema: u32,
    name: String,
    question: Option<String>,
    kind: PlanKind,
    max_failures: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<TimeBudget>,
    /// What is known of each text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<DataRecord>,
    runs: Vec<PlannedRun>,
    dropped: Vec<Dropped>,
}

/// How run lengths were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// Sizes times compute budgets.
    Isoflop,
    /// Sizes times token counts.
    Grid,
    /// Sizes times multiples of their parameters.
    TokensPerParam,
    /// Sizes times passes over the train split.
    Epochs,
    /// Sizes times the largest compute budgets that fit into a time.
    Time,
    /// Single runs alone.
    Runs,
}

impl fmt::Display for PlanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PlanKind::Isoflop => "isoflop",
            PlanKind::Grid => "grid",
            PlanKind::TokensPerParam => "tokens_per_param",
            PlanKind::Epochs => "epochs",
            PlanKind::Time => "time",
            PlanKind::Runs => "runs",
        })
    }
}

/// A cell that is not trained, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// The cell, for people.
    pub cell: String,
    /// Why.
    pub reason: String,
}

/// What the planner must be told about a source of text.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    /// Name with version, for people.
    pub name: String,
    /// SHA-256 of the prepared data, first 16 hex digits.
    pub digest: String,
    /// Distinct tokens.
    pub vocab_size: usize,
    /// Name of the tokenizer, part of the identity of a run.
    pub tokenizer: String,
    /// The token after every document.
    pub separator: u32,
    /// Tokens of the train split.
    pub train_tokens: u64,
    /// Tokens of the test split that are scored.
    pub test_tokens: u64,
    /// What results keep of it.
    pub record: DataRecord,
}

impl DataFacts {
    /// Those of a record.
    pub fn of(record: DataRecord) -> Self {
        DataFacts {
            name: record.corpus.clone(),
            digest: record.data_digest.clone(),
            vocab_size: record.vocab_size as usize,
            tokenizer: record.tokenizer.clone(),
            separator: record.separator as u32,
            train_tokens: record.train_tokens,
            test_tokens: record.test_tokens,
            record,
        }
    }
}

/// A request for [`DataFacts`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataRequest {
    /// Where the text comes from.
    pub source: DataSource,
    /// What is done with it.
    pub options: DataOptions,
    /// Tokens a window.
    pub context: usize,
    /// Cap on the test tokens.
    pub test_tokens: u64,
}

/// Why data cannot be had: message and hint.
pub type DataRefusal = (String, Option<String>);

/// What planning needs besides the sweep file.
pub struct PlanContext<'a> {
    /// Answers what a source of text holds.
    pub facts: &'a mut dyn FnMut(&DataRequest) -> Result<DataFacts, DataRefusal>,
    /// Version of the training code's numerics.
    pub numerics_version: u64,
    /// Physical memory to plan within, bytes.
    pub memory_bytes: u64,
    /// Learning rates that a stage found, for sizes whose rate is to be tuned.
    pub tuned: Option<&'a Tuned>,
}

/// Cells of fewer optimizer steps are dropped and listed.
pub const FEWEST_STEPS: u64 = 10;

/// A budget with fewer sizes has no curve.
pub const FEWEST_SIZES: usize = 3;

const SCHEMA: u32 = 2;

/// The data that a sweep asks for, whatever its plan.
///
/// # Errors
/// `[data]` names no text, or asks for what cannot be.
pub fn data_requests(sweep: &Sweep) -> Result<Vec<DataRequest>, SpecError> {
    data::requests(sweep).map_err(|problem| sweep.locate(problem))
}

impl Plan {
    /// Checks a sweep and lays out its runs.
    ///
    /// # Errors
    /// Whatever makes a run impossible or a budget useless, with its place in the file.
    pub fn build(sweep: &Sweep, context: &mut PlanContext<'_>) -> Result<Self, SpecError> {
        build::build(sweep, context).map_err(|problem| sweep.locate(problem))
    }

    /// The stage of short runs that finds the learning rates of a sweep, for
    /// [`PlanContext::tuned`]; `None` where no rate is to be tuned.
    ///
    /// # Errors
    /// As [`Plan::build`].
    pub fn tuning_stage(
        sweep: &Sweep,
        context: &mut PlanContext<'_>,
    ) -> Result<Option<Self>, SpecError> {
        build::tuning_stage(sweep, context).map_err(|problem| sweep.locate(problem))
    }

    /// Reads a plan that [`Plan::to_json`] wrote. What a sweep file would be refused for is refused
    /// here: a folder may come from anybody.
    ///
    /// # Errors
    /// Not such a plan, or one that was edited or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value = seal::opened(bytes)?;
        let plan: Plan = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if plan.schema != SCHEMA {
            return Err(format!("its schema is {}, this program reads {SCHEMA}", plan.schema));
        }
        if let Some(why) = build::name_problem(&plan.name) {
            return Err(format!("`{}` cannot name a results folder: {why}", plan.name));
        }
        let mut ids = HashSet::new();
        for run in &plan.runs {
            run.check()?;
            if !ids.insert(run.id()) {
                return Err(format!("run {} stands there twice", run.id()));
            }
        }
        Ok(plan)
    }

    /// The plan as kept in the results folder.
    ///
    /// # Errors
    /// None in practice: text and finite numbers.
    pub fn to_json(&self) -> Result<String, SweepError> {
        Ok(seal::sealed(self))
    }

    /// Name of the sweep.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is to answer.
    pub fn question(&self) -> Option<&str> {
        self.question.as_deref()
    }

    /// How run lengths were chosen.
    pub fn kind(&self) -> PlanKind {
        self.kind
    }

    /// The runs in the order of the file.
    pub fn runs(&self) -> &[PlannedRun] {
        &self.runs
    }

    /// What is known of each text.
    pub fn data(&self) -> &[DataRecord] {
        &self.data
    }

    /// FLOPs of all runs from their first steps, those that runs of one trunk share counted once.
    pub fn flops(&self) -> Flops {
        let mut trunks: HashMap<&str, f64> = HashMap::new();
        let mut total = 0.0;
        for run in &self.runs {
            let whole = run.c_exact().0;
            let shared = match run.trunk() == run.id() {
                true => 0.0,
                false => whole * run.branch_step() as f64 / run.config.steps.steps as f64,
            };
            let longest = trunks.entry(run.trunk()).or_default();
            *longest = longest.max(shared);
            total += whole - shared;
        }
        Flops(total + trunks.values().sum::<f64>())
    }

    /// Cells left out, and why.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// What a plan given as a time came to.
    pub fn time(&self) -> Option<&TimeBudget> {
        self.time.as_ref()
    }

    /// Notes the time that the budgets of this plan were chosen for.
    #[must_use]
    pub fn chosen_for(self, time: TimeBudget) -> Self {
        Plan { time: Some(time), ..self }
    }

    /// Runs that may be given up before the sweep stops.
    pub fn max_failures(&self) -> u64 {
        self.max_failures
    }

    /// Where the run of an id stands.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.runs.iter().position(|run| run.id() == id)
    }

    /// The run of an id.
    pub fn run(&self, id: &str) -> Option<&PlannedRun> {
        self.runs.iter().find(|run| run.id() == id)
    }

    /// The order in which workers take the runs: the cheapest of each budget first, cheap ones
    /// first, so that every budget soon has a point; then the longest first, so that the end of
    /// the night is not one long run.
    pub fn work_order(&self) -> Vec<&PlannedRun> {
        let mut runs: Vec<&PlannedRun> = self.runs.iter().collect();
        runs.sort_by(|a, b| {
            a.c_exact().0.total_cmp(&b.c_exact().0).then_with(|| a.id().cmp(b.id()))
        });
        let mut budgets_seen: Vec<f64> = Vec::new();
        let (first, mut rest): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| {
            let budget = run.flops_budget.unwrap_or(0.0);
            let new = !budgets_seen.contains(&budget);
            if new {
                budgets_seen.push(budget);
            }
            new
        });
        rest.reverse();
        first.into_iter().chain(rest).collect()
    }
}
