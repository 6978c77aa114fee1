//! Laws for results folders and for anyone's tables, in any mixture.

use crate::columns::{BUDGET_NAME, Columns, FINISHED};
use crate::fits::{analyse, digest, n_kind, points, source, watched};
use crate::notice::Notice;
use crate::rates::rate_runs;
use crate::{Hinted, LabError, report, table_file};
use isoflop_fit::output::{Axis, Excluded, Fits, Rates, Refusal, RowSource};
use isoflop_fit::rate::{RateRun, has_rates, rates};
use isoflop_fit::{FitError, LEVEL, Law, Options, Point, TRUNKS, choose};
use isoflop_results::Trust;
use isoflop_results::table::How;
use isoflop_sweep::ResultsFolder;
use std::path::{Path, PathBuf};

/// What `all` stands for among laws.
const SURFACES: [&str; 5] =
    ["chinchilla", "chinchilla-tied", "kaplan-offset", "kaplan", "over-training"];

/// Points and exclusions of all paths.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Points that a fit may use.
    pub points: Vec<Point>,
    /// Rows that it may not, with the reason.
    pub excluded: Vec<Excluded>,
    /// What was read, a source a path.
    pub sources: Vec<RowSource>,
    /// Runs of results folders as the law of learning rates takes them.
    pub rate_runs: Vec<RateRun>,
    /// The column that their N is.
    pub n_kind: String,
    /// Whether every path was a results folder.
    pub all_folders: bool,
}

