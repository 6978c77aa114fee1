//! `isoflop report`: the page and its figures.

use crate::analysis;
use crate::output::print;
use crate::progress::DataBar;
use anyhow::Result;
use isoflop_fit::Options;
use isoflop_fit::output::Fits;
use isoflop_report::{Fact, Provenance, Report};
use isoflop_results::RunRow;
use isoflop_results::parquet::{read_curves, read_runs};
use isoflop_sweep::ResultsFolder;
use isoflop_train::prepare;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the report of a results folder: one page, and every figure as SVG, PNG and CSV.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop report results/quickstart")]
pub(crate) struct Args {
    /// Results folders, each of one sweep.
    #[arg(required = true, value_name = "RESULTS_DIR")]
    results: Vec<PathBuf>,
    /// Folder of all reports; a sweep's is in DIR/<name>.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    for path in &args.results {
        let folder = ResultsFolder::at(path.clone());
        let fits = load_or_fit(&folder)?;
        let command = format!("isoflop report {}", path.display());
        print(
            &write(&folder, &fits, &args.out, vec![command])?
                .display()
                .to_string(),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The fits of the last `run`, or fresh ones where runs are newer or there are none.
fn load_or_fit(folder: &ResultsFolder) -> Result<Fits> {
    let modified = |path: &Path| {
        fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let current = modified(&folder.fits_path()) >= modified(&folder.runs_path());
    if current
        && let Ok(text) = fs::read_to_string(folder.fits_path())
        && let Ok(fits) = serde_json::from_str(&text)
    {
        return Ok(fits);
    }
    analysis::fits(&read_runs(&folder.runs_path())?, &Options::default())
}

/// Writes the report of a folder into `reports/<name>` and returns the page.
pub(crate) fn write(
    folder: &ResultsFolder,
    fits: &Fits,
    reports: &Path,
    commands: Vec<String>,
) -> Result<PathBuf> {
    let plan = folder.plan()?;
    let (runs, curves) = (
        read_runs(&folder.runs_path())?,
        read_curves(&folder.curves_path())?,
    );
    let mut facts = vec![Fact {
        label: "plan".to_owned(),
        value: format!("{}, {} runs", plan.kind(), plan.runs().len()),
    }];
    facts.extend(data_facts(&plan));
    let out = reports.join(plan.name());
    let provenance = Provenance {
        commands,
        generated: Some(
            jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
        ),
        facts,
    };
    let tuning = trials(folder);
    let report = Report {
        title: plan.name(),
        question: plan.question(),
        runs: &runs,
        curves: &curves,
        tuning: &tuning,
        fits,
        provenance,
    };
    isoflop_report::write(&report, &out)?;
    Ok(out.join("index.html"))
}

/// Runs of the stage that chose the learning rates, where there was one.
fn trials(folder: &ResultsFolder) -> Vec<RunRow> {
    let mut stage = folder.root().as_os_str().to_owned();
    stage.push(isoflop_sweep::tuning::SUFFIX);
    let stage = ResultsFolder::at(stage.into());
    read_runs(&stage.runs_path()).unwrap_or_default()
}

/// What is known of each text, as long as it is at hand.
fn data_facts(plan: &isoflop_sweep::Plan) -> Vec<Fact> {
    let mut seen = Vec::new();
    let mut facts = Vec::new();
    for run in plan.runs() {
        let key = (&run.source, run.test_tokens);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let bar = DataBar::new();
        if let Ok(prepared) = prepare(&run.source, run.test_tokens, &|progress| bar.show(progress))
        {
            facts.push(Fact {
                label: format!("text {}", prepared.metadata().name),
                value: crate::verbs::data::summary(prepared.metadata()),
            });
        }
    }
    facts
}
