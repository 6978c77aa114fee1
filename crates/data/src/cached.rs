//! Entries of the cache, to be listed and removed by a person.

use crate::cache::Entry;
use crate::error::DataError;
use crate::metadata::Metadata;
use crate::places::Places;
use std::path::Path;

/// One intact entry of the cache.
#[derive(Clone, Debug)]
pub struct Cached {
    entry: Entry,
    metadata: Metadata,
}

impl Cached {
    /// All intact entries, in the order of their names.
    pub fn all(places: &Places) -> Vec<Self> {
        Entry::all(&places.cache)
            .into_iter()
            .map(|(entry, metadata)| Cached { entry, metadata })
            .collect()
    }

    /// Description of the data.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Folder that the entry lies in.
    pub fn folder(&self) -> &Path {
        self.entry.folder()
    }

    /// Bytes that the entry takes on disk.
    pub fn bytes(&self) -> u64 {
        self.entry.bytes()
    }

    /// Removes the entry. A process that is training on it keeps its tokens until it ends.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub fn remove(&self) -> Result<(), DataError> {
        self.entry.remove()
    }
}
