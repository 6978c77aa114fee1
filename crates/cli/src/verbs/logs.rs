//! `isoflop logs`: what happened to a run.

use crate::fail::Hinted;
use crate::output::print;
use anyhow::Result;
use isoflop_core::text::{listed, shown, shown_up_to};
use isoflop_sweep::ResultsFolder;
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows what happened to a run: attempts, resumes, its end, and the last output of its worker.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop logs results/quickstart n2.46k-d8M-s0-1a2b3c4d")]
pub(crate) struct Args {
    /// Results folder of a sweep.
    results_dir: PathBuf,
    /// Id of the run, or the start of it.
    run: String,
    /// Number of lines to show, counted from the end.
    #[arg(long, short = 'n', default_value_t = 40, value_name = "N")]
    lines: usize,
}

/// Maximum number of characters of a line.
const LONGEST: usize = 1000;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(args.results_dir.clone());
    let plan = folder.plan()?;
    let named: Vec<&str> =
        plan.runs().iter().map(|run| run.id()).filter(|id| id.starts_with(&args.run)).collect();
    let id = match named[..] {
        [id] => id,
        [] => {
            return Err(Hinted::new(
                format!("no run `{}` in {}", shown(&args.run), args.results_dir.display()),
                format!("`isoflop status {}` lists them", args.results_dir.display()),
            )
            .into());
        }
        _ => {
            return Err(Hinted::new(
                format!("`{}` begins {} runs", shown(&args.run), named.len()),
                format!("give more of the id: {}", listed(&named)),
            )
            .into());
        }
    };
    let path = folder.log_path(id);
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Hinted::new(
                format!("{}: run {id} has no log", path.display()),
                "it has not been started in this folder yet",
            )
            .into());
        }
        Err(error) => return Err(error.into()),
    };
    // Output of a worker may hold control characters, which are made visible.
    let lines: Vec<String> = text.lines().map(|line| shown_up_to(LONGEST, line)).collect();
    print(&lines[lines.len().saturating_sub(args.lines)..].join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
