//! `isoflop export-model`: writes a trained model for other frameworks.

use crate::fail::Hinted;
use crate::output::{note, print};
use anyhow::Result;
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder};
use isoflop_train::export::export_model;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes model.safetensors, config.json, and batch.safetensors: a batch of test text with the
/// loss of every token, so that the model can be rebuilt elsewhere and compared.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  isoflop export-model results/quickstart/n24.7k-d3.25M --out model\n\nNames and layouts of the tensors: docs/models.md"
)]
pub(crate) struct Args {
    /// Results folder and run, as RESULTS_DIR/RUN; the start of the run's id is enough.
    run: PathBuf,
    /// Folder to write into.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let name = args.run.file_name().unwrap_or_default().to_string_lossy();
    let root = args.run.parent().unwrap_or(Path::new(""));
    if root.as_os_str().is_empty() {
        return Err(Hinted::new(
            format!("`{}` names no results folder", args.run.display()),
            "write RESULTS_DIR/RUN, such as results/quickstart/n24.7k-d3.25M",
        )
        .into());
    }
    let folder = ResultsFolder::at(root.to_owned());
    let plan = folder.plan()?;
    let run = find(&plan, &name)?;
    let stem = folder.models_path().join(run.id());
    let exported = export_model(run, &stem, &args.out)?;
    if !exported.checked {
        note(&format!(
            "note: {}.safetensors has no checksum, as weights of earlier versions; they are taken as they are",
            stem.display()
        ));
    }
    print(&format!(
        "{}: weights, configuration and a batch of {} tokens (mean loss {:.4} nats) in {}",
        run.id(),
        exported.tokens,
        exported.loss,
        args.out.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The only run whose id starts with `name`.
fn find<'p>(plan: &'p Plan, name: &str) -> Result<&'p PlannedRun> {
    let order = plan.work_order();
    let matching: Vec<&PlannedRun> =
        order.into_iter().filter(|run| !name.is_empty() && run.id().starts_with(name)).collect();
    match matching[..] {
        [run] => Ok(run),
        [] => Err(Hinted::new(
            format!("no run of {} starts with `{name}`", plan.name()),
            "`isoflop status RESULTS_DIR` lists the runs",
        )
        .into()),
        [first, second, ..] => Err(Hinted::new(
            format!(
                "{} runs start with `{name}`, such as {} and {}",
                matching.len(),
                first.id(),
                second.id()
            ),
            "write more of the name",
        )
        .into()),
    }
}