/// Reads results folders and CSV, JSONL or parquet files; the options learn what N, C, the rows and
/// their units are.
///
/// # Errors
/// A path cannot be read, or does not hold what its columns are said to be.
pub fn read(
    notice: &dyn Notice,
    paths: &[PathBuf],
    columns: &Columns,
    trust: Trust,
    options: &mut Options,
) -> Result<Rows, LabError> {
    let mut rows = Rows {
        points: Vec::new(),
        excluded: Vec::new(),
        sources: Vec::new(),
        rate_runs: Vec::new(),
        n_kind: String::new(),
        all_folders: true,
    };
    let several = paths.len() > 1;
    let mut units: Vec<String> = Vec::new();
    for path in paths {
        let (mut points, source) = match path.is_dir() {
            true => read_folder(notice, path, columns, trust, options, &mut rows)?,
            false => {
                rows.all_folders = false;
                read_table(path, columns, trust, options)?
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
    notice: &dyn Notice,
    path: &Path,
    columns: &Columns,
    trust: Trust,
    options: &mut Options,
    rows: &mut Rows,
) -> Result<(Vec<Point>, RowSource), LabError> {
    let folder = ResultsFolder::at(path.to_owned());
    let runs = folder.runs_path();
    if !runs.exists() && folder.recorded()?.is_empty() {
        let hint = "give the folder of a sweep, such as results/quickstart";
        let message = format!("{}: no runs.parquet in it", path.display());
        return Err(Hinted::new(message, hint).into());
    }
    if columns.named() {
        let table = report::runs_table(notice, &folder, trust)?;
        let (points, mut source) = columns.points(&runs, &table, options, true)?;
        source.sha256 = digest(&runs);
        return Ok((points, source));
    }
    let of_folder = match columns.with_validation {
        true => report::all_runs(notice, &folder, trust)?,
        false => report::runs(notice, &folder, trust)?,
    };
    let (points, excluded) = points(&of_folder);
    rows.excluded.extend(excluded);
    rows.rate_runs.extend(rate_runs(&of_folder));
    (options.rows, options.unit) = (FINISHED.to_owned(), TRUNKS.to_owned());
    options.n_kind = n_kind(&of_folder).to_owned();
    rows.n_kind.clone_from(&options.n_kind);
    let source = RowSource { file: runs.display().to_string(), ..source(&runs, &of_folder) };
    Ok((points, source))
}

fn read_table(
    path: &Path,
    columns: &Columns,
    trust: Trust,
    options: &mut Options,
) -> Result<(Vec<Point>, RowSource), LabError> {
    let how = How { trust, decimal: columns.decimal };
    let (table, digest) = table_file::read(path, how)?;
    let (points, mut source) = columns.points(path, &table, options, false)?;
    source.sha256 = Some(digest);
    Ok((points, source))
}

/// The name that asks for the law that forecasts best.
pub const AUTO: &str = "auto";

/// Fits rows by the laws of these names (see [`Law`]; `isoflop`, `rate`, `all` and `auto` are names too), those of one
/// variable in `axis`. Without a name folders are fitted with every law that their runs allow, and
/// tables with `chinchilla`.
///
/// # Errors
/// A law is unknown or the only one and cannot be fitted, or none of them can.
pub fn fit(
    notice: &dyn Notice,
    rows: Rows,
    laws: &[String],
    axis: Option<Axis>,
    options: &Options,
) -> Result<Fits, LabError> {
    let is_auto = laws.iter().any(|law| law.trim() == AUTO);
    if is_auto && laws.len() > 1 {
        let hint = "give --auto, or the laws to fit";
        return Err(Hinted::new("auto chooses a law and stands beside no other", hint).into());
    }
    if (laws.is_empty() || is_auto) && rows.all_folders {
        let mut fits = analyse(notice, &rows.points, rows.excluded, options)?;
        fits.sources = rows.sources;
        if has_rates(&rows.rate_runs) {
            fits.rates = rates(&rows.rate_runs, &rows.n_kind)?;
        }
        return Ok(fits);
    }
    let mut fits =
        Fits { level: LEVEL, sources: rows.sources, excluded: rows.excluded, ..Fits::default() };
    if is_auto {
        let (fit, choice) = watched(notice, options, || choose(&rows.points, options))?;
        (fits.fits, fits.choices) = (vec![fit], vec![choice]);
        return Ok(fits);
    }
    let mut names: Vec<&str> = laws.iter().map(|law| law.trim()).collect();
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
    if names.contains(&"rate") {
        fits.rates = of_rates(&rows.rate_runs, &rows.n_kind, rows.all_folders)?;
        names.retain(|name| *name != "rate");
    }
    let laws =
        names.iter().map(|name| Law::parse(name, axis)).collect::<Result<Vec<Law>, FitError>>()?;
    let fitted = watched(notice, options, || isoflop_fit::fit_each(&rows.points, &laws, options));
    for (name, fitted) in names.iter().zip(fitted) {
        match fitted {
            Ok(fit) => fits.fits.push(fit),
            // Of several laws those that these rows cannot tell are named beside the others.
            Err(error) if several => fits.refused.push(refusal(name, axis, &error)),
            Err(error) => return Err(error.into()),
        }
    }
    if fits.fits.is_empty() && fits.isoflop.is_empty() && fits.rates.is_empty() {
        let hint = fits.refused.iter().find_map(|refused| refused.hint.clone());
        let reasons: Vec<String> =
            fits.refused.iter().map(|refused| refused.reason.clone()).collect();
        return Err(Hinted::new(reasons.join("; "), hint.unwrap_or_default()).into());
    }
    if fits.fits.is_empty() && fits.isoflop.is_empty() {
        return Ok(fits);
    }
    fits.ranking = isoflop_fit::rank(&fits.fits);
    isoflop_fit::side_by_side(&rows.points, &mut fits, options);
    Ok(fits)
}

fn of_rates(runs: &[RateRun], n_kind: &str, all_folders: bool) -> Result<Vec<Rates>, LabError> {
    match all_folders {
        true => Ok(rates(runs, n_kind)?),
        false => {
            let message = "the law of learning rates needs results folders: a table has no columns of rates, batches and decays";
            Err(Hinted::new(message, "give folders such as results/rates").into())
        }
    }
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
