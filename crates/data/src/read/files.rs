//! Lists the files that a path or glob names.

use crate::error::DataError;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// One file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Path relative to the base folder, with `/` on every platform.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Length in bytes; for a compressed file that of the compressed bytes.
    pub(crate) bytes: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub(crate) modified: u128,
}

impl SourceFile {
    pub(crate) fn new(name: String, path: PathBuf) -> Result<Self, DataError> {
        let metadata = std::fs::metadata(&path)
            .map_err(|cause| DataError::Read { path: path.clone(), cause })?;
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(SourceFile {
            name,
            path,
            bytes: metadata.len(),
            modified: modified.map_or(0, |since| since.as_nanos()),
        })
    }
}

/// Files that match the pattern, sorted by the bytes of their names. A path that exists is taken
/// literally, even if it holds the special characters of globs.
pub(crate) fn files(pattern: &str, base: &Path) -> Result<Vec<SourceFile>, DataError> {
    let plain = base.join(pattern);
    if plain.is_dir() {
        return Err(DataError::Folder { pattern: pattern.to_owned() });
    }
    if plain.is_file() {
        return Ok(vec![SourceFile::new(pattern.to_owned(), plain)?]);
    }
    let mut files = found(&literal_where_it_exists(pattern, base), base);
    if pattern.contains('[') && !matches!(&files, Ok(files) if !files.is_empty()) {
        // A pattern without matches may be a literal name that holds brackets.
        let plain = pattern.replace('[', "[[]");
        files = match found(&plain, base) {
            Ok(others) if !others.is_empty() => Ok(others),
            _ => files,
        };
    }
    let mut files = files.map_err(|cause| cause.into_error(pattern))?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    match files.is_empty() {
        true => Err(DataError::NoFile { pattern: pattern.to_owned(), base: base.to_owned() }),
        false => Ok(files),
    }
}

/// The pattern with special characters escaped in those folders that exist literally, such as
/// `data[v2]`.
fn literal_where_it_exists(pattern: &str, base: &Path) -> String {
    let mut so_far = base.to_owned();
    let mut escaped = Vec::new();
    let mut parts = pattern.split('/');
    for part in parts.by_ref() {
        so_far.push(part);
        let is_special = part.contains(['*', '?', '[']);
        match is_special && !so_far.exists() {
            true => {
                escaped.push(part.to_owned());
                break;
            }
            false if is_special => escaped.push(glob::Pattern::escape(part)),
            false => escaped.push(part.to_owned()),
        }
    }
    escaped.extend(parts.map(str::to_owned));
    escaped.join("/")
}

/// Reason why a pattern gave no list of files.
enum Cause {
    Pattern(glob::PatternError),
    Other(DataError),
}

impl Cause {
    fn into_error(self, pattern: &str) -> DataError {
        match self {
            Cause::Pattern(error) => {
                DataError::BadGlob { pattern: pattern.to_owned(), why: error.msg.to_owned() }
            }
            Cause::Other(error) => error,
        }
    }
}

fn found(pattern: &str, base: &Path) -> Result<Vec<SourceFile>, Cause> {
    let escaped = glob::Pattern::escape(&base.to_string_lossy());
    let full = Path::new(&escaped).join(pattern);
    let mut files = Vec::new();
    // As in a shell, a wildcard matches no hidden file or folder, such as `.git`.
    let shell = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    for path in glob::glob_with(&full.to_string_lossy(), shell).map_err(Cause::Pattern)? {
        let path = path.map_err(|error| {
            Cause::Other(DataError::Read { path: error.path().to_owned(), cause: error.into() })
        })?;
        if path.is_file() {
            let name: Vec<_> = path
                .strip_prefix(base)
                .unwrap_or(&path)
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            files.push(SourceFile::new(name.join("/"), path).map_err(Cause::Other)?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str, base: &Path) -> Vec<String> {
        let files = files(pattern, base).unwrap();
        files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn a_path_that_exists_wins_over_the_pattern_it_could_be() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("runs[1]");
        for name in ["data[v2]/a.txt", "datav/b.txt", "a[1]x.txt", "c[.txt", "d1.txt"] {
            let path = base.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "text").unwrap();
        }
        assert_eq!(names("data[v2]/*.txt", &base), ["data[v2]/a.txt"]);
        assert_eq!(names("data[v2]/a.txt", &base), ["data[v2]/a.txt"]);
        assert_eq!(names("data[uv]/*.txt", &base), ["datav/b.txt"]);
        assert_eq!(names("a[1]*.txt", &base), ["a[1]x.txt"]);
        assert_eq!(names("c[*.txt", &base), ["c[.txt"]);
        assert_eq!(names("[cd]1.txt", &base), ["d1.txt"]);
        let absolute = format!("{}/data[v2]/*", base.display());
        assert_eq!(files(&absolute, Path::new("")).unwrap().len(), 1);
        let error = files("x[*", &base).unwrap_err();
        assert!(error.to_string().starts_with("`x[*` is not a glob: "), "{error}");
        assert!(error.hint().unwrap().contains("[[]"));
    }

    #[test]
    fn a_message_says_where_files_were_looked_for() {
        let message = files("no-such-*.txt", Path::new("")).unwrap_err().to_string();
        let here = std::env::current_dir().unwrap();
        let expected =
            format!("no file matches `no-such-*.txt`, looked for from {}", here.display());
        assert_eq!(message, expected);
    }
}
