//! Whether the rule of learning rates transfers over depth, batch and duration: small runs at multiples of the
//! rule's rate, trained as sweeps with results folders of their own, so that the same again resumes.

mod sweep_text;

use crate::jobs::Jobs;
use crate::places::Places;
use crate::plan::{self, Setting};
use crate::price::price;
use crate::run::{Request, train};
use crate::words::{clock, span};
use crate::{Hinted, Lab, LabError};
use isoflop_core::units::scientific;
use isoflop_fit::rate::{Transfer, TransferRun, TransferVerdict, transfer as fitted};
use isoflop_results::{RunRow, Status};
use isoflop_sweep::folder::Records;
use isoflop_sweep::spec::GivenShape;
use isoflop_sweep::supervise::{Outcome, settle};
use isoflop_sweep::{Place, Plan, PlannedRun, Sweep};
use isoflop_train::device::DeviceChoice;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use sweep_text::{MULTIPLES, Rates, Variation, label};

/// What changes while the rest stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Layers at one width: half, once, twice the size's.
    Depth,
    /// Tokens a step: a quarter, once and four times those of the rule.
    Batch,
    /// Training tokens: once, four and sixteen times.
    Duration,
}

impl Direction {
    /// All of them.
    pub const ALL: [Direction; 3] = [Direction::Depth, Direction::Batch, Direction::Duration];

    /// The name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Depth => "depth",
            Direction::Batch => "batch",
            Direction::Duration => "duration",
        }
    }

    /// What its values count.
    pub fn unit(self) -> &'static str {
        match self {
            Direction::Depth => "layers",
            Direction::Batch => "tokens a step",
            Direction::Duration => "tokens",
        }
    }

    fn value(self, row: &RunRow) -> f64 {
        match self {
            Direction::Depth => row.n_layers as f64,
            Direction::Batch => row.batch_tokens as f64,
            Direction::Duration => row.tokens as f64,
        }
    }
}

impl FromStr for Direction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Direction::ALL.map(Direction::name).join(", ");
        let found = Direction::ALL.into_iter().find(|direction| direction.name() == text);
        found.ok_or_else(|| format!("the directions are {names}"))
    }
}

/// A text by name or by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextChoice {
    /// A built-in corpus.
    Corpus(String),
    /// Files by path or glob.
    Files(String),
}

impl std::fmt::Display for TextChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TextChoice::Corpus(name) | TextChoice::Files(name) => f.write_str(name),
        }
    }
}

/// What is to be checked, and how.
#[derive(Clone, Debug)]
pub struct Question {
    /// Directions, one after the other.
    pub directions: Vec<Direction>,
    /// The size in the midst, as a sweep file writes it: width x layers x heads.
    pub size: String,
    /// What the runs are trained on.
    pub text: TextChoice,
    /// Training tokens.
    pub tokens: f64,
    /// Multiples of the rule's rate.
    pub multiples: Vec<f64>,
    /// Seeds, from 0.
    pub seeds: u64,
    /// Workers at a time.
    pub jobs: Jobs,
    /// Folder of all results.
    pub results: PathBuf,
}

/// What was found.
pub struct Transferred {
    /// Each direction that came to its end.
    pub found: Vec<(Direction, Transfer)>,
    /// Runs that failed.
    pub failed: usize,
    /// How training ended, if not with the last run.
    pub outcome: Option<Outcome>,
    /// Parameters of the size in the midst.
    pub n: f64,
    /// The rule's batch there.
    pub batch: u64,
    /// The rule's rate there.
    pub rate: f64,
}

impl Transferred {
    /// Whether the rule transfers in every direction.
    pub fn passes(&self) -> bool {
        self.found.iter().all(|(_, found)| found.verdict == TransferVerdict::Transfers)
    }
}

