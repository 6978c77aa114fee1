//! A plan lists every run of a sweep. Holding a [`Plan`] proves that each of them can start.

mod build;
mod cell;
mod data;
mod history;
mod length;
mod range;
mod recipe;
mod rounds;
mod rungs;
mod seeds;
mod sizes;
mod time;
mod trials;
mod unshared;
mod validation;
mod whole;

pub use history::History;
pub use rounds::{AddedRun, Round};
pub use sizes::{BudgetSizes, KnownMinimum};
pub use time::TimeBudget;
pub use validation::Beyond;

use crate::error::{SpecError, SweepError};
use crate::run::PlannedRun;
use crate::spec::Sweep;
use crate::tuned::Tuned;
use isoflop_core::Flops;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_model::ModelConfig;
use isoflop_results::{DataRecord, seal};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A checked sweep, with its runs in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the plan's file format.
    schema: u32,
    name: String,
    question: Option<String>,
    kind: PlanKind,
    max_failures: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<TimeBudget>,
    /// Facts of each text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<DataRecord>,
    runs: Vec<PlannedRun>,
    dropped: Vec<Dropped>,
    /// Sizes that were chosen, budget by budget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sizes: Vec<BudgetSizes>,
    /// Runs that were added to know a quantity better; they are among the runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rounds: Vec<Round>,
}

/// How the lengths of the runs were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// Every size at every compute budget.
    Isoflop,
    /// Every size with every number of tokens.
    Grid,
    /// Every size with multiples of its parameters as tokens.
    TokensPerParam,
    /// Every size with numbers of passes over the train split.
    Epochs,
    /// Every size at the largest compute budgets that fit into a time.
    Time,
    /// Single runs only.
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

/// A run that is left out of the plan, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// Description of the run, for people.
    pub cell: String,
    /// Reason for which it is left out.
    pub reason: String,
}

/// Facts about a text that the planner must be told.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    /// Name of the text with its version, for people.
    pub name: String,
    /// First 16 hex digits of the SHA-256 of the prepared data.
    pub digest: String,
    /// Number of distinct tokens.
    pub vocab_size: usize,
    /// Name of the tokenizer, which is part of a run's identity.
    pub tokenizer: String,
    /// Id of the token after every document.
    pub separator: u32,
    /// Number of tokens in the train split.
    pub train_tokens: u64,
    /// Number of test tokens that are scored.
    pub test_tokens: u64,
    /// Record of the text that is kept with the results.
    pub record: DataRecord,
}

impl DataFacts {
    /// Facts that a record holds.
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
    /// Source of the text.
    pub source: DataSource,
    /// Options: tokenizer, split, filters and subset.
    pub options: DataOptions,
    /// Tokens per window.
    pub context: usize,
    /// Cap on the scored test text, in bytes of text and separators.
    pub test_tokens: u64,
}

/// Why data is not available: a message and a hint.
pub type DataRefusal = (String, Option<String>);

/// Everything that planning needs besides the sweep file.
pub struct PlanContext<'a> {
    /// Callback that finds the facts of a text.
    pub facts: &'a mut dyn FnMut(&DataRequest) -> Result<DataFacts, DataRefusal>,
    /// Version of the numerics by which the training code trains a model.
    pub numerics_version: fn(&ModelConfig) -> u64,
    /// Physical memory that the runs must fit into, in bytes.
    pub memory_bytes: u64,
    /// Learning rates that a tuning stage found, for sizes whose rate is to be tuned.
    pub tuned: Option<&'a Tuned>,
    /// What has been done and chosen in the results folder, for sizes that follow from it.
    pub history: Option<&'a History>,
    /// Whether the plan has the runs of budgets whose sizes wait for others to end, as they are expected.
    pub with_waiting: bool,
}

/// Minimum number of optimizer steps of a run; shorter ones are left out and listed.
pub const FEWEST_STEPS: u64 = 10;

/// Minimum number of sizes at a budget; fewer do not make a curve.
pub const FEWEST_SIZES: usize = 3;

const SCHEMA: u32 = 2;

