//! Finds cargo's unpacked sources on this machine's disk.

use crate::error::DataError;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that do not belong to a package's source but to its build or checkout.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// Folder of `NAME-VERSION` in one of the registries below `sources`, if cargo has unpacked it
/// completely, which cargo marks with `.cargo-ok`.
pub(crate) fn find(sources: &Path, package: &str) -> Option<PathBuf> {
    let mut registries: Vec<PathBuf> =
        fs::read_dir(sources).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    registries.sort();
    registries
        .into_iter()
        .map(|registry| registry.join(package))
        .find(|folder| folder.join(".cargo-ok").is_file())
}

/// Files below a folder that end in `.md` or `.rs`, sorted by the bytes of their paths. The paths
/// use `/` on every platform.
pub(crate) fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, below: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), DataError> {
    let fail = |cause| DataError::Read { path: folder.to_owned(), cause };
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(fail)?;
        let path = format!("{below}{name}");
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && (name.ends_with(".md") || name.ends_with(".rs")) {
            files.push((path, entry.path()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once_cargo_has_unpacked_it_to_the_end() {
        let sources = tempfile::tempdir().unwrap();
        let package = sources.path().join("index.example-0123").join("glob-0.3.4");
        fs::create_dir_all(&package).unwrap();
        assert_eq!(find(sources.path(), "glob-0.3.4"), None);
        fs::write(package.join(".cargo-ok"), "").unwrap();
        assert_eq!(find(sources.path(), "glob-0.3.4"), Some(package));
        assert_eq!(find(sources.path(), "glob-0.3.5"), None);
    }

    #[test]
    fn files_come_in_the_order_of_their_paths_and_without_build_folders() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b.rs", "a/z.md", "a.rs", "a/b/c.rs", "target/d.rs", ".git/e.md", "f.txt"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names: Vec<_> =
            files(folder.path()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.rs", "a/b/c.rs", "a/z.md", "b.rs"]);
    }
}
