//! What can go wrong when a report is written.

use isoflop_results::ResultsError;
use isoflop_results::error::{is_forbidden, room_hint};
use std::path::PathBuf;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file could not be put into its place.
    #[error(transparent)]
    Place(#[from] ResultsError),
    /// A figure could not be turned into pixels.
    #[error("cannot render the figure {figure}: {reason}")]
    Render {
        /// Name of the figure.
        figure: String,
        /// What the renderer says.
        reason: String,
    },
}

impl ReportError {
    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> Option<String> {
        let (path, source) = match self {
            ReportError::Write { path, source } => (path, source),
            ReportError::Place(ResultsError::Io { path, source, .. }) => (path, source),
            ReportError::Place(_) | ReportError::Render { .. } => return None,
        };
        let elsewhere = "write elsewhere with --out";
        let hint = match is_forbidden(source) {
            true => Some(format!("make {} writable, or {elsewhere}", path.display())),
            false => room_hint(source),
        };
        hint.or_else(|| Some(elsewhere.to_owned()))
    }
}