/// All requests for data that a sweep makes, whatever its plan.
///
/// # Errors
/// `[data]` names no text, or asks for something impossible.
pub fn data_requests(sweep: &Sweep) -> Result<Vec<DataRequest>, SpecError> {
    data::requests(sweep).map_err(|problem| sweep.locate(problem))
}

impl Plan {
    /// Checks a sweep and lays out its runs.
    ///
    /// # Errors
    /// Anything that makes a run impossible or a budget useless, with its place in the file.
    pub fn build(sweep: &Sweep, context: &mut PlanContext<'_>) -> Result<Self, SpecError> {
        build::build(sweep, context).map_err(|problem| sweep.locate(problem))
    }

    /// Plans the stage of short runs that finds the learning rates of a sweep, for
    /// [`PlanContext::tuned`]; `None` where no rate is to be tuned.
    ///
    /// # Errors
    /// The same as those of [`Plan::build`].
    pub fn tuning_stage(
        sweep: &Sweep,
        context: &mut PlanContext<'_>,
    ) -> Result<Option<Self>, SpecError> {
        build::tuning_stage(sweep, context).map_err(|problem| sweep.locate(problem))
    }

    /// Parses a plan that [`Plan::to_json`] wrote. It refuses all that would be refused in a sweep
    /// file, since a results folder may come from anybody.
    ///
    /// # Errors
    /// The bytes are not a plan, or the plan was edited or damaged.
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

    /// The plan as JSON, as it is kept in the results folder.
    ///
    /// # Errors
    /// No error occurs in practice, since a plan is text and finite numbers.
    pub fn to_json(&self) -> Result<String, SweepError> {
        Ok(seal::sealed(self))
    }

    /// Name of the sweep.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Question that the sweep is to answer.
    pub fn question(&self) -> Option<&str> {
        self.question.as_deref()
    }

    /// How the lengths of the runs were chosen.
    pub fn kind(&self) -> PlanKind {
        self.kind
    }

    /// Runs in the order of the sweep file.
    pub fn runs(&self) -> &[PlannedRun] {
        &self.runs
    }

    /// Facts of each text.
    pub fn data(&self) -> &[DataRecord] {
        &self.data
    }

    /// FLOPs of all runs from their first steps. The part that runs of one trunk share counts once.
    pub fn flops(&self) -> Flops {
        let mut trunks: HashMap<&str, f64> = HashMap::new();
        let mut total = 0.0;
        for run in &self.runs {
            let whole = run.c_exact().0;
            let shared = match run.trunk() == run.id() {
                true => 0.0,
                false => whole * run.branch_step() as f64 / run.steps() as f64,
            };
            let longest = trunks.entry(run.trunk()).or_default();
            *longest = longest.max(shared);
            total += whole - shared;
        }
        Flops(total + trunks.values().sum::<f64>())
    }

    /// Runs that are left out of the plan, and why.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// Sizes that were chosen, budget by budget.
    pub fn sizes(&self) -> &[BudgetSizes] {
        &self.sizes
    }

    /// Budgets whose sizes wait for others to end.
    pub fn waiting(&self) -> impl Iterator<Item = &BudgetSizes> {
        self.sizes.iter().filter(|sizes| sizes.waits)
    }

    /// Runs that were added to know a quantity better, round by round.
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// Budgets that a plan given as a time was turned into.
    pub fn time(&self) -> Option<&TimeBudget> {
        self.time.as_ref()
    }

    /// Records the time for which the budgets of this plan were chosen.
    #[must_use]
    pub fn chosen_for(self, time: TimeBudget) -> Self {
        Plan { time: Some(time), ..self }
    }

    /// Number of runs that may be given up before the sweep stops.
    pub fn max_failures(&self) -> u64 {
        self.max_failures
    }

    /// Index of the run with the given id.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.runs.iter().position(|run| run.id() == id)
    }

    /// The run with the given id.
    pub fn run(&self, id: &str) -> Option<&PlannedRun> {
        self.runs.iter().find(|run| run.id() == id)
    }

    /// Order in which workers take the runs. The cheapest run of each budget comes first, in order
    /// of cost, so that every budget soon has a point; then the longest come first, so that the
    /// sweep does not end with one long run.
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
