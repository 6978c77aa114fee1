//! Measures claims at scale: workers that are threads claim, "train" for a hundredth of a
//! millisecond to some milliseconds, and finish every run of a plan, on one results folder.
//!
//! ```text
//! cargo run --release -p isoflop-sweep --example scale -- RUNS WORKERS [FOLDER]
//! ```
//! RUNS is a multiple of 1000 and WORKERS at most some thousands. With FOLDER the results folder
//! stays there, so that `isoflop status` can be timed on it.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use isoflop_results::{RunRecord, Status};
use isoflop_sweep::claim::{Claims, Next};
use isoflop_sweep::files::{Disk, Files, done};
use isoflop_sweep::lease::Owner;
use isoflop_sweep::leases::live_leases;
use isoflop_sweep::row::row_of_plan;
use isoflop_sweep::supervise::settle;
use isoflop_sweep::{DataFacts, Plan, PlanContext, PlannedRun, ResultsFolder, Sweep, SweepError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Requests that reach a file server, by what the protocol asks for; see the table that is printed.
#[derive(Default)]
struct Counts {
    listings: AtomicU64,
    listed: AtomicU64,
    reads: AtomicU64,
    creations: AtomicU64,
    refused: AtomicU64,
    writes: AtomicU64,
    renames: AtomicU64,
    removals: AtomicU64,
}

static COUNTS: Counts = Counts {
    listings: AtomicU64::new(0),
    listed: AtomicU64::new(0),
    reads: AtomicU64::new(0),
    creations: AtomicU64::new(0),
    refused: AtomicU64::new(0),
    writes: AtomicU64::new(0),
    renames: AtomicU64::new(0),
    removals: AtomicU64::new(0),
};

fn add(count: &AtomicU64, by: u64) {
    count.fetch_add(by, Ordering::Relaxed);
}

/// A disk whose operations are counted.
#[derive(Clone)]
struct Counted(Disk);

impl Files for Counted {
    async fn names(&self, folder: &str) -> Result<Vec<String>, SweepError> {
        let names = self.0.names(folder).await?;
        add(&COUNTS.listings, 1);
        add(&COUNTS.listed, names.len() as u64);
        Ok(names)
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SweepError> {
        add(&COUNTS.reads, 1);
        self.0.read(path).await
    }

    async fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, SweepError> {
        let created = self.0.create(path, bytes).await?;
        add(&COUNTS.creations, 1);
        add(&COUNTS.refused, u64::from(!created));
        Ok(created)
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), SweepError> {
        add(&COUNTS.writes, 1);
        self.0.write(path, bytes).await
    }

    async fn renew(&self, path: &str, bytes: &[u8]) -> Result<(), SweepError> {
        add(&COUNTS.writes, 1);
        self.0.renew(path, bytes).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<bool, SweepError> {
        add(&COUNTS.renames, 1);
        self.0.rename(from, to).await
    }

    async fn remove(&self, path: &str) -> Result<(), SweepError> {
        add(&COUNTS.removals, 1);
        self.0.remove(path).await
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    fn is_alive(&self, owner: &Owner) -> Option<bool> {
        self.0.is_alive(owner)
    }
}

/// A plan of twenty sizes, fifty lengths and as many seeds as it takes. Each run trains alone: what
/// is measured are claims of runs, of which there are more than of trunks.
fn plan(runs: usize) -> (Plan, String) {
    let shapes: Vec<String> = (1..=20).map(|i| format!("\"{}x2x1\"", 4 * i)).collect();
    let tokens: Vec<String> = (1..=50).map(|i| format!("\"{}k\"", 20 * i)).collect();
    let source = format!(
        "name = \"scale\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = [{}]\n[plan]\n\
         grid = {{ tokens = [{}] }}\n[train]\ntrunks = false\nseeds = {:?}\n",
        shapes.join(", "),
        tokens.join(", "),
        (0..runs.div_ceil(1000) as u64).collect::<Vec<u64>>()
    );
    let mut facts = |_: &_| {
        Ok(DataFacts::of(isoflop_results::DataRecord {
            corpus: "any@1".to_owned(),
            data_digest: "0".repeat(16),
            vocab_size: 256,
            train_tokens: 10_000_000,
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
    let sweep = Sweep::parse(Path::new("scale.toml"), source.clone()).unwrap();
    (Plan::build(&sweep, &mut context).unwrap(), source)
}

fn record(plan: &Plan, run: &PlannedRun) -> RunRecord {
    let mut row = row_of_plan(plan.name(), run);
    (row.status, row.test_loss) = (Status::Finished, Some(3.0));
    RunRecord::of(row)
}

/// What one worker does; returns the time of each of its claims.
fn work(folder: &ResultsFolder, plan: &Plan, owner: &Owner, serial: u64) -> Vec<Duration> {
    let files = Counted(Disk::of(folder));
    let mut claims = Claims::on(files, plan, owner, serial, "none");
    let mut times = Vec::new();
    loop {
        let begun = Instant::now();
        match done(claims.next(&|_| true)).unwrap() {
            Next::Run(run, hold) => {
                times.push(begun.elapsed());
                // A thousandth of 1 s to 10 min, evenly in the logarithm.
                let share = (serial * 7919 + times.len() as u64 * 104_729) % 1000;
                std::thread::sleep(Duration::from_secs_f64(
                    1e-3 * 600_f64.powf(share as f64 / 1e3),
                ));
                let bytes = record(plan, run).to_bytes();
                assert!(done(hold.finish(&bytes)).unwrap());
            }
            Next::Wait => std::thread::sleep(Duration::from_millis(100)),
            Next::Nothing => return times,
        }
    }
}

fn files_under(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_under(&path) } else { 1 }).sum()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    println!("{what}: {:.2} s", begun.elapsed().as_secs_f64());
    result
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number =
        |at: usize, usual: usize| words.get(at).map_or(usual, |word| word.parse().unwrap());
    let (runs, workers) = (number(1, 10_000), number(2, 1000));
    let (plan, source) = timed("planned", || plan(runs));
    let keep = tempfile::tempdir().unwrap();
    let root = words.get(3).map_or(keep.path().join("scale"), PathBuf::from);
    let folder = ResultsFolder::at(root);
    timed("adopted", || folder.adopt(&plan, &source).unwrap());

    let (owner, times) = (Owner::current(), Mutex::new(Vec::new()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for serial in 0..workers as u64 {
            let (folder, plan, owner, times) = (&folder, &plan, &owner, &times);
            scope.spawn(move || {
                let own = work(folder, plan, owner, serial + 1);
                times.lock().unwrap().extend(own);
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut times = times.into_inner().unwrap();
    times.sort();
    assert_eq!(times.len(), plan.runs().len(), "every run is claimed once");
    let count = times.len() as f64;
    println!(
        "{count} runs by {workers} workers in {seconds:.1} s: {:.0} claims/s",
        count / seconds
    );
    let at = |share: f64| times[(share * (count - 1.0)) as usize].as_secs_f64() * 1e3;
    println!(
        "a claim: median {:.0} ms, 99 % {:.0} ms, slowest {:.0} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    let a_run = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / times.len() as f64;
    println!(
        "operations a run: {:.2} listings of {:.0} names, {:.2} reads, {:.2} creations ({:.2} refused), \
         {:.2} writes, {:.2} renames, {:.2} removals",
        a_run(&COUNTS.listings),
        a_run(&COUNTS.listed) / a_run(&COUNTS.listings),
        a_run(&COUNTS.reads),
        a_run(&COUNTS.creations),
        a_run(&COUNTS.refused),
        a_run(&COUNTS.writes),
        a_run(&COUNTS.renames),
        a_run(&COUNTS.removals)
    );
    println!("files: {:.2} a run", files_under(folder.root()) as f64 / count);
    timed("plan read", || folder.plan().unwrap());
    let records = timed("records read", || folder.peek(&plan).unwrap());
    assert_eq!(records.done.len(), times.len());
    timed("leases read", || live_leases(&folder, &plan.work_order()).unwrap());
    timed("parquet written", || settle(&folder, &plan).unwrap());
}
