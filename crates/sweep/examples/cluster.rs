//! Measures packing on a cluster whose pilots train nothing but take time: the share of allocated
//! processors that is at work over 1,000 runs, and the time to submit 10,000. It needs a Slurm, such
//! as `crates/cli/tests/slurm/slurm_local.sh start DIR` gives, and a results folder that its nodes see.
//!
//! ```text
//! SLURM_CONF=DIR/slurm.conf cargo run --release -p isoflop-sweep --example cluster -- FOLDER
//! ```
//!
//! Runs of 1 s to 10 min take a hundredth of that, and pilots of an hour live 36 s. What a run costs
//! besides training (a claim, a record) is as slow as ever, so that the share is a lower bound.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use isoflop_results::parquet::read_runs;
use isoflop_sweep::claim::unfinished;
use isoflop_sweep::forecast::{Forecast, Price, Standing};
use isoflop_sweep::pilot::{Leave, Post, pilot};
use isoflop_sweep::plan::DataRequest;
use isoflop_sweep::supervise::settle;
use isoflop_sweep::time_left::TimeLeft;
use isoflop_sweep::worker::work_within;
use isoflop_sweep::workers::Local;
use isoflop_sweep::workers::local::{Crew, STOPPED, at_end_of_leash, exit_code};
use isoflop_sweep::workers::slurm::{
    self, Bounds, Kept, NodePrices, Packing, Script, job_here, job_name,
};
use isoflop_sweep::workplace::Workplace;
use isoflop_sweep::{
    DataFacts, Ending, Keeper, Plan, PlanContext, PlannedRun, Progress, ResultsFolder, Sweep,
    TestScore, TrainFailure, Trained, Trainer,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Seconds of the longest run, and of a pilot.
const LONGEST_S: f64 = 6.0;
const LIFE_S: u64 = 36;

/// Seconds of a job: Slurm counts minutes, and may warn a minute too early.
const JOB_S: u64 = 300;

/// Processors of a job.
const PROCESSORS: u64 = 8;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["pilot", root, "--jobs", jobs, "--lifetime", _, "--device", _] => {
            be_pilot(root, jobs.parse().unwrap(), Duration::from_secs(LIFE_S))
        }
        ["worker", root, "--supervised", "--device", _, "--until", until, "--lifetime", whole] => {
            be_worker(root, until.parse().unwrap(), whole.parse().unwrap())
        }
        [root] => {
            efficiency(&Path::new(root).join("thousand"));
            submission(&Path::new(root).join("many"));
            ExitCode::SUCCESS
        }
        _ => panic!("give a folder"),
    }
}

/// So many runs of 50 lengths, log-uniform over a factor of 600, with so many seeds.
fn plan(name: &str, seeds: u64, sizes: u64) -> (Plan, String) {
    let tokens: Vec<String> =
        (0..50).map(|i| format!("{}", (2e4 * 600f64.powf(f64::from(i) / 49.0)) as u64)).collect();
    let sizes: Vec<String> = (1..=sizes).map(|i| format!("\"{}x2x1\"", 4 * i)).collect();
    let source = format!(
        "name = \"{name}\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = [{}]\n[plan]\n\
         grid = {{ tokens = [{}] }}\n[train]\ntrunks = false\nbatch_tokens = 1024\nseeds = {:?}\n",
        sizes.join(", "),
        tokens.join(", "),
        (0..seeds).collect::<Vec<u64>>()
    );
    let mut facts = |_: &DataRequest| {
        Ok(DataFacts::of(isoflop_results::DataRecord {
            corpus: "any@1".to_owned(),
            data_digest: "0".repeat(16),
            vocab_size: 256,
            train_tokens: 100_000_000,
            test_tokens: 1 << 18,
            tokenizer: "bytes".to_owned(),
            ..Default::default()
        }))
    };
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: |_| 1,
        memory_bytes: 1 << 36,
        tuned: None,
        history: None,
        with_waiting: true,
    };
    let sweep = Sweep::parse(Path::new("many.toml"), source.clone()).unwrap();
    (Plan::build(&sweep, &mut context).unwrap(), source)
}

