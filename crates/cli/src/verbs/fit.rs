//! `isoflop fit`: laws for a results folder or for anyone's table.

use crate::analysis;
use crate::fail::Hinted;
use crate::output::{note, print, print_json};
use crate::tables;
use anyhow::{Context, Result};
use isoflop_fit::output::{Axis, Excluded, Fits};
use isoflop_fit::{GeneralLaw, LEVEL, Law, Objective, Options, Point};
use isoflop_results::Table;
use isoflop_results::parquet::read_runs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Fits scaling laws with 90 % intervals.
///
/// A results folder without --law is fitted with everything its runs allow; a table with the law
/// asked for (chinchilla unless given).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  isoflop fit results/quickstart\n  \
    isoflop fit runs.csv --n params --d tokens --loss loss --law chinchilla --objective log-huber:1e-3\n  \
    isoflop fit runs.csv --law power --x c --c flops")]
pub(crate) struct Args {
    /// Results folders, or CSV, JSONL or parquet files.
    #[arg(required_unless_present = "list", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// List the laws, a line each, and end.
    #[arg(long)]
    list: bool,
    /// Column of N, parameters.
    #[arg(long, value_name = "COL")]
    n: Option<String>,
    /// Column of D, training tokens.
    #[arg(long, value_name = "COL")]
    d: Option<String>,
    /// Column of C, training FLOPs.
    #[arg(long, value_name = "COL")]
    c: Option<String>,
    /// Column of the loss.
    #[arg(long, value_name = "COL")]
    loss: Option<String>,
    /// Variable of a power law.
    #[arg(long, value_enum)]
    x: Option<X>,
    /// A law of --list, such as chinchilla or kaplan; or isoflop.
    #[arg(long)]
    law: Option<String>,
    /// log-huber:DELTA, huber:DELTA, mse, log-mse (sums), or mean-... of each.
    #[arg(long)]
    objective: Option<Objective>,
    /// Leave out the K rows of highest loss.
    #[arg(long, value_name = "K", default_value_t = 0)]
    drop_worst: usize,
    /// Bootstrap replicates; 0 leaves intervals out.
    #[arg(long, value_name = "B", default_value_t = 200)]
    bootstrap: usize,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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

/// Names looked for where none is given, the first that is there.
const N_NAMES: &[&str] = &["n_non_embedding", "params", "parameters", "n", "N"];
const D_NAMES: &[&str] = &["tokens", "d", "D"];
const C_NAMES: &[&str] = &["c_exact", "flops", "flops_budget", "compute", "c", "C"];
const LOSS_NAMES: &[&str] = &["test_loss", "loss", "L"];
const BUDGET_NAME: &str = "flops_budget";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        print(&list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut options = Options {
        objective: args.objective,
        bootstrap: args.bootstrap,
        seed: args.seed,
        drop_worst: args.drop_worst,
        ..Options::default()
    };
    let rows = read(args, &mut options)?;
    let fits = fit(args, rows, &options).with_context(|| shown(&args.paths))?;
    match args.json {
        true => print_json(&fits)?,
        false => print(&tables::fits(&fits))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> String {
    let own = [
        (
            "power",
            "L = A X^-alpha, that is (X_c / X)^alpha; Kaplan et al. 2020, eq. 1.1 to 1.3",
        ),
        (
            "power-offset",
            "L = E + A X^-alpha; Henighan et al. 2020, eq. 1.1",
        ),
        (
            "chinchilla",
            "L = E + A N^-alpha + B D^-beta; Hoffmann et al. 2022, eq. 2",
        ),
        (
            "isoflop",
            "a parabola of loss in ln N for each budget, N*(C) and D*(C); Hoffmann et al. 2022, approach 2",
        ),
    ];
    let rows: Vec<Vec<String>> = own
        .into_iter()
        .chain(GeneralLaw::list())
        .map(|(name, what)| vec![name.to_owned(), what.to_owned()])
        .collect();
    let table = tables::table(&["law", "what it is"], &rows);
    format!("{table}\n\nX is n, d or c, given with --x.")
}

fn shown(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Points and exclusions of all paths.
struct Rows {
    points: Vec<Point>,
    excluded: Vec<Excluded>,
    /// Whether every path was a results folder.
    all_folders: bool,
}

fn read(args: &Args, options: &mut Options) -> Result<Rows> {
    let mut rows = Rows {
        points: Vec::new(),
        excluded: Vec::new(),
        all_folders: true,
    };
    let several = args.paths.len() > 1;
    for path in &args.paths {
        let (mut points, excluded) = match path.is_dir() {
            true => {
                let runs = path.join("runs.parquet");
                if !runs.exists() {
                    let hint = "give the folder of a sweep, such as results/quickstart";
                    return Err(Hinted::new(
                        format!("{}: no runs.parquet in it", path.display()),
                        hint,
                    )
                    .into());
                }
                let named =
                    args.n.is_some() || args.d.is_some() || args.c.is_some() || args.loss.is_some();
                match named {
                    true => (table_points(&runs, args, options, true)?, Vec::new()),
                    false => analysis::points(&read_runs(&runs)?),
                }
            }
            false => {
                rows.all_folders = false;
                (table_points(path, args, options, false)?, Vec::new())
            }
        };
        if several {
            for point in &mut points {
                point.label = format!("{}:{}", path.display(), point.label);
            }
        }
        rows.points.append(&mut points);
        rows.excluded.extend(excluded);
    }
    Ok(rows)
}

fn fit(args: &Args, rows: Rows, options: &Options) -> Result<Fits> {
    let law = match &args.law {
        None if rows.all_folders => {
            return Ok(isoflop_fit::analyse(&rows.points, rows.excluded, options)?);
        }
        None => "chinchilla",
        Some(law) => law.as_str(),
    };
    let mut fits = Fits {
        level: LEVEL,
        excluded: rows.excluded,
        ..Fits::default()
    };
    if law == "isoflop" {
        let found = isoflop_fit::isoflop(&rows.points, options)?.ok_or_else(|| {
            Hinted::new(
                format!("no column `{BUDGET_NAME}`"),
                "an isoFLOP analysis groups rows by the budget asked for",
            )
        })?;
        fits.isoflop.push(found);
        return Ok(fits);
    }
    let axis = args.x.map(Axis::from);
    fits.fits.push(match GeneralLaw::parse(law, axis)? {
        Some(law) => isoflop_fit::fit_general(&rows.points, law, options)?,
        None => isoflop_fit::fit(&rows.points, Law::parse(law, axis)?, options)?,
    });
    Ok(fits)
}

fn table_points(
    path: &Path,
    args: &Args,
    options: &mut Options,
    finished_only: bool,
) -> Result<Vec<Point>> {
    let table = Table::read(path)?;
    let pick = |given: &Option<String>, names: &[&str]| match given {
        Some(name) => Some(name.clone()),
        None => names
            .iter()
            .find(|name| table.has(name))
            .map(|name| (*name).to_owned()),
    };
    let (n, d, c) = (
        pick(&args.n, N_NAMES),
        pick(&args.d, D_NAMES),
        pick(&args.c, C_NAMES),
    );
    let loss = pick(&args.loss, LOSS_NAMES).unwrap_or_else(|| LOSS_NAMES[0].to_owned());
    options.n_kind = n.clone().unwrap_or_default();
    options.c_kind = c.clone().unwrap_or_default();
    let chosen = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    note(&format!(
        "{}: N is `{}`, D is `{}`, C is `{}`, loss is `{loss}`",
        path.display(),
        chosen(&n),
        chosen(&d),
        chosen(&c)
    ));
    let keep = rows_to_keep(&table, finished_only)?;
    let column = |name: &Option<String>| -> Result<Option<Vec<f64>>> {
        name.as_ref()
            .map(|name| select(&table, name, &keep))
            .transpose()
    };
    let (n, d, c) = (column(&n)?, column(&d)?, column(&c)?);
    let budget = table
        .has(BUDGET_NAME)
        .then(|| select(&table, BUDGET_NAME, &keep).ok())
        .flatten();
    let loss = select(&table, &loss, &keep)?;
    let epochs = match (table.has("epochs"), table.has("unique_tokens"), &d) {
        (true, ..) => Some(select(&table, "epochs", &keep)?),
        (_, true, Some(d)) => {
            let unique = select(&table, "unique_tokens", &keep)?;
            Some(d.iter().zip(unique).map(|(d, unique)| d / unique).collect())
        }
        _ => None,
    };
    let at = |column: &Option<Vec<f64>>, i: usize| column.as_ref().map(|values| values[i]);
    Ok(keep
        .iter()
        .enumerate()
        .map(|(i, &row)| {
            let label = format!("line {}", table.line(row));
            Point {
                unit: label.clone(),
                label,
                series: String::new(),
                n: at(&n, i),
                d: at(&d, i),
                c: at(&c, i),
                flops_budget: at(&budget, i),
                epochs: at(&epochs, i),
                loss: loss[i],
            }
        })
        .collect())
}

fn rows_to_keep(table: &Table, finished_only: bool) -> Result<Vec<usize>> {
    use isoflop_results::table::Cell;
    let all = 0..table.len();
    if !finished_only {
        return Ok(all.collect());
    }
    let finished = Cell::Text("finished".to_owned());
    let status = table.cells("status")?;
    Ok(all.filter(|&row| status[row] == finished).collect())
}

fn select(table: &Table, name: &str, keep: &[usize]) -> Result<Vec<f64>> {
    Ok(table.numbers_of(name, keep)?)
}
