//! `isoflop report`: writes the page and its figures, for one sweep or for several side by side.

use crate::output::print;
use crate::terminal::Terminal;
use crate::trust::TrustArg;
use anyhow::Result;
use isoflop_lab::report::ReportInput;
use isoflop_report::Provenance;
use isoflop_sweep::ResultsFolder;
use std::path::PathBuf;
use std::process::ExitCode;

/// Columns of a terminal that does not say how wide it is.
pub(crate) const COLUMNS: usize = 80;

/// Writes the report of a results folder: one page, and every figure as SVG, PNG and CSV. Several
/// folders give one page that compares their sweeps.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop report results/quickstart\n  \
    isoflop report results/docs results/code        # side by side: exponents, compute at equal loss\n  \
    isoflop report results/quickstart --terminal")]
pub(crate) struct Args {
    /// Results folders, each of one sweep.
    #[arg(required = true, value_name = "RESULTS_DIR")]
    results: Vec<PathBuf>,
    /// Folder of all reports; that of a sweep is DIR/<name>.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    out: PathBuf,
    /// Draw and fit also the runs that score a sealed forecast (role = validation).
    #[arg(long)]
    with_validation: bool,
    /// Print the verdict and a chart instead, and write nothing.
    #[arg(long)]
    terminal: bool,
    #[command(flatten)]
    trust: TrustArg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let terminal = Terminal::default();
    let mut sources = Vec::new();
    for path in &args.results {
        let folder = ResultsFolder::at(path.clone());
        let trust = args.trust.trust();
        sources.push(match args.with_validation {
            true => ReportInput::with_validation(&terminal, &folder, trust)?,
            false => ReportInput::of(&terminal, &folder, None, trust)?,
        });
    }
    let source = match sources.len() {
        1 => sources.remove(0),
        _ => ReportInput::side_by_side(sources),
    };
    if args.terminal {
        let text = isoflop_report::terminal(&source.report(Provenance::default()), COLUMNS);
        print(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let paths: Vec<String> = args.results.iter().map(|p| p.display().to_string()).collect();
    let option = if args.with_validation { " --with-validation" } else { "" };
    let command = format!("isoflop report {}{option}", paths.join(" "));
    let page = source.write(&args.out, vec![command])?;
    print(&page.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
