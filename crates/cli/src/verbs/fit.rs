//! `isoflop fit`: fits laws to a results folder or to a user's table.

use crate::column_args::ColumnArgs;
use crate::curve_law_text;
use crate::fail::Hinted;
use crate::fit_text;
use crate::output::{note, print, print_json};
use crate::paper::{self, Format};
use crate::terminal::Terminal;
use crate::trust::TrustArg;
use anyhow::{Context, Result};
use isoflop_fit::output::{Axis, Fits, RowSource};
use isoflop_fit::{Objective, Options, REPLICATES};
use isoflop_lab::columns::Columns;
use isoflop_lab::tables::AUTO;
use isoflop_lab::{curve_laws, fits, report, tables};
use isoflop_sweep::ResultsFolder;
use std::path::PathBuf;
use std::process::ExitCode;

/// Fits scaling laws with 90 % intervals.
///
/// For a results folder it shows the fits that `run` left, or fits every law that the runs allow.
/// For a table it fits the laws asked for (chinchilla by default).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop fit results/quickstart\n  \
    isoflop fit runs.csv --n params --d tokens --loss loss --law chinchilla --objective log-huber:1e-3\n  \
    isoflop fit runs.csv --law power --x c --c flops\n  \
    isoflop fit results/rates --law rate\n  \
    isoflop fit runs.csv --auto              # the law that forecasts, and why; --details has the whole table\n  \
    isoflop fit runs.csv --law chinchilla,kaplan-offset --where corpus=c4 --table latex\n  \
    isoflop fit family.csv --n-unit M --d-unit B --skip-blank --details\n\n\
    Intervals are those of a bootstrap over units (rows that share a trunk, checkpoints of a run, or single rows: the fit says which), each replicate fitted from the \
    known optima and from where its rows point; a profile decides what the rows identify. `--bootstrap 0` leaves both out.")]
