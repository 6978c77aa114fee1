//! Fetches datasets of the Hugging Face hub. `HF_ENDPOINT`, `HF_HOME` and the stored access token
//! are respected, and files lie where the hub's own client puts them. All files are those of one
//! commit; without a network, of the commit fetched last. A name that a hub sends is neither
//! requested nor written before it proves to be a commit, or a file within the dataset.

mod client;
pub(crate) mod info;
mod names;
mod store;

use crate::error::{DataError, HubError};
use crate::progress::{Progress, Stage};
use crate::read::files::SourceFile;
use crate::read::{Ending, Kind, ending};
use client::{Client, Trouble};
use isoflop_core::text::{listed, shown};
use store::Store;

/// Files of a dataset that are on this machine.
pub(crate) struct Found {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) test_from: Option<usize>,
    /// Commit and file names, which tell this source from others.
    pub(crate) fingerprint: String,
}

/// Fetches the files that the patterns name, except those already in the cache.
pub(crate) fn fetch(
    dataset: &str,
    revision: &str,
    files: &str,
    test: Option<&str>,
    progress: &dyn Fn(Progress),
) -> Result<Found, DataError> {
    let refused = |why: String| {
        let (dataset, revision) = (shown(dataset), shown(revision));
        DataError::from(HubError::Unavailable { dataset, revision, why })
    };
    names::check_dataset(dataset).map_err(refused)?;
    names::check_file(revision).map_err(|why| refused(format!("the revision: {why}")))?;
    let store = Store::of_this_machine(dataset)?;
    let client = Client::of_this_machine(store.token()).map_err(refused)?;
    let (commit, known) = match client.info(dataset, revision) {
        Ok(info) => {
            names::check_commit(&info.sha).map_err(|why| bad_answer(dataset, why))?;
            (info.sha, info.names)
        }
        Err(Trouble::Answer(why)) => return Err(bad_answer(dataset, why)),
        Err(Trouble::Network(why)) => match store.fetched(revision) {
            Some(known) => known,
            None => return Err(refused(why)),
        },
    };
    let mut chosen = chosen(files, &known, dataset)?;
    let test_from = test.map(|_| chosen.len());
    if let Some(test) = test {
        chosen.extend(self::chosen(test, &known, dataset)?);
    }
    let total = chosen.len() as u64;
    let mut found = Vec::new();
    for (done, name) in chosen.iter().enumerate() {
        progress(Progress { stage: Stage::Fetching, done: done as u64, total });
        let path = store.path(&commit, name);
        if !path.is_file() {
            store.place(&path, |file| {
                client.download(dataset, &commit, name, file).map_err(|trouble| match trouble {
                    Trouble::Network(why) => refused(why),
                    Trouble::Answer(why) => bad_answer(dataset, why),
                })
            })?;
        }
        found.push(SourceFile::new(name.clone(), path)?);
    }
    // Remembering the commit lets a later call work without a network.
    store.remember(revision, &commit)?;
    Ok(Found {
        files: found,
        test_from,
        fingerprint: format!("{dataset}\0{commit}\0{}", chosen.join("\0")),
    })
}

fn bad_answer(dataset: &str, why: String) -> DataError {
    HubError::Answer { dataset: shown(dataset), why }.into()
}

/// Reader for a dataset's files, chosen by the extension that they must all share.
pub(crate) fn kind(files: &[SourceFile], field: &str, dataset: &str) -> Result<Kind, DataError> {
    let end = |file: &SourceFile| shown(&ending::plain(&file.name).unwrap_or_default());
    let ends: Vec<String> = files.iter().map(end).collect();
    let field = field.to_owned();
    match ends[0].as_str() {
        _ if ends.iter().any(|other| *other != ends[0]) => Err(HubError::MixedFiles {
            dataset: dataset.to_owned(),
            first: ends[0].clone(),
            other: ends.iter().find(|other| **other != ends[0]).cloned().unwrap_or_default(),
        }
        .into()),
        _ => Ok(match Ending::of(&files[0].name) {
            Ending::Parquet => Kind::Parquet { column: field },
            Ending::Json => Kind::Jsonl { field },
            Ending::Tokens => Kind::Tokens,
            Ending::Text | Ending::None => Kind::Text,
        }),
    }
}

/// Files that match a pattern, after checking that every name lies within the dataset.
fn chosen(pattern: &str, known: &[String], dataset: &str) -> Result<Vec<String>, DataError> {
    let glob = glob::Pattern::new(pattern).map_err(|error| DataError::BadGlob {
        pattern: pattern.to_owned(),
        why: error.msg.to_owned(),
    })?;
    let mut names: Vec<String> = known.iter().filter(|name| glob.matches(name)).cloned().collect();
    names.sort();
    names.dedup();
    for name in &names {
        names::check_file(name).map_err(|why| bad_answer(dataset, why))?;
    }
    match names.is_empty() {
        true => Err(HubError::NoFile {
            dataset: dataset.to_owned(),
            pattern: pattern.to_owned(),
            known: listed(&known[..known.len().min(8)]),
        }
        .into()),
        false => Ok(names),
    }
}
