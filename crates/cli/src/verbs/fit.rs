//! `isoflop fit`: laws for a results folder or for anyone's table.

use crate::analysis;
use crate::columns::{BUDGET_NAME, Columns, FINISHED};
use crate::fail::Hinted;
use crate::fit_text;
use crate::output::{note, print, print_json};
use crate::paper::{self, Format};
use crate::source::{self, TrustArg};
use crate::table_file;
use anyhow::{Context, Result};
use isoflop_fit::output::{Axis, Excluded, Fits, Refusal, Source};
use isoflop_fit::{FitError, LEVEL, Law, Objective, Options, Point, REPLICATES, TRUNKS};
use isoflop_results::table::How;
use isoflop_sweep::ResultsFolder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Fits scaling laws with 90 % intervals.
///
/// A results folder shows the fits that `run` left, or is fitted with every law that its runs allow; a table
/// is fitted with the laws asked for (chinchilla unless given).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop fit results/quickstart\n  \
    isoflop fit runs.csv --n params --d tokens --loss loss --law chinchilla --objective log-huber:1e-3\n  \
    isoflop fit runs.csv --law power --x c --c flops\n  \
    isoflop fit runs.csv --law chinchilla,kaplan-offset --where corpus=c4 --table latex\n  \
    isoflop fit family.csv --n-unit M --d-unit B --skip-blank --details\n\n\
    Intervals are those of a bootstrap over units (rows that share a trunk, checkpoints of a run, or single rows: the fit says which), each replicate fitted from the \
    known optima and from where its rows point; a profile decides what the rows identify. `--bootstrap 0` leaves both out.")]
pub(crate) struct Args {
    /// Results folders, or CSV, JSONL or parquet files.
    #[arg(required_unless_present = "list", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// List the laws, a line each, and end.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    columns: Columns,
    /// Variable of a law of one variable.
    #[arg(long, value_enum)]
    x: Option<X>,
    /// Laws of --list, with commas between, such as chinchilla,kaplan; or isoflop; or all: every law in N and D.
    #[arg(long, value_delimiter = ',')]
    law: Vec<String>,
    /// huber:DELTA, mse, absolute or asymmetric:DELTA, each also with log- (of ln L) and then mean- (not the sum) in front.
    #[arg(long)]
    objective: Option<Objective>,
    /// Hold a parameter of the law at a value, such as E=1.6; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = fixed)]
    fix: Vec<(String, f64)>,
    /// Leave out the K rows of highest loss.
    #[arg(long, value_name = "K", default_value_t = 0)]
    drop_worst: usize,
    #[arg(
        long,
        value_name = "B",
        help = format!("Bootstrap replicates, {REPLICATES} unless given; 0 leaves intervals out")
    )]
    bootstrap: Option<usize>,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Standard deviation of the loss between seeds, where it is known from elsewhere.
    #[arg(long, value_name = "NATS")]
    seed_noise: Option<f64>,
    /// Print everything: profiles, other objectives, influence, windows held out, every warning.
    #[arg(long, conflicts_with_all = ["json", "table"])]
    details: bool,
    /// Print a table for a paper.
    #[arg(long, value_enum, conflicts_with = "json")]
    table: Option<Format>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    trust: TrustArg,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum X {
    N,
    D,
    C,
}

impl From<X> for Axis {
    fn from(x: X) -> Self {
        match x {
            X::N => Axis::N,
            X::D => Axis::D,
            X::C => Axis::C,
        }
    }
}

