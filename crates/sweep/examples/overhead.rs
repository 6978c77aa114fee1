//! Measures the cost of scheduling: planning 10,000 runs, forecasting them, and claiming and
//! finishing each of them.
//!
//! ```text
//! cargo run --release -p isoflop-sweep --example overhead
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use isoflop_results::FailureKind;
use isoflop_sweep::claim::{Claims, Next};
use isoflop_sweep::files::done;
use isoflop_sweep::forecast::{Forecast, Price, Standing};
use isoflop_sweep::lease::Owner;
use isoflop_sweep::row::record_of_death;
use isoflop_sweep::shelf::Shelf;
use isoflop_sweep::{DataFacts, Plan, PlanContext, ResultsFolder, Sweep};
use std::path::Path;
use std::time::Instant;

fn main() {
    let shapes: Vec<String> = (1..=20).map(|i| format!("\"{}x2x1\"", 4 * i)).collect();
    let tokens: Vec<String> = (1..=50).map(|i| format!("\"{}k\"", 20 * i)).collect();
    let source = format!(
        "name = \"many\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = [{}]\n[plan]\n\
         grid = {{ tokens = [{}] }}\n[train]\nseeds = {:?}\n",
        shapes.join(", "),
        tokens.join(", "),
        (0..10).collect::<Vec<u64>>()
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
    let started = Instant::now();
    let sweep = Sweep::parse(Path::new("many.toml"), source.clone()).unwrap();
    let plan = Plan::build(&sweep, &mut context).unwrap();
    let count = plan.runs().len();
    println!("{count} runs planned in {:.2} s", started.elapsed().as_secs_f64());

    let keep = tempfile::tempdir().unwrap();
    let folder = ResultsFolder::at(keep.path().join("many"));
    folder.adopt(&plan, &source).unwrap();
    let price = Price { step: 1e-3, once: 0.1 };
    let started = Instant::now();
    let _ = Forecast::of(&plan, &vec![price; count], &Standing::default(), 8);
    println!("a forecast of them in {:.2} s", started.elapsed().as_secs_f64());

    // The states at all branches exist already, so that every run is open at once.
    for run in plan.runs() {
        let kind = format!("none-{}", run.micro_windows());
        let shelf = Shelf::new(&folder, run.trunk(), &kind);
        done(shelf.write(run.branch_step(), &[])).unwrap();
    }
    let mut claims = Claims::new(&folder, &plan, &Owner::current(), "none");
    let (mut claimed, mut claiming, mut ending) = (0, 0.0, 0.0);
    loop {
        let started = Instant::now();
        let Next::Run(run, claim) = claims.claim().unwrap() else {
            break;
        };
        claiming += started.elapsed().as_secs_f64();
        claimed += 1;
        let lease = isoflop_sweep::leases::live_leases(&folder, &[run]).unwrap().remove(0);
        let record = record_of_death(
            plan.name(),
            run,
            &lease,
            FailureKind::Other,
            "nothing was trained".to_owned(),
        );
        let started = Instant::now();
        claim.finish(&record, false).unwrap();
        ending += started.elapsed().as_secs_f64();
    }
    println!(
        "{claimed} runs: {:.2} ms to claim one, {:.2} ms to write its record and give it back",
        claiming * 1e3 / f64::from(claimed),
        ending * 1e3 / f64::from(claimed)
    );
}
