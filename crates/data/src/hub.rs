//! Datasets of the Hugging Face hub through its client: `HF_ENDPOINT`, `HF_HOME` and its token are
//! respected. Files are those of one commit; without a network those of the commit last fetched.

use crate::error::DataError;
use crate::progress::{Progress, Stage};
use crate::read::Kind;
use crate::read::files::SourceFile;
use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use std::fs;
use std::path::{Path, PathBuf};

/// Files of a dataset on this machine.
pub(crate) struct Found {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) test_from: Option<usize>,
    /// The commit and the names.
    pub(crate) fingerprint: String,
}

/// Fetches what the patterns name and the cache lacks.
pub(crate) fn fetch(
    dataset: &str,
    revision: &str,
    files: &str,
    test: Option<&str>,
    progress: &dyn Fn(Progress),
) -> Result<Found, DataError> {
    let refused = |error: &ApiError| DataError::Hub {
        dataset: dataset.to_owned(),
        revision: revision.to_owned(),
        why: error.to_string(),
    };
    let named = |revision: &str| {
        Repo::with_revision(dataset.to_owned(), RepoType::Dataset, revision.to_owned())
    };
    let api = ApiBuilder::from_env()
        .with_progress(false)
        .build()
        .map_err(|error| refused(&error))?;
    let cache = Cache::from_env();
    let (commit, known) = match api.repo(named(revision)).info() {
        Ok(info) => {
            // For a day without a network.
            let _ = cache.repo(named(revision)).create_ref(&info.sha);
            let names = info.siblings.into_iter().map(|file| file.rfilename);
            (info.sha, names.collect())
        }
        Err(error) => cached(&cache, &named(revision)).ok_or_else(|| refused(&error))?,
    };
    let mut chosen = chosen(files, &known, dataset)?;
    let test_from = test.map(|_| chosen.len());
    if let Some(test) = test {
        chosen.extend(self::chosen(test, &known, dataset)?);
    }
    let repo = api.repo(named(&commit));
    let total = chosen.len() as u64;
    let mut found = Vec::new();
    for (done, name) in chosen.iter().enumerate() {
        progress(Progress {
            stage: Stage::Fetching,
            done: done as u64,
            total,
        });
        let kept = snapshot(&cache, &named(revision), &commit).join(name);
        let path = match kept.exists() {
            true => kept,
            false => repo.get(name).map_err(|error| refused(&error))?,
        };
        found.push(SourceFile::new(name.clone(), path)?);
    }
    Ok(Found {
        files: found,
        test_from,
        fingerprint: format!("{dataset}\0{commit}\0{}", chosen.join("\0")),
    })
}

/// How a dataset's files are read, which their names say.
pub(crate) fn kind(files: &[SourceFile], field: &str, dataset: &str) -> Result<Kind, DataError> {
    let end = |name: &str| {
        let name = name
            .strip_suffix(".gz")
            .or(name.strip_suffix(".zst"))
            .unwrap_or(name);
        let end = Path::new(name).extension().and_then(|end| end.to_str());
        end.unwrap_or_default().to_owned()
    };
    let ends: Vec<String> = files.iter().map(|file| end(&file.name)).collect();
    let field = field.to_owned();
    match ends[0].as_str() {
        _ if ends.iter().any(|other| *other != ends[0]) => Err(DataError::MixedFiles {
            dataset: dataset.to_owned(),
            first: ends[0].clone(),
            other: ends
                .iter()
                .find(|other| **other != ends[0])
                .cloned()
                .unwrap_or_default(),
        }),
        "parquet" => Ok(Kind::Parquet { column: field }),
        "jsonl" | "json" | "ndjson" => Ok(Kind::Jsonl { field }),
        "bin" | "npy" => Ok(Kind::Tokens),
        _ => Ok(Kind::Text),
    }
}

fn chosen(pattern: &str, known: &[String], dataset: &str) -> Result<Vec<String>, DataError> {
    let glob = glob::Pattern::new(pattern).map_err(|error| DataError::BadGlob {
        pattern: pattern.to_owned(),
        why: error.msg.to_owned(),
    })?;
    let mut names: Vec<String> = known
        .iter()
        .filter(|name| glob.matches(name))
        .cloned()
        .collect();
    names.sort();
    match names.is_empty() {
        true => Err(DataError::NoHubFile {
            dataset: dataset.to_owned(),
            pattern: pattern.to_owned(),
            known: known.iter().take(8).cloned().collect(),
        }),
        false => Ok(names),
    }
}

fn snapshot(cache: &Cache, repo: &Repo, commit: &str) -> PathBuf {
    cache.repo(repo.clone()).pointer_path(commit)
}

/// The commit and the files that were fetched last.
fn cached(cache: &Cache, repo: &Repo) -> Option<(String, Vec<String>)> {
    let reference = cache
        .path()
        .join(repo.folder_name())
        .join("refs")
        .join(repo.revision());
    let commit = fs::read_to_string(reference).ok()?;
    let root = snapshot(cache, repo, &commit);
    let mut names = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()? {
            let path = entry.ok()?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name: Vec<_> = path
                        .strip_prefix(&root)
                        .ok()?
                        .components()
                        .map(|part| part.as_os_str().to_string_lossy().into_owned())
                        .collect();
                    names.push(name.join("/"));
                }
            }
        }
    }
    (!names.is_empty()).then_some((commit, names))
}
