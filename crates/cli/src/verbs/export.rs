//! `isoflop export`: writes results in the formats of other tools.

use crate::fail::Hinted;
use crate::output::print;
use crate::terminal::Terminal;
use crate::trust::TrustArg;
use anyhow::Result;
use isoflop_lab::report::{ReportInput, all_runs, curves};
use isoflop_report::Provenance;
use isoflop_results::file::write_atomic;
use isoflop_results::{csv, parquet};
use isoflop_sweep::ResultsFolder;
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes the runs of a sweep as a tidy table with one row per run, its curves with one row per
/// point, or the three panels as a Vega-Lite specification with its data inside. The name of the
/// file decides the format.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop export results/quickstart --out runs.csv\n  \
    isoflop export results/quickstart --curves --out curves.parquet\n  \
    isoflop export results/quickstart --out panels.vl.json     # opens in the Vega editor")]
pub(crate) struct Args {
    /// Results folder of a sweep.
    results_dir: PathBuf,
    /// File to write: FILE.csv, FILE.parquet or FILE.vl.json.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write learning curves instead of runs.
    #[arg(long)]
    curves: bool,
    #[command(flatten)]
    trust: TrustArg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = ResultsFolder::at(args.results_dir.clone());
    let trust = args.trust.trust();
    let terminal = Terminal::default();
    folder.plan()?;
    let name = args.out.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let kind = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match (kind, args.curves) {
        ("csv", false) => csv::write_runs(&args.out, &all_runs(&terminal, &folder, trust)?)?,
        ("csv", true) => csv::write_curves(&args.out, &curves(&terminal, &folder, trust)?)?,
        ("parquet", false) => {
            parquet::write_runs(&args.out, &all_runs(&terminal, &folder, trust)?)?
        }
        ("parquet", true) => parquet::write_curves(&args.out, &curves(&terminal, &folder, trust)?)?,
        ("json", false) if name.ends_with(".vl.json") => {
            let source = ReportInput::of(&terminal, &folder, None, trust)?;
            let panels = isoflop_report::vega_lite(&source.report(Provenance::default()));
            write_atomic(&args.out, serde_json::to_string_pretty(&panels)?.as_bytes())?;
        }
        _ => {
            let what = args.out.display();
            return Err(Hinted::new(
                format!("cannot tell a format from `{what}`{}", if args.curves { " for curves" } else { "" }),
                "name the file .csv or .parquet, or .vl.json for a Vega-Lite specification of the panels",
            )
            .into());
        }
    }
    print(&args.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