/// Seconds of a run, in proportion to its FLOPs; the longest takes [`LONGEST_S`].
fn seconds(plan: &Plan, run: &PlannedRun) -> f64 {
    let most = plan.runs().iter().map(|run| run.c_exact().0).fold(0.0, f64::max);
    LONGEST_S * run.c_exact().0 / most
}

fn prices(plan: &Plan) -> NodePrices {
    let price =
        |run: &PlannedRun| Price { step: seconds(plan, run) / run.steps() as f64, once: 0.0 };
    NodePrices {
        nodes: None,
        device: "none".to_owned(),
        workers: PROCESSORS,
        prices: plan.runs().iter().map(|run| (run.id().to_owned(), price(run))).collect(),
    }
}

/// Everything that a submission does after plan and calibration.
fn submit(
    folder: &ResultsFolder,
    plan: &Plan,
    prices: &NodePrices,
    max_jobs: u64,
    hold: bool,
) -> u64 {
    let kept = Kept::of(folder);
    kept.make().unwrap();
    let script = Script {
        name: job_name(folder),
        partition: None,
        account: None,
        time_s: JOB_S,
        cpus: PROCESSORS,
        memory_mb: None,
        gpus: 0,
        workers: PROCESSORS,
        device: "none".to_owned(),
        more: hold.then(|| "--hold".to_owned()).into_iter().collect(),
        requeue_exit: Some(75),
        program: std::env::current_exe().unwrap(),
        folder: folder.root().to_owned(),
        place: PathBuf::from("/"),
        logs: kept.logs(),
    };
    kept.keep_prices(prices).unwrap();
    kept.keep_script(&script.text()).unwrap();
    let all: Vec<Price> = plan.runs().iter().map(|run| prices.prices[run.id()]).collect();
    let standing = Standing::of(folder, plan, &[]).unwrap();
    let work = Forecast::of(plan, &all, &standing, 1).work;
    let longest = plan.runs().iter().zip(&all).map(|(run, p)| p.of(run)).fold(0.0, f64::max);
    let bounds =
        Bounds { max_jobs, workers: PROCESSORS, lifetime_s: script.lifetime_s(), max_array: 1001 };
    let packing = Packing::of(plan.runs().len() as u64, work, longest, 0, bounds);
    slurm::submit(&script.text(), &packing.arrays).unwrap();
    packing.pilots
}

fn begin(root: &Path, seeds: u64, sizes: u64) -> (ResultsFolder, Plan) {
    let name = root.file_name().unwrap().to_string_lossy().into_owned();
    let (plan, source) = plan(&name, seeds, sizes);
    let folder = ResultsFolder::at(root.to_owned());
    folder.adopt(&plan, &source).unwrap();
    (folder, plan)
}

/// The share of allocated processor-seconds that trained.
fn efficiency(root: &Path) {
    let (folder, plan) = begin(root, 20, 1);
    let prices = prices(&plan);
    let pilots = submit(&folder, &plan, &prices, 2, false);
    let started = Instant::now();
    while !unfinished(&folder, &plan.work_order()).unwrap().is_empty()
        || !slurm::queue(&job_name(&folder)).unwrap().is_empty()
    {
        std::thread::sleep(Duration::from_secs(1));
        assert!(started.elapsed() < Duration::from_secs(600), "it does not end");
    }
    settle(&folder, &plan).unwrap();
    let runs = read_runs(&folder.runs_path()).unwrap().len();
    let trained: f64 = plan.runs().iter().map(|run| seconds(&plan, run)).sum();
    let lives = std::fs::read_to_string(root.join("slurm/lives")).unwrap();
    let allocated: f64 =
        lives.lines().map(|line| line.parse::<f64>().unwrap() * PROCESSORS as f64).sum();
    println!(
        "{runs} runs of {:.0} s of work by {pilots} pilots of {PROCESSORS} processors in {} lives: \
         {:.1} % of {allocated:.0} allocated processor-seconds trained, in {:.0} s",
        trained,
        lives.lines().count(),
        100.0 * trained / allocated,
        started.elapsed().as_secs_f64()
    );
}

/// The time that a submission of 10,000 runs takes.
fn submission(root: &Path) {
    let (folder, plan) = begin(root, 20, 10);
    let prices = prices(&plan);
    let started = Instant::now();
    let pilots = submit(&folder, &plan, &prices, 50, true);
    println!(
        "{} runs submitted as {pilots} jobs in {:.2} s",
        plan.runs().len(),
        started.elapsed().as_secs_f64()
    );
    slurm::cancel(&job_name(&folder), "root").unwrap();
}

