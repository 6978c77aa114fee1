//! Files that are whole or absent.

use crate::error::ReportError;
use isoflop_results::file::write_beside;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes beside the path and renames into it. A reader sees the old file or the new one.
pub(crate) fn place(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    Ok(write_beside(path, content)?)
}

/// Removes the figures of an earlier report: files by the names that figures have, and no others.
pub(crate) fn clear_others(folder: &Path, kept: &[PathBuf]) -> Result<(), ReportError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    for name in crate::page::figure_names() {
        for extension in ["svg", "png", "csv"] {
            let path = folder.join(name).with_extension(extension);
            if !kept.contains(&path) && path.is_file() {
                fs::remove_file(&path).map_err(fail(&path))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("figures").join("a.csv");
        place(&path, b"old").unwrap();
        place(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_is_named_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("figures"), b"").unwrap();
        let error = place(&dir.path().join("figures").join("a.csv"), b"x").unwrap_err();
        assert!(error.to_string().contains("figures"), "{error}");
        assert_eq!(error.hint().unwrap(), "write elsewhere with --out");
    }
}