/// Trains what is missing and fits.
///
/// # Errors
/// The question cannot be asked, or runs cannot be planned or trained.
pub fn transfer(lab: &Lab<'_>, question: &Question) -> Result<Transferred, LabError> {
    let shape = question.check()?;
    let base = question.plan(lab, &Variation::base(question, shape).sweep_file())?;
    let middle = &base.runs()[0];
    let batch = middle.config.recipe.batch_tokens;
    let mut sweeps = Vec::new();
    for direction in &question.directions {
        sweeps.push((*direction, question.sweep(lab, *direction, shape, middle)?));
    }
    question.announce(lab, &sweeps)?;
    let mut transferred = Transferred {
        found: Vec::new(),
        failed: 0,
        outcome: None,
        n: middle.n().0,
        batch,
        rate: middle.config.recipe.learning_rate,
    };
    for (direction, sweep) in &sweeps {
        let (outcome, records) = question.train(lab, sweep)?;
        transferred.failed += records.failed.len();
        if outcome != Outcome::Complete {
            transferred.outcome = Some(outcome);
            break;
        }
        transferred.found.push((*direction, fitted(&runs(*direction, &records))));
    }
    Ok(transferred)
}

/// A quarter, once and four times the batch of the rule; from the rule's batch up where a quarter is no whole
/// windows.
fn batches(rule: u64, context: u64) -> Vec<u64> {
    match rule.is_multiple_of(4 * context) {
        true => vec![rule / 4, rule, 4 * rule],
        false => vec![rule, 4 * rule, 16 * rule],
    }
}

/// The runs of a direction; the axis of multiples says which rate each has.
fn runs(direction: Direction, records: &Records) -> Vec<TransferRun> {
    let rows = records.done.iter().map(|record| &record.row);
    rows.filter_map(|row| {
        Some(TransferRun {
            value: direction.value(row),
            multiple: row.series.value(MULTIPLES)?.parse().ok()?,
            seed: row.seed,
            loss: row.test_loss.filter(|_| row.status == Status::Finished),
        })
    })
    .collect()
}

impl Question {
    /// The shape of the size in the midst, if all can be asked.
    fn check(&self) -> Result<GivenShape, LabError> {
        let wrong = |message: String, hint: &str| Err(Hinted::new(message, hint).into());
        let Some(shape) = GivenShape::parse(&self.size) else {
            return wrong(
                format!("--size: `{}` is no shape", self.size),
                "write width x layers x heads: 16x2x1",
            );
        };
        if self.directions.contains(&Direction::Depth)
            && (shape.n_layers < 2 || shape.n_layers % 2 != 0)
        {
            let message = format!("--size: {} layers cannot be halved", shape.n_layers);
            return wrong(message, "depth is checked at half, once and twice the layers: 16x2x1");
        }
        let mut distinct = self.multiples.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        if distinct.len() < 4 || distinct.iter().any(|m| !(m.is_finite() && *m > 0.0)) {
            return wrong(
                "--multiples needs four positive numbers or more".to_owned(),
                "a best rate is looked for between them: 0.25,0.5,1,2,4,8",
            );
        }
        if self.seeds < 2 {
            return wrong(
                "--seeds must be 2 or more".to_owned(),
                "an interval needs replicates; 3 is the default",
            );
        }
        if !(self.tokens.is_finite() && self.tokens >= 1.0) {
            return wrong("--tokens must be a positive number".to_owned(), "write 64k, say");
        }
        if self.directions.is_empty() {
            return wrong(
                "no direction is given".to_owned(),
                "leave --directions out for all three",
            );
        }
        Ok(shape)
    }