pub(crate) struct Args {
    /// Results folders, or files in CSV, JSONL or parquet.
    #[arg(required_unless_present = "list", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// List the laws, one per line, and exit.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Variable of a law that has only one.
    #[arg(long, value_enum)]
    x: Option<X>,
    /// Choose the law that forecasts: by its error on the largest budget, the largest size and windows held out,
    /// fewer parameters before more unless noise explains the difference, none that collapses.
    #[arg(long, conflicts_with_all = ["law", "x"])]
    auto: bool,
    /// Laws of --list separated by commas, such as chinchilla,kaplan; or isoflop; or all, which means every
    /// law in N and D; or rate, the best learning rate and batch, or multi-power, which is fitted to the learning
    /// curves of a folder, each alone.
    #[arg(long, value_delimiter = ',')]
    law: Vec<String>,
    /// Objective: huber:DELTA, mse, absolute or asymmetric:DELTA, with optional prefixes: log- fits
    /// ln L, and mean- before it averages over rows instead of summing.
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
    /// Standard deviation of the loss between seeds, if it is known from elsewhere.
    #[arg(long, value_name = "NATS")]
    seed_noise: Option<f64>,
    /// Print everything: profiles, other objectives, influence, held-out windows, every warning and note.
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

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        print(&fit_text::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.seed_noise.is_some_and(|noise| !(noise.is_finite() && noise > 0.0)) {
        let hint = "give it in nats, as in --seed-noise 0.02";
        return Err(Hinted::new("--seed-noise must be a positive number", hint).into());
    }
    args.check_rate()?;
    if args.law.iter().any(|law| law.trim() == curve_laws::NAME) {
        return curves(args);
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
    let terminal = Terminal::default();
    let columns = Columns::from(&args.columns);
    let fits = match stored(&terminal, args, &columns)? {
        Some(fits) => fits,
        None => {
            let trust = args.trust.trust();
            let rows = tables::read(&terminal, &args.paths, &columns, trust, &mut options)?;
            let sources = rows.sources.clone();
            // The text of fits says by itself how the columns were understood.
            let is_text = !args.json && args.table.is_none();
            if !is_text {
                tell_columns(&sources);
            }
            tell_remarks(&sources);
            let axis = args.x.map(Axis::from);
            let auto = [AUTO.to_owned()];
            let laws: &[String] = if args.auto { &auto } else { &args.law };
            let fitted = tables::fit(&terminal, rows, laws, axis, &options)
                .with_context(|| shown(&args.paths));
            if fitted.is_err() && is_text {
                tell_columns(&sources);
            }
            fitted?
        }
    };
    match (args.json, args.table) {
        (true, _) => print_json(&fits)?,
        (_, Some(_))
            if fits.fits.is_empty() && fits.isoflop.is_empty() && !fits.rates.is_empty() =>
        {
            let hint = "--details has its numbers as text, --json for programs";
            return Err(
                Hinted::new("--table has no form for the law of learning rates", hint).into()
            );
        }
        (_, Some(format)) => print(&paper::table(&fits, format))?,
        _ if args.details => print(&fit_text::details(&fits))?,
        _ if args.auto => print(&fit_text::chosen(&fits))?,
        _ => print(&fit_text::brief(&fits))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Fits the law of whole learning curves, which is none of rows and stands beside no other.
fn curves(args: &Args) -> Result<ExitCode> {
    let [path] = &args.paths[..] else {
        let hint = "give one results folder, such as results/quickstart";
        return Err(
            Hinted::new("the law multi-power is fitted to one folder at a time", hint).into()
        );
    };
    if args.law.len() > 1 {
        let hint = "ask for it alone: --law multi-power";
        return Err(
            Hinted::new("the law multi-power is fitted to curves and not to rows", hint).into()
        );
    }
    let laws = curve_laws::of_folder(&Terminal::default(), path, args.trust.trust())?;
    match args.json {
        true => print_json(&serde_json::json!({ "law": curve_laws::NAME, "fits": laws }))?,
        false => print(&curve_law_text::shown(&laws, args.details))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// Refuses what the law of learning rates does not know: it has one objective, and a jackknife in place of
    /// replicates.
    fn check_rate(&self) -> Result<()> {
        if !self.law.iter().any(|law| law.trim() == "rate") || self.law.len() > 1 {
            return Ok(());
        }
        let given = [
            ("--objective", self.objective.is_some()),
            ("--fix", !self.fix.is_empty()),
            ("--drop-worst", self.drop_worst > 0),
            ("--bootstrap", self.bootstrap.is_some()),
            ("--seed-noise", self.seed_noise.is_some()),
            ("--x", self.x.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => {
                let message = format!("{name} has no meaning for the law of learning rates");
                Err(Hinted::new(message, "leave it out, or name another law beside it").into())
            }
            None => Ok(()),
        }
    }

    /// Whether nothing was asked for except what `run` fits by itself.
    fn asks_what_run_fits(&self, columns: &Columns) -> bool {
        let asks = self.objective.is_some()
            || self.bootstrap.is_some()
            || self.seed_noise.is_some()
            || !self.law.is_empty()
            || columns.named()
            || columns.with_validation;
        !asks && self.drop_worst == 0 && self.seed == 0
    }
}

/// The fits that `run` left in a folder, if these are asked for; every command then shows the same
/// numbers.
fn stored(terminal: &Terminal, args: &Args, columns: &Columns) -> Result<Option<Fits>> {
    let [path] = &args.paths[..] else {
        return Ok(None);
    };
    if !path.is_dir() || !args.asks_what_run_fits(columns) {
        return Ok(None);
    }
    let folder = ResultsFolder::at(path.clone());
    if !folder.fits_path().exists() {
        return Ok(None);
    }
    let runs = report::runs(terminal, &folder, args.trust.trust())?;
    // Fits of earlier versions hold no choice.
    let tells = |fits: &Fits| !args.auto || !fits.choices.is_empty();
    Ok(fits::stored(terminal, &folder, &runs).filter(tells))
}

/// Parses `E=1.6`: the name of a parameter and the value at which it is held.
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
fn tell_columns(sources: &[RowSource]) {
    for source in sources {
        note(&format!("{}: {}", source.file, source.columns()));
    }
}

/// Tells what was seen in the rows of tables.
fn tell_remarks(sources: &[RowSource]) {
    for source in sources {
        for remark in &source.remarks {
            note(&format!("{}: {remark}", source.file));
        }
    }
}
