//! Times the report of 1,000 runs with 200,000 points of curves: `cargo run --release -p
//! isoflop-report --example large -- DIR`.
#![allow(clippy::print_stdout, reason = "an example talks to who runs it")]

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), isoflop_report::ReportError> {
    let out: PathBuf = std::env::args_os().nth(1).unwrap_or_else(|| "reports".into()).into();
    for (runs, points) in [(200, 1000), (1000, 200)] {
        let sweep = synthetic::large(runs, points);
        let all: usize = sweep.curves.iter().map(|c| c.points.len()).sum();
        let started = Instant::now();
        let page = isoflop_report::html(&sweep.report());
        let drawn = started.elapsed();
        let folder = out.join(format!("large-{runs}"));
        let started = Instant::now();
        isoflop_report::write(&sweep.report(), &folder)?;
        println!(
            "{runs} runs, {all} points: page of {:.2} MB in {:.2} s; with all figure files in {:.2} s",
            page.len() as f64 / 1e6,
            drawn.as_secs_f64(),
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