    /// The sweep of a direction, with rates in multiples of what the rule gives its runs.
    fn sweep(
        &self,
        lab: &Lab<'_>,
        direction: Direction,
        shape: GivenShape,
        middle: &PlannedRun,
    ) -> Result<Sweep, LabError> {
        let recipe = &middle.config.recipe;
        let mut of = Variation::base(self, shape);
        of.name = format!("check-transfer-{}", direction.name());
        match direction {
            Direction::Depth => {
                let layers = [shape.n_layers / 2, shape.n_layers, 2 * shape.n_layers];
                of.sizes = layers.iter().map(|layers| label(shape, *layers)).collect();
            }
            Direction::Batch => {
                of.batches = batches(recipe.batch_tokens, middle.config.model.context as u64);
            }
            Direction::Duration => {
                of.tokens = [1.0, 4.0, 16.0].map(|times| times * self.tokens).to_vec();
            }
        }
        // The rule's own rates are read off a plan, so that whatever the rule is, it is that of `auto`.
        let plan = self.plan(lab, &of.sweep_file())?;
        let rate = |batch: Option<u64>, size: &str| {
            let run = plan.runs().iter().find(|run| {
                run.size == size
                    && batch.is_none_or(|batch| run.config.recipe.batch_tokens == batch)
            });
            run.map(|run| run.config.recipe.learning_rate)
        };
        let batches: Vec<Option<u64>> = match of.batches.is_empty() {
            true => vec![None],
            false => of.batches.iter().copied().map(Some).collect(),
        };
        for multiple in &self.multiples {
            for batch in &batches {
                let rates = of
                    .sizes
                    .iter()
                    .filter_map(|size| Some((size.clone(), multiple * rate(*batch, size)?)));
                let of_batch = rates.collect();
                of.rates.push(Rates { multiple: *multiple, batch: *batch, of: of_batch });
            }
        }
        of.seeds = self.seeds;
        Ok(Sweep::parse(&self.path(&of.name), of.sweep_file())?)
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(&format!("{name}.toml")).to_path_buf()
    }

    fn plan(&self, lab: &Lab<'_>, text: &str) -> Result<Plan, LabError> {
        let sweep = Sweep::parse(&self.path("check-transfer"), text.to_owned())?;
        let places =
            Places::of(lab.notice, DeviceChoice::Cpu, &plan::folder(&sweep, &self.results))?;
        Ok(plan::plan(lab, &sweep, &self.setting(&places))?.plan)
    }

    fn setting<'a>(&'a self, places: &'a Places) -> Setting<'a> {
        Setting { results: &self.results, jobs: self.jobs, places, replan: false }
    }

    /// Says what is about to be trained, and how long that takes.
    fn announce(&self, lab: &Lab<'_>, sweeps: &[(Direction, Sweep)]) -> Result<(), LabError> {
        let (mut runs, mut flops, mut seconds) = (0, 0.0, 0.0);
        for (_, sweep) in sweeps {
            let places =
                Places::of(lab.notice, DeviceChoice::Cpu, &plan::folder(sweep, &self.results))?;
            let priced = price(lab, sweep, &self.setting(&places), false)?;
            runs += priced.plan.runs().len() - priced.reuse.reused.len();
            flops += priced.plan.flops().0;
            seconds += priced.left.finish;
        }
        if runs > 0 {
            lab.notice.note(&format!(
                "{runs} runs to train ({} FLOPs from nothing), about {}",
                scientific(flops),
                clock(span(seconds))
            ));
        }
        Ok(())
    }

    /// Trains what is missing of a sweep.
    fn train(&self, lab: &Lab<'_>, sweep: &Sweep) -> Result<(Outcome, Records), LabError> {
        let folder = plan::folder(sweep, &self.results);
        let places = Places::of(lab.notice, DeviceChoice::Cpu, &folder)?;
        let plan = plan::plan(lab, sweep, &self.setting(&places))?.plan;
        let plan = folder.adopt(&plan, sweep.source())?;
        let cache = isoflop_data::Places::of_this_machine()?.cache;
        Place::here(&plan, &cache)?.keep(&folder)?;
        let request = Request {
            sweep: sweep.clone(),
            jobs: self.jobs,
            deadline: None,
            places,
            replan: false,
            results: self.results.clone(),
            reports: PathBuf::new(),
        };
        let outcome = train(lab, &request, &folder, &plan)?;
        Ok((outcome, settle(&folder, &plan)?))
    }
}
