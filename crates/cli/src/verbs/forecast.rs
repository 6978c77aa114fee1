//! `isoflop forecast`: seals what a law says of a run before the run exists.

use crate::fail::Hinted;
use crate::forecast_text;
use crate::output::{print, print_json};
use crate::terminal::Terminal;
use anyhow::Result;
use isoflop_core::units::parse_quantity;
use isoflop_lab::forecast::{Question, Sealed, seal};
use isoflop_results::Chain;
use isoflop_sweep::ResultsFolder;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Seals a forecast of the loss that a compute buys, before the run exists.
///
/// A fitted law tells N*, D* and the loss for the compute. The run is of the ladder's size nearest to N*;
/// its loss is predicted with a 90 % interval for a single run. Each forecast is one line of
/// RESULTS_DIR/forecasts.jsonl, which holds the SHA-256 of the line before, so that no line can be
/// changed later without changing all that follow. `isoflop validate` trains the runs and scores them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop forecast results/quickstart --compute 1e13\n  \
    isoflop forecast results/quickstart --compute 3e13,1e14 --seeds 3 --law chinchilla\n  \
    isoflop forecast results/quickstart --check --head 5f0c...\n\n\
    The interval carries the parameters' uncertainty, the choice of law unless one is named, the scatter of single \
    runs about the law, in which the noise between seeds is, and the drift of the law beyond the compute fitted. Keep the head that is printed \
    somewhere else: a chain alone proves nothing against its owner.")]
pub(crate) struct Args {
    /// Results folder of a sweep.
    results_dir: PathBuf,
    /// Training compute in FLOPs; several make several forecasts.
    #[arg(long, value_name = "C", value_parser = parse_quantity, value_delimiter = ',', required_unless_present = "check")]
    compute: Vec<f64>,
    /// Number of runs for each compute, which differ in their seed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    seeds: u16,
    /// Law in N and D that forecasts; the one that `fit --auto` chooses unless named.
    #[arg(long)]
    law: Option<String>,
    /// Series to use, where the sweep has several: as in runs.parquet, or as on the page.
    #[arg(long, default_value = "")]
    series: String,
    /// Check every line of the chain, and seal nothing.
    #[arg(long, conflicts_with_all = ["compute", "law"])]
    check: bool,
    /// Head that was printed once and kept: check that the chain still holds it.
    #[arg(long, value_name = "SHA256", requires = "check")]
    head: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(args.results_dir.clone());
    if args.check {
        return check(args, &folder);
    }
    let question = Question {
        folder: &folder,
        computes: &args.compute,
        seeds: usize::from(args.seeds),
        law: args.law.as_deref(),
        series: &args.series,
    };
    let sealed = seal(&Terminal::default(), &question)?;
    match args.json {
        true => print_json(&in_json(&folder, &sealed)?)?,
        false => print(&forecast_text::sealed(&folder, &sealed))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_json(folder: &ResultsFolder, sealed: &Sealed) -> Result<Value> {
    let mut forecasts = Vec::new();
    for (line, forecast) in sealed.lines() {
        let mut value = serde_json::to_value(forecast)?;
        value["line"] = json!(line);
        forecasts.push(value);
    }
    Ok(json!({
        "file": folder.forecasts_path(),
        "head": sealed.chain.head(),
        "forecasts": forecasts,
        "warnings": sealed.warnings,
    }))
}

fn check(args: &Args, folder: &ResultsFolder) -> Result<ExitCode> {
    let path = folder.forecasts_path();
    let chain = folder.forecasts()?;
    let count = chain.forecasts().len();
    if count == 0 {
        let message = format!("{}: no forecast is sealed in it", folder.root().display());
        return Err(Hinted::new(message, "`isoflop forecast` with --compute seals one").into());
    }
    let line = args.head.as_deref().map(|head| find(&path, &chain, head)).transpose()?;
    if args.json {
        let json = json!({
            "file": path,
            "forecasts": count,
            "head": chain.head(),
            "line_of_head": line,
        });
        print_json(&json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines = match count {
        1 => "1 forecast".to_owned(),
        count => format!("{count} forecasts"),
    };
    let mut text = format!("{}: {lines}, every line holds", path.display());
    if let Some(line) = line {
        text.push_str(&format!("\nthe head that was kept is that of line {line}"));
    }
    print(&format!("{text}\nhead: {}", chain.head()))?;
    Ok(ExitCode::SUCCESS)
}

/// Number of the line whose SHA-256 was kept as a head.
fn find(path: &Path, chain: &Chain, head: &str) -> Result<usize> {
    let line = chain.line_of_head(&head.trim().to_lowercase());
    Ok(line.ok_or_else(|| {
        Hinted::new(
            format!("{}: no line of it has the SHA-256 {head}", path.display()),
            "a line that was there when this head was kept has been changed or removed since",
        )
    })?)
}
