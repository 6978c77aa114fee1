//! What the cache holds, for people who want to see it or be rid of it.

use crate::cache::Entry;
use crate::error::DataError;
use crate::metadata::Metadata;
use crate::places::Places;
use std::path::Path;

/// Prepared data in the cache.
#[derive(Clone, Debug)]
pub struct Cached {
    entry: Entry,
    metadata: Metadata,
}

impl Cached {
    /// All that is whole, by name.
    pub fn all(places: &Places) -> Vec<Self> {
        Entry::all(&places.cache)
            .into_iter()
            .map(|(entry, metadata)| Cached { entry, metadata })
            .collect()
    }

    /// What it is.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.entry.folder()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.entry.bytes()
    }

    /// Removes it. A process that trains on it keeps its tokens until it ends.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub fn remove(&self) -> Result<(), DataError> {
        self.entry.remove()
    }
}
