//! `isoflop report`: the page and its figures, of one sweep or of several side by side.

use crate::output::print;
use crate::source::{Source, TrustArg};
use anyhow::Result;
use isoflop_fit::output::Fits;
use isoflop_report::{Provenance, Report, Sweep, merge};
use isoflop_results::Trust;
use isoflop_sweep::ResultsFolder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Columns of a terminal that does not say how wide it is.
pub(crate) const COLUMNS: usize = 80;

/// Writes the report of a results folder: one page, and every figure as SVG, PNG and CSV. Several
/// folders make one page that compares their sweeps.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop report results/quickstart\n  \
    isoflop report results/docs results/code        # side by side: exponents, compute at equal loss\n  \
    isoflop report results/quickstart --terminal")]
pub(crate) struct Args {
    /// Results folders, each of one sweep.
    #[arg(required = true, value_name = "RESULTS_DIR")]
    results: Vec<PathBuf>,
    /// Folder of all reports; a sweep's is in DIR/<name>.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    out: PathBuf,
    /// Print the verdict and a chart instead, and write nothing.
    #[arg(long)]
    terminal: bool,
    #[command(flatten)]
    trust: TrustArg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut sources = Vec::new();
    for path in &args.results {
        let folder = ResultsFolder::at(path.clone());
        sources.push(Source::of(&folder, None, args.trust.trust())?);
    }
    let paths: Vec<String> = args.results.iter().map(|p| p.display().to_string()).collect();
    let commands = vec![format!("isoflop report {}", paths.join(" "))];
    let source = match sources.len() {
        1 => sources.remove(0),
        _ => side_by_side(sources),
    };
    if args.terminal {
        let text = isoflop_report::terminal(&source.report(Provenance::default()), COLUMNS);
        print(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let out = args.out.join(&source.folder);
    isoflop_report::write(&source.report(source.provenance(commands)), &out)?;
    print(&out.join("index.html").display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Sweeps as one, under their names; the second of a name is told apart by a number.
fn side_by_side(sources: Vec<Source>) -> Source {
    let mut names: Vec<String> = Vec::new();
    let (mut parts, mut facts) = (Vec::new(), Vec::new());
    for source in sources {
        let same = names.iter().filter(|n| n.split(" #").next() == Some(&source.title)).count();
        let name = match same {
            0 => source.title,
            k => format!("{} #{}", source.title, k + 1),
        };
        facts.extend(source.facts.into_iter().map(|mut fact| {
            fact.label = format!("{name}: {}", fact.label);
            fact
        }));
        parts.push((name.clone(), source.sweep));
        names.push(name);
    }
    Source {
        title: names.join(" and "),
        question: Some(format!("How do {} differ?", names.join(" and "))),
        folder: names.join("-vs-").replace(" #", "-"),
        sweep: merge(parts),
        facts,
    }
}

/// Writes the report of a folder into `reports/<name>`; returns the page, and the verdict for a
/// terminal.
pub(crate) fn write(
    folder: &ResultsFolder,
    fits: &Fits,
    reports: &Path,
    commands: Vec<String>,
) -> Result<(PathBuf, String)> {
    let source = Source::of(folder, Some(fits.clone()), Trust::Checked)?;
    let out = reports.join(&source.folder);
    let report: Report<'_> = source.report(source.provenance(commands));
    isoflop_report::write(&report, &out)?;
    Ok((out.join("index.html"), isoflop_report::terminal(&report, COLUMNS)))
}

impl Source {
    /// The report of it.
    pub(crate) fn report(&self, provenance: Provenance) -> Report<'_> {
        let Sweep { runs, curves, tuning, data, fits } = &self.sweep;
        Report {
            title: &self.title,
            question: self.question.as_deref(),
            runs,
            curves,
            tuning,
            fits,
            data,
            provenance,
        }
    }

    pub(crate) fn provenance(&self, commands: Vec<String>) -> Provenance {
        let now = jiff::Timestamp::now();
        Provenance {
            commands,
            generated: Some(now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            facts: self.facts.clone(),
        }
    }
}
