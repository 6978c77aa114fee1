//! The files of figures. Each is whole or absent.

use crate::chart::png;
use crate::error::ReportError;
use isoflop_results::file::write_beside;
use std::fs;
use std::path::{Path, PathBuf};

/// A figure as its files hold it.
pub(crate) struct Contents {
    pub(crate) name: &'static str,
    pub(crate) svg: String,
    pub(crate) csv: String,
}

impl Contents {
    fn place(&self, folder: &Path) -> Result<[PathBuf; 3], ReportError> {
        let png = png::render(self.name, &self.svg)?;
        let path = |extension| folder.join(self.name).with_extension(extension);
        let paths = ["svg", "png", "csv"].map(path);
        let contents = [self.svg.as_bytes(), &png, self.csv.as_bytes()];
        for (path, content) in paths.iter().zip(contents) {
            write_beside(path, content)?;
        }
        Ok(paths)
    }
}

/// Renders and writes figures on every core, in their order.
pub(crate) fn place_figures(
    figures: &[Contents],
    folder: &Path,
) -> Vec<Result<[PathBuf; 3], ReportError>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = figures.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = figures
            .chunks(share)
            .map(|part| {
                let place = move |figure: &Contents| figure.place(folder);
                scope.spawn(move || part.iter().map(place).collect::<Vec<_>>())
            })
            .collect();
        let done = parts.into_iter().map(|part| match part.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    })
}

/// Removes figures of an earlier report that are not among `kept`. Files of other names stay.
pub(crate) fn clear_figures(
    folder: &Path,
    names: impl Iterator<Item = &'static str>,
    kept: &[PathBuf],
) -> Result<(), ReportError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    for name in names {
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
    fn a_file_in_the_way_is_named_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("figures"), b"").unwrap();
        let path = dir.path().join("figures").join("a.csv");
        let error = ReportError::from(write_beside(&path, b"x").unwrap_err());
        assert!(error.to_string().contains("figures"), "{error}");
        assert_eq!(error.hint().unwrap(), "write elsewhere with --out");
    }
}
