//! Which files a path or glob names.

use crate::error::DataError;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its name from the base, with `/` whatever the platform.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Its length, which is that of compressed bytes for a compressed one.
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: u128,
}

impl SourceFile {
    pub(crate) fn new(name: String, path: PathBuf) -> Result<Self, DataError> {
        let metadata = std::fs::metadata(&path).map_err(|cause| DataError::Read {
            path: path.clone(),
            cause,
        })?;
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(SourceFile {
            name,
            path,
            bytes: metadata.len(),
            modified: modified.map_or(0, |since| since.as_nanos()),
        })
    }
}

/// Files in the order of their names' bytes. A path that exists is itself, even with the signs of a glob
/// in it.
pub(crate) fn files(pattern: &str, base: &Path) -> Result<Vec<SourceFile>, DataError> {
    let plain = base.join(pattern);
    if plain.is_dir() {
        return Err(DataError::Folder {
            pattern: pattern.to_owned(),
        });
    }
    if plain.is_file() {
        return Ok(vec![SourceFile::new(pattern.to_owned(), plain)?]);
    }
    let bad = |error: glob::PatternError| DataError::BadGlob {
        pattern: pattern.to_owned(),
        why: error.msg.to_owned(),
    };
    let escaped = glob::Pattern::escape(&base.to_string_lossy());
    let full = Path::new(&escaped).join(pattern);
    let mut files = Vec::new();
    // A wildcard matches no hidden file or folder, such as `.git`, as in a shell.
    let shell = glob::MatchOptions {
        require_literal_leading_dot: true,
        ..Default::default()
    };
    for path in glob::glob_with(&full.to_string_lossy(), shell).map_err(bad)? {
        let path = path.map_err(|error| DataError::Read {
            path: error.path().to_owned(),
            cause: error.into(),
        })?;
        if path.is_file() {
            let name: Vec<_> = path
                .strip_prefix(base)
                .unwrap_or(&path)
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            files.push(SourceFile::new(name.join("/"), path)?);
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    match files.is_empty() {
        true => Err(DataError::NoFile {
            pattern: pattern.to_owned(),
            base: base.to_owned(),
        }),
        false => Ok(files),
    }
}
