//! Builds a built-in corpus from the sources of locked packages.

use crate::clean::Cleaner;
use crate::corpus::Corpus;
use crate::documents::Documents;
use crate::error::DataError;
use crate::progress::{Progress, Stage};
use crate::selection::{Selection, locked_versions};
use crate::split::Split;
use crate::{registry, rust_source};
use isoflop_core::digest::sha256;
use std::fs;
use std::path::{Path, PathBuf};

/// A package's `NAME-VERSION` and its folder.
type Package = (String, PathBuf);

/// Cleaned documents of a corpus, checked against the digest that is pinned for its version.
///
/// # Errors
/// Sources are missing, or differ from those whose digest was pinned.
pub(crate) fn documents(
    corpus: Corpus,
    sources: &Path,
    progress: &dyn Fn(Progress),
) -> Result<Documents, DataError> {
    let documents = build(corpus, sources, progress)?;
    let expected = Selection::rust_1().digest(corpus.name()).to_owned();
    let found = digest(&documents);
    match found == expected {
        true => Ok(documents),
        false => Err(DataError::CorpusChanged { corpus, expected, found }),
    }
}

/// SHA-256 of the train documents followed by the test documents, with a NUL after each.
fn digest(documents: &Documents) -> String {
    let all = documents.train.iter().chain(&documents.test);
    sha256(all.flat_map(|text| [text.as_bytes(), b"\0"]))
}

fn build(
    corpus: Corpus,
    sources: &Path,
    progress: &dyn Fn(Progress),
) -> Result<Documents, DataError> {
    let selection = Selection::rust_1();
    let (train_packages, test_packages) = locate(corpus, &selection, sources)?;
    let total = train_packages.len() + test_packages.len();
    let mut cleaner = Cleaner::default();
    let mut done = 0;
    let mut part = |packages: &[Package]| {
        let mut documents = Vec::new();
        for (_, folder) in packages {
            progress(Progress { stage: Stage::Cleaning, done: done as u64, total: total as u64 });
            read_package(corpus, folder, &mut cleaner, &mut documents)?;
            done += 1;
        }
        Ok::<_, DataError>(documents)
    };
    // Train comes first, so that text which occurs in both is dropped from the test.
    let train = part(&train_packages)?;
    let test = part(&test_packages)?;
    Ok(Documents {
        train,
        test,
        split: Split::Family { test: selection.test_families() },
        dropped: cleaner.dropped,
        sources: train_packages.into_iter().chain(test_packages).map(|(name, _)| name).collect(),
    })
}

/// The train packages and the test packages, each in the order of their names.
fn locate(
    corpus: Corpus,
    selection: &Selection,
    sources: &Path,
) -> Result<(Vec<Package>, Vec<Package>), DataError> {
    let versions = locked_versions();
    let mut missing = Vec::new();
    let mut side = |test| -> Vec<Package> {
        let mut packages = Vec::new();
        for name in selection.packages(test) {
            let version = versions.get(name).map_or("(not locked)", String::as_str);
            let package = format!("{name}-{version}");
            match registry::find(sources, &package) {
                Some(folder) => packages.push((package, folder)),
                None => missing.push(package),
            }
        }
        packages
    };
    let found = (side(false), side(true));
    let wanted = found.0.len() + found.1.len() + missing.len();
    match missing.first() {
        None => Ok(found),
        Some(first) => Err(DataError::SourcesMissing {
            corpus,
            first: first.clone(),
            missing: missing.len(),
            wanted,
            sources: sources.to_owned(),
        }),
    }
}

fn read_package(
    corpus: Corpus,
    folder: &Path,
    cleaner: &mut Cleaner,
    documents: &mut Vec<String>,
) -> Result<(), DataError> {
    for (path, file) in registry::files(folder)? {
        let is_rust = path.ends_with(".rs");
        if corpus == Corpus::RustCode1 && !is_rust {
            continue;
        }
        let bytes = fs::read(&file).map_err(|cause| DataError::Read { path: file, cause })?;
        let Some(text) = cleaner.read(&path, bytes) else {
            continue;
        };
        let text = match (corpus, is_rust) {
            (Corpus::RustDocs1, false) => text,
            (Corpus::RustDocs1, true) => rust_source::comments(&text),
            (Corpus::RustCode1, _) => rust_source::code(&text),
        };
        documents.extend(cleaner.keep(&text));
    }
    Ok(())
}
