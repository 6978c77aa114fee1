//! Why results could not be read or written.

use isoflop_core::text::{LFS_HINT, listed, shown};
use std::path::{Path, PathBuf};

/// Why a file of results or a user's table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message names every field")]
pub enum ResultsError {
    #[error("{}: cannot {action}: {source}", path.display())]
    Io { path: PathBuf, action: &'static str, source: std::io::Error },
    #[error("{}: damaged record: {problem}", path.display())]
    DamagedRecord { path: PathBuf, problem: String },
    #[error("{}:{line}: the chain of forecasts is broken: {problem}", path.display())]
    BrokenForecasts { path: PathBuf, line: u64, problem: String },
    #[error("{}: not readable as parquet: {problem}", path.display())]
    Parquet { path: PathBuf, problem: String },
    #[error("{}: its values do not match the digest that it carries", path.display())]
    OtherDigest { path: PathBuf },
    #[error("{}: this is a Git LFS pointer, not the file of {size} bytes that it stands for", path.display())]
    LfsPointer { path: PathBuf, size: u64 },
    #[error("{}: {problem} is more than a table of runs may be", path.display())]
    TooLarge { path: PathBuf, problem: String },
    #[error("{}: cannot write parquet: {problem}", path.display())]
    WriteParquet { path: PathBuf, problem: String },
    #[error("{}:{line}: {problem}", path.display())]
    MalformedLine { path: PathBuf, line: u64, problem: String },
    #[error("{}", ragged(path, lines, *more))]
    Ragged { path: PathBuf, lines: Vec<(u64, String)>, more: usize },
    #[error("{}:{line}: {what} `{}` is there twice, as {places}", path.display(), shown(name))]
    NamedTwice { path: PathBuf, line: u64, what: String, name: String, places: String },
    #[error("{}: no column `{}`; it has {}", path.display(), shown(column), listed(available))]
    MissingColumn { path: PathBuf, column: String, available: Vec<String> },
    #[error("{}:{line}: column `{}` holds `{}`, not a number", path.display(), shown(column), shown(value))]
    NotANumber { path: PathBuf, line: u64, column: String, value: String },
    #[error("{}: it has no rows", path.display())]
    NoRows { path: PathBuf },
    #[error("{}: do not know the format `{}`", path.display(), shown(extension))]
    UnknownFormat { path: PathBuf, extension: String },
}

impl ResultsError {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| ResultsError::Io { path: path.to_owned(), action, source }
    }

    /// Whether nothing was wrong but the room on the disk.
    pub fn is_full_disk(&self) -> bool {
        matches!(self, ResultsError::Io { source, .. } if is_full(source))
    }

    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ResultsError::Io { source, .. } if is_full(source) => room_hint(source),
            ResultsError::Io { source, .. } if is_forbidden(source) => {
                Some("choose a folder you may write to, with --results DIR".to_owned())
            }
            ResultsError::MissingColumn { column, .. } => Some(format!(
                "name the columns of your table with --n, --d, --c and --loss; `{}` was looked for",
                shown(column)
            )),
            ResultsError::NotANumber { .. } => {
                Some("mend or remove the row; a missing loss must not be a number".to_owned())
            }
            ResultsError::UnknownFormat { .. } => Some(
                "give a results folder, or save the table as .csv, .tsv, .json, .jsonl or .parquet"
                    .to_owned(),
            ),
            ResultsError::Ragged { .. } => Some(
                "put quotes around fields that hold the separator, as thousands or a decimal comma may, or name the spare columns"
                    .to_owned(),
            ),
            ResultsError::Parquet { .. } => Some(
                "give another copy of it, or save the table as .csv; files of pandas, polars, DuckDB and Spark are read"
                    .to_owned(),
            ),
            ResultsError::OtherDigest { .. } => Some(
                "it was damaged or edited after it was written: give another copy of it, or read it as it is with --trust"
                    .to_owned(),
            ),
            ResultsError::LfsPointer { .. } => Some(LFS_HINT.to_owned()),
            ResultsError::NamedTwice { .. } => {
                Some("rename or remove one of them; which one is meant cannot be told".to_owned())
            }
            ResultsError::TooLarge { .. } => {
                Some("keep the columns and rows that are needed".to_owned())
            }
            ResultsError::BrokenForecasts { .. } => Some(
                "`isoflop forecast` alone writes this file: bring back the one that was written, from version control or a copy"
                    .to_owned(),
            ),
            ResultsError::DamagedRecord { .. } => {
                Some("remove the file; the same `run` command trains that run again".to_owned())
            }
            _ => None,
        }
    }
}

/// A line of an error for each line of the file.
fn ragged(path: &Path, lines: &[(u64, String)], more: usize) -> String {
    let line = |(line, problem): &(u64, String)| format!("{}:{line}: {problem}", path.display());
    let mut text: Vec<String> = lines.iter().map(line).collect();
    if more > 0 {
        text.push(format!("and {more} more lines"));
    }
    text.join("\n  ")
}

/// A place that cannot be written to, whatever room it has.
pub fn is_forbidden(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// A disk without room, a quota used up, or a file that may not grow any further.
pub fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Where the room that is missing comes from.
pub fn room_hint(error: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded};
    let what = match error.kind() {
        _ if !is_full(error) => return None,
        FileTooLarge => "let files grow larger (`ulimit -f unlimited`)",
        QuotaExceeded => "make room in your quota of this disk",
        _ => "free some room on the disk",
    };
    Some(format!("{what} and run the same command again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn a_full_disk_a_quota_and_a_limit_of_file_sizes_are_all_no_room() {
        for (kind, way_out) in [
            (ErrorKind::StorageFull, "free some room"),
            (ErrorKind::QuotaExceeded, "quota"),
            (ErrorKind::FileTooLarge, "ulimit -f"),
        ] {
            let error = ResultsError::io(Path::new("a.json"), "write")(kind.into());
            assert!(error.is_full_disk(), "{kind}");
            let hint = error.hint().unwrap();
            assert!(hint.contains(way_out), "{hint}");
        }
        let other = ResultsError::io(Path::new("a.json"), "write")(ErrorKind::NotFound.into());
        assert!(!other.is_full_disk());
    }
}
