//! `isoflop worker`: trains open runs; started by `run`.

use anyhow::Result;
use isoflop_sweep::ResultsFolder;
use isoflop_sweep::worker::work;
use isoflop_train::BurnTrainer;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

/// Trains open runs of a results folder until none is left.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The results folder.
    results_dir: PathBuf,
    /// End when stdin closes, that is when the parent dies.
    #[arg(long)]
    supervised: bool,
}

/// As a shell reports a process ended by SIGINT.
pub(crate) const STOPPED: u8 = 130;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.supervised {
        end_with_parent();
    }
    let folder = ResultsFolder::at(args.results_dir.clone());
    let plan = folder.plan()?;
    let mut trainer = BurnTrainer::keeping_models(folder.models_path());
    work(&folder, &plan, &mut trainer, &|| {
        jiff::Timestamp::now().to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The parent holds the other end of stdin and never writes: the end of it is the parent's end,
/// however it came.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
        std::process::exit(i32::from(STOPPED));
    });
}
