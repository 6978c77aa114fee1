//! A trainer that trains nothing, but whose losses depend on every step and every rate it was
//! given.

use isoflop_results::CurvePoint;
use isoflop_sweep::plan::{DataRequest, History, Round};
use isoflop_sweep::time_left::TimeLeft;
use isoflop_sweep::worker::work_within;
use isoflop_sweep::workplace::{Shift, Workplace};
use isoflop_sweep::{
    DataFacts, Ending, Keeper, Lack, Plan, PlanContext, PlannedRun, Progress, ResultsFolder, Sweep,
    TestScore, TrainFailure, Trained, Trainer,
};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) const SWEEP: &str = r#"
name = "fake"
[data]
corpus = "any"
[model]
sizes = ["3k", "10k", "30k"]
[plan]
isoflop = { budgets = ["1e11", "3e11"] }
"#;

pub(crate) fn plan_of(source: &str) -> Plan {
    plan_over(&"0".repeat(16), source)
}

/// Plans a sweep over a text with this digest.
pub(crate) fn plan_over(data_digest: &str, source: &str) -> Plan {
    planned(data_digest, source, |sweep, context| Plan::build(sweep, context).unwrap())
}

/// Plans the next stage of a sweep whose folder may hold earlier ones.
pub(crate) fn next_stage(source: &str, folder: &ResultsFolder) -> Plan {
    with_rounds(source, folder, &[])
}

/// The plan that [`next_stage`] makes, with rounds of added runs.
pub(crate) fn with_rounds(source: &str, folder: &ResultsFolder, rounds: &[Round]) -> Plan {
    planned(&"0".repeat(16), source, |sweep, context| {
        let mut history = History::of(folder).unwrap();
        history.rounds.extend_from_slice(rounds);
        let mut context = PlanContext {
            facts: &mut *context.facts,
            numerics_version: context.numerics_version,
            memory_bytes: context.memory_bytes,
            tuned: None,
            history: Some(&history),
            with_waiting: false,
        };
        Plan::build(sweep, &mut context).unwrap()
    })
}

/// Plans the tuning stage of a sweep.
pub(crate) fn stage_of(source: &str) -> Plan {
    planned(&"0".repeat(16), source, |sweep, context| {
        Plan::tuning_stage(sweep, context).unwrap().unwrap()
    })
}

fn planned(
    data_digest: &str,
    source: &str,
    plan: impl Fn(&Sweep, &mut PlanContext<'_>) -> Plan,
) -> Plan {
    let sweep = Sweep::parse(Path::new("fake.toml"), source.to_owned()).unwrap();
    let mut facts = |request: &DataRequest| {
        Ok(DataFacts::of(isoflop_results::DataRecord {
            corpus: "any@1".to_owned(),
            data_digest: data_digest.to_owned(),
            vocab_size: 256,
            train_tokens: 1_000_000,
            test_tokens: 1000,
            tokenizer: request.options.tokenizer.clone(),
            ..Default::default()
        }))
    };
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: |_| 1,
        memory_bytes: 1 << 34,
        tuned: None,
        history: None,
        with_waiting: true,
    };
    plan(&sweep, &mut context)
}

/// Records what it was asked to train, and fails, diverges or stops where it is told to.
#[derive(Default)]
pub(crate) struct Fake<'a> {
    pub(crate) started: Vec<String>,
    /// Number of steps taken in all runs.
    pub(crate) steps: u64,
    pub(crate) all: Option<&'a Mutex<Vec<String>>>,
    pub(crate) failing: HashSet<String>,
    pub(crate) diverging: HashSet<String>,
    /// Number of steps after which the worker is stopped.
    pub(crate) stop_after: Option<u64>,
    /// Loss of a run by its parameters and tokens, in the place of one that tells of its steps.
    pub(crate) law: Option<fn(f64, f64) -> f64>,
    /// Something that the worker lacks from the start.
    pub(crate) lacking: Option<Lack>,
    /// Ids of runs at which the worker notices that it lacks something.
    pub(crate) lacking_at: HashSet<String>,
}

pub(crate) fn no_text() -> Lack {
    Lack { what: "its text is not here".to_owned(), hint: Some("bring it".to_owned()) }
}

/// One round of the FNV-1a hash, which is applied to steps and rates.
fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3)
}

impl Trainer for Shared<'_, '_> {
    fn kind(&self) -> String {
        "none".to_owned()
    }

    fn check(&mut self, _: &[&PlannedRun]) -> Result<(), Lack> {
        self.fake.lacking.clone().map_or(Ok(()), Err)
    }

