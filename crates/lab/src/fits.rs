//! From rows of runs to fits, and whether fits are those of these rows.

use crate::notice::{Bar, Notice};
use crate::rates::rate_runs;
use crate::{Hinted, LabError};
use isoflop_core::digest::sha256;
use isoflop_fit::output::{Excluded, Fits, Format, RowSource};
use isoflop_fit::rate::{has_rates, rates};
use isoflop_fit::{LEVEL, Options, Point};
use isoflop_results::file::{read_table, write_atomic};
use isoflop_results::repeat::rows_digest;
use isoflop_results::schema::Value;
use isoflop_results::{ResultsError, RunRow, Status, seal};
use isoflop_sweep::ResultsFolder;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Finished runs as points, the others as exclusions with their reason.
pub fn points(rows: &[RunRow]) -> (Vec<Point>, Vec<Excluded>) {
    let (mut points, mut excluded) = (Vec::new(), Vec::new());
    for row in rows {
        match (row.status, row.test_loss) {
            (Status::Finished, Some(loss)) => {
                let mut point = Point::new(row.run_id.clone(), loss);
                point.series = row.series.to_string();
                point.unit = row.unit();
                point.n = Some(row.n() as f64);
                point.d = Some(row.tokens as f64);
                point.c = Some(row.c_exact);
                point.flops_budget = row.flops_budget;
                point.epochs = Some(row.epochs);
                point.batch = Some(row.batch_tokens as f64);
                point.width = Some(row.d_model as f64);
                point.n_total = Some(row.n_non_embedding as f64);
                (point.experts, point.granularity) = mixture(row);
                point.entropy = row.entropy;
                points.push(point);
            }
            (status, _) => excluded.push(Excluded {
                label: row.run_id.clone(),
                reason: match &row.message {
                    Some(message) => format!("{status}: {message}"),
                    None => status.to_string(),
                },
            }),
        }
    }
    (points, excluded)
}

/// Experts for each one that a token uses, and granularity; a dense model has one of each.
pub(crate) fn mixture(row: &RunRow) -> (Option<f64>, Option<f64>) {
    let cells: Vec<_> =
        RunRow::COLUMNS.iter().map(|column| column.name).zip(row.values()).collect();
    let of = |name: &str| match cells.iter().find(|(column, _)| *column == name)? {
        (_, Value::Integer(count)) => Some(*count as f64),
        (_, Value::Float(number)) => Some(*number),
        _ => None,
    };
    let or_dense = |name: &str| of(name).unwrap_or(1.0);
    let experts = or_dense("experts") / or_dense("active_experts");
    (Some(experts), Some(or_dense("granularity")))
}

/// Reads a `fits.json`: its checksum where it carries one, and every number that is gone on with.
///
/// # Errors
/// It is missing, damaged, or holds what no fit gives.
pub fn read(path: &Path) -> Result<Fits, Hinted> {
    let hint =
        "`isoflop run` writes it; `isoflop fit PATH --json > fits.json` makes one of any table";
    let refused = |problem: String| Hinted::new(format!("{}: {problem}", path.display()), hint);
    let bytes = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let fits = Fits::parse(&bytes).map_err(|error| refused(error.to_string()))?;
    seal::opened(&bytes).map_err(refused)?;
    Ok(fits)
}

/// Every fit that the rows of a results folder allow, none where no run has finished; `path` is its
/// file of runs.
///
/// # Errors
/// The rows cannot be fitted.
pub fn of_rows(
    notice: &dyn Notice,
    path: &Path,
    rows: &[RunRow],
    options: &Options,
) -> Result<Fits, LabError> {
    let (points, excluded) = points(rows);
    let options = &Options { n_kind: n_kind(rows).to_owned(), ..options.clone() };
    let mut fits = match points.is_empty() {
        true => Fits { level: LEVEL, excluded, ..Fits::default() },
        false => analyse(notice, &points, excluded, options)?,
    };
    let runs = rate_runs(rows);
    if has_rates(&runs) {
        fits.rates = rates(&runs, n_kind(rows))?;
    }
    fits.sources.push(source(path, rows));
    Ok(fits)
}