/// What `--law all` stands for.
const SURFACES: [&str; 5] =
    ["chinchilla", "chinchilla-tied", "kaplan-offset", "kaplan", "over-training"];

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        print(&fit_text::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.seed_noise.is_some_and(|noise| !(noise.is_finite() && noise > 0.0)) {
        let hint = "give it in nats, as in --seed-noise 0.02";
        return Err(Hinted::new("--seed-noise must be a positive number", hint).into());
    }
    let mut options = Options {
        objective: args.objective,
        bootstrap: args.bootstrap.unwrap_or(REPLICATES),
        seed: args.seed,
        drop_worst: args.drop_worst,
        seed_noise: args.seed_noise,
        fixed: args.fix.clone(),
        ..Options::default()
    };
    let fits = match stored(args)? {
        Some(fits) => fits,
        None => {
            let rows = read(args, &mut options)?;
            let sources = rows.sources.clone();
            // The text of fits says itself what the columns are.
            let is_text = !args.json && args.table.is_none();
            if !is_text {
                tell_columns(&sources);
            }
            tell_remarks(&sources);
            let fitted = fit(args, rows, &options).with_context(|| shown(&args.paths));
            if fitted.is_err() && is_text {
                tell_columns(&sources);
            }
            fitted?
        }
    };
    match (args.json, args.table) {
        (true, _) => print_json(&fits)?,
        (_, Some(format)) => print(&paper::table(&fits, format))?,
        _ if args.details => print(&fit_text::details(&fits))?,
        _ => print(&fit_text::brief(&fits))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// Whether nothing was asked for but what `run` fits by itself.
    fn asks_what_run_fits(&self) -> bool {
        let asks = self.objective.is_some()
            || self.bootstrap.is_some()
            || self.seed_noise.is_some()
            || !self.law.is_empty()
            || self.columns.named();
        !asks && self.drop_worst == 0 && self.seed == 0
    }
}

/// The fits that `run` has left in a folder, where these are asked for: every command shows the same numbers.
fn stored(args: &Args) -> Result<Option<Fits>> {
    let [path] = &args.paths[..] else {
        return Ok(None);
    };
    if !path.is_dir() || !args.asks_what_run_fits() {
        return Ok(None);
    }
    let folder = ResultsFolder::at(path.clone());
    if !folder.fits_path().exists() {
        return Ok(None);
    }
    let runs = source::runs(&folder, args.trust.trust())?;
    Ok(source::stored_fits(&folder, &runs))
}

/// `E=1.6`: a parameter's name and where it is held.
fn fixed(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE, as in E=1.6")?;
    let value = value.trim();
    let number = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
    Ok((name.trim().to_owned(), number))
}

fn shown(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

/// Tells how the columns of tables were understood.
fn tell_columns(sources: &[Source]) {
    for source in sources {
        note(&format!("{}: {}", source.file, source.columns()));
    }
}

/// Tells what was seen in the rows of tables.
fn tell_remarks(sources: &[Source]) {
    for source in sources {
        for remark in &source.remarks {
            note(&format!("{}: {remark}", source.file));
        }
    }
}

/// Points and exclusions of all paths.
struct Rows {
    points: Vec<Point>,
    excluded: Vec<Excluded>,
    sources: Vec<Source>,
    /// Whether every path was a results folder.
    all_folders: bool,
}

fn read(args: &Args, options: &mut Options) -> Result<Rows> {
    let mut rows =
        Rows { points: Vec::new(), excluded: Vec::new(), sources: Vec::new(), all_folders: true };
    let several = args.paths.len() > 1;
    let mut units: Vec<String> = Vec::new();
    for path in &args.paths {
        let (mut points, source) = match path.is_dir() {
            true => {
                let (points, excluded, source) = read_folder(args, path, options)?;
                rows.excluded.extend(excluded);
                (points, source)
            }
            false => {
                rows.all_folders = false;
                read_table(args, path, options)?
            }
        };
        if several {
            for point in &mut points {
                point.label = format!("{}:{}", path.display(), point.label);
                // Line 2 of one table is not line 2 of another.
                if !path.is_dir() {
                    point.unit = format!("{}:{}", path.display(), point.unit);
                }
            }
        }
        rows.points.append(&mut points);
        rows.sources.push(source);
        if !units.contains(&options.unit) {
            units.push(options.unit.clone());
        }
    }
    options.unit = units.join(", or ");
    Ok(rows)
}

fn read_folder(
    args: &Args,
    path: &Path,
    options: &mut Options,
) -> Result<(Vec<Point>, Vec<Excluded>, Source)> {
    let trust = args.trust.trust();
    let folder = ResultsFolder::at(path.to_owned());
    let runs = folder.runs_path();
    if !runs.exists() && folder.recorded()?.is_empty() {
        let hint = "give the folder of a sweep, such as results/quickstart";
        let message = format!("{}: no runs.parquet in it", path.display());
        return Err(Hinted::new(message, hint).into());
    }
    if args.columns.named() {
        let table = source::runs_table(&folder, trust)?;
        let (points, mut source) = args.columns.points(&runs, &table, options, true)?;
        source.sha256 = analysis::digest(&runs);
        return Ok((points, Vec::new(), source));
    }
    let of_folder = source::runs(&folder, trust)?;
    let (points, excluded) = analysis::points(&of_folder);
    (options.rows, options.unit) = (FINISHED.to_owned(), TRUNKS.to_owned());
    let source = Source { file: runs.display().to_string(), ..analysis::source(&runs, &of_folder) };
    Ok((points, excluded, source))
}

fn read_table(args: &Args, path: &Path, options: &mut Options) -> Result<(Vec<Point>, Source)> {
    let how = How { trust: args.trust.trust(), decimal: args.columns.decimal() };
    let (table, digest) = table_file::read(path, how)?;
    let (points, mut source) = args.columns.points(path, &table, options, false)?;
    source.sha256 = Some(digest);
    Ok((points, source))
}

fn fit(args: &Args, rows: Rows, options: &Options) -> Result<Fits> {
    if args.law.is_empty() && rows.all_folders {
        let mut fits = analysis::analyse(&rows.points, rows.excluded, options)?;
        fits.sources = rows.sources;
        return Ok(fits);
    }
    let mut fits =
        Fits { level: LEVEL, sources: rows.sources, excluded: rows.excluded, ..Fits::default() };
    let mut names: Vec<&str> = args.law.iter().map(|law| law.trim()).collect();
    if names.is_empty() {
        names.push("chinchilla");
    }
    if names == ["all"] {
        names = SURFACES.to_vec();
    }
    let several = names.len() > 1;
    if names.contains(&"isoflop") {
        let hint = "an isoFLOP analysis groups rows by the budget asked for: name its column with --budget COL";
        let found = isoflop_fit::isoflop(&rows.points, options)?
            .ok_or_else(|| Hinted::new(format!("no column `{BUDGET_NAME}`"), hint))?;
        fits.isoflop.push(found);
        names.retain(|name| *name != "isoflop");
    }
    let axis = args.x.map(Axis::from);
    let laws =
        names.iter().map(|name| Law::parse(name, axis)).collect::<Result<Vec<Law>, FitError>>()?;
    let fitted = analysis::watched(options, || isoflop_fit::fit_each(&rows.points, &laws, options));
    for (name, fitted) in names.iter().zip(fitted) {
        match fitted {
            Ok(fit) => fits.fits.push(fit),
            // Of several laws those that these rows cannot tell are named beside the others.
            Err(error) if several => fits.refused.push(refusal(name, axis, &error)),
            Err(error) => return Err(error.into()),
        }
    }
    if fits.fits.is_empty() && fits.isoflop.is_empty() {
        let hint = fits.refused.iter().find_map(|refused| refused.hint.clone());
        let reasons: Vec<String> =
            fits.refused.iter().map(|refused| refused.reason.clone()).collect();
        return Err(Hinted::new(reasons.join("; "), hint.unwrap_or_default()).into());
    }
    fits.ranking = isoflop_fit::rank(&fits.fits);
    isoflop_fit::side_by_side(&rows.points, &mut fits, options);
    Ok(fits)
}

fn refusal(law: &str, x: Option<Axis>, error: &FitError) -> Refusal {
    Refusal {
        law: law.to_owned(),
        series: String::new(),
        x,
        reason: error.to_string(),
        hint: error.hint(),
    }
}