    fn train(
        &mut self,
        run: &PlannedRun,
        _: u64,
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainFailure> {
        let fake = &mut *self.fake;
        if fake.lacking_at.contains(run.id()) {
            return Err(no_text().into());
        }
        fake.started.push(run.id().to_owned());
        if let Some(all) = fake.all {
            all.lock().unwrap().push(run.id().to_owned());
        }
        let (mut step, mut hash) = match keeper.newest() {
            Some(state) => (number(&state[..8]), number(&state[8..])),
            None => (0, run.config.seed),
        };
        let before = step;
        let schedule = run.config.recipe.schedule;
        loop {
            keeper.progress(Progress {
                step,
                steps: schedule.steps,
                loss: Some(5.0),
                tokens_per_s: None,
            });
            if fake.stop_after == Some(fake.steps) {
                fake.stop_after = None;
                self.stop.store(true, Ordering::Release);
            }
            if keeper.wants(step) {
                keeper.keep(step, &[step.to_le_bytes(), hash.to_le_bytes()].concat())?;
            }
            if keeper.stopping() {
                return Err(TrainFailure::Stopped);
            }
            if step == schedule.steps {
                break;
            }
            hash = mix(mix(hash, step), schedule.factor(step).to_bits());
            step += 1;
            fake.steps += 1;
        }
        if fake.failing.contains(run.id()) {
            return Err(TrainFailure::Other("out of luck".to_owned()));
        }
        let ending = match fake.diverging.contains(run.id()) {
            true => Ending::Diverged { step: 3, reason: "the loss became NaN".to_owned() },
            false => Ending::Finished(TestScore {
                loss: match fake.law {
                    Some(law) => law(run.n().0, run.tokens().0),
                    None => (hash >> 11) as f64 / (1u64 << 53) as f64,
                },
                standard_error: Some(0.01),
                bits_per_byte: 3.6,
                tokens: 1000,
                load: None,
            }),
        };
        let point = CurvePoint {
            step: 10,
            tokens: 5120,
            flops: 1e9,
            train_loss: Some(3.0),
            test_loss: None,
            learning_rate: 1e-3,
            grad_norm: Some(1.0),
        };
        Ok(Trained {
            ending,
            train_loss: Some(2.75),
            curve: vec![point],
            positions: Vec::new(),
            unique_tokens: 5120,
            steps: step,
            tokens_here: (step - before) * run.config.recipe.batch_tokens,
            train_seconds: 0.5,
            device: "none".to_owned(),
            device_memory_bytes: None,
            instruction_set: "none".to_owned(),
            burn_version: "none".to_owned(),
        })
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

/// A fake trainer at work, with the flag that stops its worker.
struct Shared<'f, 'a> {
    fake: &'f mut Fake<'a>,
    stop: &'f AtomicBool,
}

pub(crate) struct Bench {
    pub(crate) _keep: tempfile::TempDir,
    pub(crate) folder: ResultsFolder,
    pub(crate) plan: Plan,
}

pub(crate) fn bench() -> Bench {
    bench_of(SWEEP)
}

pub(crate) fn bench_of(source: &str) -> Bench {
    bench_with(plan_of(source), source)
}

pub(crate) fn bench_with(plan: Plan, source: &str) -> Bench {
    let keep = tempfile::tempdir().unwrap();
    let folder = ResultsFolder::at(keep.path().join("fake"));
    folder.adopt(&plan, source).unwrap();
    Bench { _keep: keep, folder, plan }
}

impl Bench {
    pub(crate) fn work(&self, fake: &mut Fake<'_>) -> Shift {
        self.try_work(fake).unwrap()
    }

    /// Works as a pilot's worker, in the time that it has.
    pub(crate) fn work_in(&self, fake: &mut Fake<'_>, life: &TimeLeft) -> Shift {
        self.work_for(fake, Some(life)).unwrap()
    }

    pub(crate) fn try_work(&self, fake: &mut Fake<'_>) -> Result<Shift, isoflop_sweep::SweepError> {
        self.work_for(fake, None)
    }

    fn work_for(
        &self,
        fake: &mut Fake<'_>,
        life: Option<&TimeLeft>,
    ) -> Result<Shift, isoflop_sweep::SweepError> {
        let stop = AtomicBool::new(false);
        let place = Workplace {
            clock: &|| "2026-01-01T00:00:00Z".to_owned(),
            stop: &stop,
            checkpoint_every: Duration::from_secs(3600),
        };
        let mut trainer = Shared { fake, stop: &stop };
        work_within(&self.folder, &self.plan, &mut trainer, &place, life)
    }

    pub(crate) fn id(&self, index: usize) -> String {
        self.plan.runs()[index].id().to_owned()
    }

    /// Test losses of the finished runs, in the order of the plan.
    pub(crate) fn losses(&self) -> Vec<Option<f64>> {
        let records = self.folder.records(&self.plan).unwrap();
        records.done.iter().map(|record| record.row.test_loss).collect()
    }
}