fn be_pilot(root: &str, workers: usize, whole: Duration) -> ExitCode {
    let begun = SystemTime::now();
    let folder = ResultsFolder::at(root.into());
    let plan = folder.plan().unwrap();
    let until = begun + whole;
    let crew = Crew {
        logs: Kept::of(&folder).logs().join(job_here().unwrap()),
        until: until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(),
        whole_s: whole.as_secs(),
    };
    let program = std::env::current_exe().unwrap();
    let mut local = Local::new(&folder, program, "none".to_owned()).of_pilot(crew);
    let stop = AtomicBool::new(false);
    let note = |line: &str| println!("{line}");
    let post = Post { folder: &folder, plan: &plan, workers, until, stop: &stop, note: &note };
    let left = pilot(&post, &mut local).unwrap();
    // A line is written at once, so that pilots do not mix theirs.
    let life = format!("{:.3}\n", begun.elapsed().unwrap().as_secs_f64());
    let path = folder.root().join("slurm/lives");
    let mut lives = std::fs::File::options().create(true).append(true).open(path).unwrap();
    lives.write_all(life.as_bytes()).unwrap();
    println!("{left:?}");
    ExitCode::from(if left == Leave::Spent { STOPPED } else { 0 })
}

fn be_worker(root: &str, until: u64, whole_s: u64) -> ExitCode {
    static STOP: AtomicBool = AtomicBool::new(false);
    at_end_of_leash(|| STOP.store(true, Ordering::Release));
    let folder = ResultsFolder::at(root.into());
    let plan = folder.plan().unwrap();
    let prices = Kept::of(&folder).prices().unwrap().prices;
    let place = Workplace {
        clock: &|| "2031-05-05T07:00:00Z".to_owned(),
        stop: &STOP,
        checkpoint_every: Duration::from_secs(1),
    };
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(until);
    let life = TimeLeft::new(until, Duration::from_secs(whole_s), prices.clone());
    let mut trainer = Sleeper { prices: prices.into_iter().collect() };
    let shift = work_within(&folder, &plan, &mut trainer, &place, Some(&life)).unwrap();
    ExitCode::from(exit_code(&shift))
}

/// Takes the time of a run and trains nothing.
struct Sleeper {
    prices: std::collections::HashMap<String, Price>,
}

impl Trainer for Sleeper {
    fn kind(&self) -> String {
        "none".to_owned()
    }

    fn train(
        &mut self,
        run: &PlannedRun,
        _: u64,
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainFailure> {
        let before = keeper.newest().map_or(0, |state| {
            u64::from_le_bytes(state[..8].try_into().expect("eight bytes were kept"))
        });
        let step_s = self.prices[run.id()].step;
        let begun = Instant::now();
        let mut step = before;
        while step < run.steps() {
            // A slice of 10 ms at a time; time that was overslept counts as slept.
            let slept = (begun.elapsed().as_secs_f64() / step_s) as u64;
            step = (before + slept).min(run.steps());
            keeper.progress(Progress { step, steps: run.steps(), loss: None, tokens_per_s: None });
            if keeper.wants(step) {
                keeper.keep(step, &step.to_le_bytes())?;
            }
            if keeper.stopping() {
                return Err(TrainFailure::Stopped);
            }
            let left = (run.steps() - step) as f64 * step_s;
            std::thread::sleep(Duration::from_secs_f64(left.min(0.01)));
        }
        Ok(Trained {
            ending: Ending::Finished(TestScore {
                loss: 1.0,
                standard_error: None,
                bits_per_byte: 1.0,
                tokens: 1000,
                load: None,
            }),
            train_loss: None,
            curve: Vec::new(),
            positions: Vec::new(),
            unique_tokens: 1000,
            steps: run.steps(),
            tokens_here: 1000,
            train_seconds: begun.elapsed().as_secs_f64(),
            device: "none".to_owned(),
            device_memory_bytes: None,
            instruction_set: "none".to_owned(),
            burn_version: "none".to_owned(),
        })
    }
}