/// The fits that a results folder holds, where they are of these rows. Fits that cannot be read are a
/// remark.
pub fn stored(notice: &dyn Notice, folder: &ResultsFolder, rows: &[RunRow]) -> Option<Fits> {
    let path = folder.fits_path();
    if !path.exists() {
        return None;
    }
    match read(&path) {
        Ok(fits) => are_of(&fits, rows).then_some(fits),
        Err(problem) => {
            notice.remark(&format!("{problem}; the laws are fitted anew"));
            None
        }
    }
}

/// Writes fits into the folder that their rows are from.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(folder: &ResultsFolder, fits: &Fits) -> Result<(), ResultsError> {
    write_atomic(&folder.fits_path(), seal::sealed(fits).as_bytes())
}

/// Writes fits where that is possible. A folder that cannot be written to is a remark.
pub(crate) fn keep(notice: &dyn Notice, folder: &ResultsFolder, fits: &Fits) {
    if let Err(problem) = write(folder, fits) {
        let path = folder.fits_path();
        notice.remark(&format!("the laws are not kept in {}: {problem}", path.display()));
    }
}

/// Whether fits are of these rows and no others: by the digest of the rows that they carry, whatever
/// became of the files. Fits of an earlier version, which carry none or other remarks, are of no rows.
pub fn are_of(fits: &Fits, rows: &[RunRow]) -> bool {
    fits.format == Format::default()
        && matches!(&fits.sources[..], [source] if source.sha256 == Some(rows_digest(rows)))
}

/// The digest of a file that was read, if it is still there.
pub(crate) fn digest(path: &Path) -> Option<String> {
    read_table(path).map(|bytes| sha256([bytes.as_slice()])).ok()
}

/// Where the points of a results folder are from.
pub(crate) fn source(path: &Path, rows: &[RunRow]) -> RowSource {
    let finished = |row: &&RunRow| row.status == Status::Finished && row.test_loss.is_some();
    RowSource {
        // The folder may be moved; its files stay beside one another.
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: Some(rows_digest(rows)),
        rows: rows.len(),
        used: rows.iter().filter(finished).count(),
        filter: vec!["status = finished".to_owned()],
        n: format!("`{}`", n_kind(rows)),
        d: "`tokens`".to_owned(),
        c: "`c_exact`".to_owned(),
        loss: "`test_loss`".to_owned(),
        remarks: Vec::new(),
    }
}

/// The column that N of these rows is. Where every token uses all parameters the two are one, and the older
/// name says it.
pub(crate) fn n_kind(rows: &[RunRow]) -> &'static str {
    match rows.iter().all(|row| row.n() == row.n_non_embedding) {
        true => "n_non_embedding",
        false => "n_active_non_embedding",
    }
}

/// [`isoflop_fit::analyse`] with its progress shown.
pub(crate) fn analyse(
    notice: &dyn Notice,
    points: &[Point],
    excluded: Vec<Excluded>,
    options: &Options,
) -> Result<Fits, LabError> {
    let fitted = watched(notice, options, || isoflop_fit::analyse(points, excluded, options));
    Ok(fitted?)
}

/// How often the progress of fits is shown.
const EVERY: Duration = Duration::from_millis(200);

/// Shows how far fits under these options are while they run.
pub(crate) fn watched<T>(notice: &dyn Notice, options: &Options, fits: impl FnOnce() -> T) -> T {
    let (running, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                notice.bar(Bar::Fits(options.watch.share()));
            }
            notice.bar(Bar::FitsEnded);
        });
        let found = fits();
        drop(running);
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_results::RunRecord;

    /// A record of a version that knew no experts.
    #[test]
    fn a_run_without_columns_of_experts_is_dense() {
        let sample = include_str!("../../results/tests/samples/record.json");
        let line = sample.lines().find(|line| line.contains("\"row\"")).unwrap();
        let record: RunRecord = serde_json::from_str(line).unwrap();
        let (points, _) = points(&[record.row]);
        assert_eq!((points[0].experts, points[0].granularity), (Some(1.0), Some(1.0)));
        assert_eq!(points[0].n_total, Some(3516.0));
    }
}
