//! What can go wrong when a report is written.

use std::path::PathBuf;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A figure could not be turned into pixels.
    #[error("cannot render the figure {figure}: {reason}")]
    Render {
        /// Its name.
        figure: String,
        /// What the renderer said.
        reason: String,
    },
}

impl ReportError {
    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReportError::Write { path, source } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => Some(format!(
                    "make {} writable, or write elsewhere with --out",
                    path.display()
                )),
                std::io::ErrorKind::StorageFull => Some("free some disk space".to_owned()),
                _ => Some("write elsewhere with --out".to_owned()),
            },
            ReportError::Render { .. } => None,
        }
    }
}
