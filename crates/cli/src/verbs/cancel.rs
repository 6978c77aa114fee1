//! `isoflop cancel`: takes a sweep's jobs back from the cluster.

use crate::output::note;
use anyhow::Result;
use isoflop_lab::submit::user;
use isoflop_sweep::ResultsFolder;
use isoflop_sweep::workers::slurm::{Kept, cancel, job_name};
use std::path::PathBuf;
use std::process::ExitCode;

/// Takes a sweep's jobs back from the cluster. Those at work keep the states of their runs, and
/// `isoflop submit` goes on from these.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop cancel results/quickstart")]
pub(crate) struct Args {
    /// Results folder of a sweep.
    results_dir: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(args.results_dir.clone());
    folder.plan()?;
    let kept = Kept::of(&folder);
    kept.make()?;
    // Pilots that are told to end must know that no other is to take their place.
    let _lock = kept.lock()?;
    kept.cancel(true)?;
    let (mine, others) = cancel(&job_name(&folder), &user())?;
    note(&match mine.len() {
        0 => "no job of this sweep is yours".to_owned(),
        1 => "1 job taken back; `isoflop submit` goes on".to_owned(),
        jobs => format!("{jobs} jobs taken back; `isoflop submit` goes on"),
    });
    if !others.is_empty() {
        let mut users: Vec<&str> = others.iter().map(|pilot| pilot.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let jobs = match others.len() {
            1 => "1 job".to_owned(),
            jobs => format!("{jobs} jobs"),
        };
        note(&format!(
            "not taken back, since others submitted them: {jobs} of {}",
            users.join(", ")
        ));
    }
    Ok(ExitCode::SUCCESS)
}
