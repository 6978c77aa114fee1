//! The book of claims: who holds a run or a trunk, and how each hold ended. Line `n` of a key is the
//! file `leases/<key>.<n>`, made by exclusive creation, so that it has one author, and never
//! changed or removed. Odd lines claim the key, and the even line after one ends that claim,
//! whether its holder writes it or somebody who has watched the holder for long without a sign of
//! life. So the end of a claim is decided once, and a holder that was thought dead learns of it
//! before it can write a record.

use crate::error::SweepError;
use crate::files::Files;
use crate::lease::{Lease, Owner};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Folder of the lines and the leases.
pub(crate) const LEASES: &str = "leases";

/// How a claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    /// The run has a record, or its record waits beside the claim to be put into its place.
    Done,
    /// The run failed.
    Failed,
    /// The holder gave the key back.
    Released,
    /// Nothing was heard of the holder for long, or it died.
    Expired,
}

/// An even line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) how: How,
    /// Process that wrote the line.
    pub(crate) by: Owner,
    /// Number of the claim for or in which the process wrote it.
    pub(crate) claim: u64,
}

impl Ending {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of text and numbers")
    }
}

/// Path of a line.
pub(crate) fn line_path(key: &str, line: u64) -> String {
    format!("{LEASES}/{key}.{line}")
}

/// Path at which the record of a run is left before the claim of a line is ended with it.
pub(crate) fn staged_path(run_id: &str, line: u64) -> String {
    format!("{LEASES}/{run_id}.{line}.record")
}

/// Path of the record of a finished or diverged run.
pub(crate) fn record_path(run_id: &str) -> String {
    format!("records/{run_id}.json")
}

/// Path of the record of a failed run.
pub(crate) fn failure_path(run_id: &str) -> String {
    format!("failures/{run_id}.json")
}

/// Path of a lease.
pub(crate) fn lease_path(run_id: &str) -> String {
    format!("{LEASES}/{run_id}.json")
}

/// Ids of the runs whose files the names are.
pub(crate) fn ids_of(names: Vec<String>) -> impl Iterator<Item = String> {
    let ids = names.into_iter().filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
    ids.filter(|id| !id.starts_with('.'))
}

/// Whether a key with this number of lines is held.
pub(crate) fn is_held(head: u64) -> bool {
    head % 2 == 1
}

/// Writes a line. Returns whether this call is its author.
pub(crate) async fn append<F: Files>(
    files: &F,
    key: &str,
    line: u64,
    bytes: &[u8],
) -> Result<bool, SweepError> {
    let path = line_path(key, line);
    if files.create(&path, bytes).await? {
        return Ok(true);
    }
    // A file server that is asked again, since its answer was lost, says that the file is there. No
    // two authors write the same bytes.
    Ok(files.read(&path).await?.is_some_and(|found| found == bytes))
}

/// Puts the record that the holder of a line left into its place. Whoever finds a run that is done
/// or failed does this, since the holder may have died between the two. Returns whether the record
/// was still to be placed.
pub(crate) async fn place<F: Files>(
    files: &F,
    run_id: &str,
    line: u64,
    how: How,
) -> Result<bool, SweepError> {
    let to = match how {
        How::Done => record_path(run_id),
        How::Failed => failure_path(run_id),
        How::Released | How::Expired => return Ok(false),
    };
    files.rename(&staged_path(run_id, line), &to).await
}

/// Opens a run that is done and has no record, which somebody has removed after it was placed. A
/// claim that ends at once stands for that; its first line is no lease, and its holder nobody. The
/// caller knows that the record is gone.
pub(crate) async fn reopen<F: Files>(
    files: &F,
    book: &mut Book<F>,
    run_id: &str,
    owner: &Owner,
) -> Result<(), SweepError> {
    let head = book.head(run_id);
    let is_done = book.ending(run_id).await?.is_some_and(|ending| ending.how == How::Done);
    if !is_done || place(files, run_id, head - 1, How::Done).await? {
        return Ok(());
    }
    let bytes = Ending { how: How::Released, by: owner.clone(), claim: 0 }.to_bytes();
    for line in [head + 1, head + 2] {
        append(files, run_id, line, &bytes).await?;
        book.learn(run_id, line);
    }
    Ok(())
}

/// The book as far as a process has read it.
#[derive(Debug)]
pub(crate) struct Book<F> {
    files: F,
    /// Number of lines, by key.
    heads: HashMap<String, u64>,
    /// Last lines that were read, by key. Lines never change.
    read: HashMap<String, (u64, Line)>,
}

#[derive(Clone, Debug)]
enum Line {
    Held(Lease),
    Ended(Ending),
}

impl<F: Files> Book<F> {
    pub(crate) fn new(files: F) -> Self {
        Book { files, heads: HashMap::new(), read: HashMap::new() }
    }

    /// Learns which lines the keys have that are of interest, and forgets the others. A line that
    /// was known is not taken to be gone because it is not shown.
    pub(crate) async fn look(&mut self, is_open: impl Fn(&str) -> bool) -> Result<(), SweepError> {
        self.heads.retain(|key, _| is_open(key));
        self.read.retain(|key, _| is_open(key));
        for name in self.files.names(LEASES).await? {
            if let Some((key, line)) = name.rsplit_once('.')
                && let Ok(line) = line.parse()
                && !key.starts_with('.')
                && is_open(key)
            {
                self.learn(key, line);
            }
        }
        Ok(())
    }

    /// Takes note of a line that exists.
    pub(crate) fn learn(&mut self, key: &str, line: u64) {
        match self.heads.get_mut(key) {
            Some(head) => *head = line.max(*head),
            None => {
                self.heads.insert(key.to_owned(), line);
            }
        }
    }

    /// Number of lines of a key.
    pub(crate) fn head(&self, key: &str) -> u64 {
        self.heads.get(key).copied().unwrap_or(0)
    }

    /// Keys that are held.
    pub(crate) fn held(&self) -> impl Iterator<Item = &str> {
        self.heads.iter().filter(|(_, head)| is_held(**head)).map(|(key, _)| key.as_str())
    }

    /// Keys whose last claim has ended.
    pub(crate) fn ended(&self) -> impl Iterator<Item = &str> {
        self.heads.iter().filter(|(_, head)| !is_held(**head)).map(|(key, _)| key.as_str())
    }

    /// The last line of a key that is held, which is the lease as it was when the key was claimed;
    /// `None` if the line cannot be read, since its author died while it wrote or this machine is
    /// not shown it yet.
    pub(crate) async fn holder(&mut self, key: &str) -> Result<Option<Lease>, SweepError> {
        Ok(match self.last(key).await? {
            Some(Line::Held(lease)) => Some(lease),
            _ => None,
        })
    }

    /// The last line of a key whose last claim has ended; `None` if it cannot be read.
    pub(crate) async fn ending(&mut self, key: &str) -> Result<Option<Ending>, SweepError> {
        Ok(match self.last(key).await? {
            Some(Line::Ended(ending)) => Some(ending),
            _ => None,
        })
    }

    async fn last(&mut self, key: &str) -> Result<Option<Line>, SweepError> {
        let head = self.head(key);
        if let Some((line, read)) = self.read.get(key)
            && *line == head
        {
            return Ok(Some(read.clone()));
        }
        let bytes = self.files.read(&line_path(key, head)).await?.unwrap_or_default();
        let read = match is_held(head) {
            true => Lease::parse(&bytes).map(Line::Held),
            false => serde_json::from_slice(&bytes).ok().map(Line::Ended),
        };
        if let Some(read) = &read {
            self.read.insert(key.to_owned(), (head, read.clone()));
        }
        Ok(read)
    }
}
