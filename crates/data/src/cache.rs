//! Prepared tokens on disk: a folder per request.
//!
//! A folder is written beside its place and renamed into it, so that it is there whole or not at
//! all. Who writes holds a lock, for which others wait and then find the work done. Everything is checked
//! when read: the metadata by a checksum of its own, the tokens by the digests in the metadata. What
//! fails is no cache.

use crate::digest::{hex, sha256};
use crate::error::DataError;
use crate::mapped::Bytes;
use crate::metadata::Metadata;
use crate::prepare::Data;
use crate::test_stream::TestStream;
use crate::tokens::{Tokens, Width};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const METADATA: &str = "metadata.json";
pub(crate) const TRAIN: &str = "train.tokens";
pub(crate) const TEST: &str = "test.tokens";
const TOKENIZER: &str = "tokenizer.json";

/// Folder of the locks, in the cache.
const LOCKS: &str = "locks";

/// Ends of the names of folders on their way into their place and out of it.
const NEW: &str = "new";
const OLD: &str = "old";

/// A place in the cache, filled or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    folder: PathBuf,
}

/// The metadata file.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// SHA-256 of the metadata as compact JSON.
    checksum: String,
    metadata: Metadata,
}

/// The right to fill an entry, and the folder to fill.
pub(crate) struct Filling {
    entry: Entry,
    folder: PathBuf,
    /// Held until dropped.
    _lock: File,
}

impl Entry {
    pub(crate) fn new(cache: &Path, name: &str) -> Self {
        Entry {
            folder: cache.join(name),
        }
    }

    /// Every filled entry of a cache, by name.
    pub(crate) fn all(cache: &Path) -> Vec<(Entry, Metadata)> {
        let Ok(folders) = fs::read_dir(cache) else {
            return Vec::new();
        };
        let mut found: Vec<(Entry, Metadata)> = folders
            .filter_map(|folder| {
                let folder = folder.ok()?.path();
                let end = folder.extension().and_then(|end| end.to_str());
                if matches!(end, Some(NEW | OLD)) {
                    return None;
                }
                let entry = Entry { folder };
                let metadata = entry.metadata()?;
                Some((entry, metadata))
            })
            .collect();
        found.sort_by(|a, b| a.0.folder.cmp(&b.0.folder));
        found
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        let files = fs::read_dir(&self.folder).into_iter().flatten();
        files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum()
    }

    pub(crate) fn remove(&self) -> Result<(), DataError> {
        fs::remove_dir_all(&self.folder).map_err(|cause| DataError::Write {
            path: self.folder.clone(),
            cause,
        })
    }

    /// The metadata, if it is whole and the token files have their lengths. Their content is left
    /// to [`Entry::data`]: this is what a plan waits for.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        let text = fs::read(self.folder.join(METADATA)).ok()?;
        let Sealed { checksum, metadata } = serde_json::from_slice(&text).ok()?;
        let size = Width::of(metadata.vocab_size).bytes();
        let length = |name| Some(fs::metadata(self.folder.join(name)).ok()?.len() as usize);
        let whole = checksum == seal(&metadata)
            && length(TRAIN) == Some(metadata.train.tokens * size)
            && length(TEST) == Some((metadata.scored.tokens + 1) * size);
        whole.then_some(metadata)
    }

    /// The tokens, if they are those that the metadata describes.
    pub(crate) fn data(&self, metadata: &Metadata) -> Option<Data> {
        let width = Width::of(metadata.vocab_size);
        let read = |name, digest: &str| {
            let bytes = Bytes::map(&self.folder.join(name)).ok()?;
            let mut hasher = Sha256::new();
            bytes.feed(&mut hasher).ok()?;
            (hex(hasher) == digest).then(|| Tokens::new(width, bytes))
        };
        let train = read(TRAIN, &metadata.train.sha256)?;
        let test = read(TEST, &metadata.scored.sha256)?;
        Some(Data {
            train: Arc::new(train),
            test: TestStream::new(test, metadata.separator, metadata.scored.bytes),
        })
    }

    /// The JSON of a tokenizer that was trained or given.
    pub(crate) fn tokenizer(&self) -> Option<Vec<u8>> {
        fs::read(self.folder.join(TOKENIZER)).ok()
    }

    /// Waits for the right to fill this entry. What a writer that was killed left beside it goes.
    pub(crate) fn fill(&self) -> Result<Filling, DataError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |cause| DataError::Write { path, cause }
        };
        let cache = self.folder.parent().unwrap_or(Path::new(""));
        let locks = cache.join(LOCKS);
        fs::create_dir_all(&locks).map_err(fail(&locks))?;
        let name = self.folder.file_name().unwrap_or_default();
        let path = locks.join(name);
        let lock = File::create(&path).map_err(fail(&path))?;
        lock.lock().map_err(fail(&path))?;
        let folder = self.beside(NEW);
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_dir_all(self.beside(OLD));
        fs::create_dir_all(&folder).map_err(fail(&folder))?;
        Ok(Filling {
            entry: self.clone(),
            folder,
            _lock: lock,
        })
    }

    fn beside(&self, what: &str) -> PathBuf {
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{what}"));
        self.folder.with_file_name(name)
    }
}

impl Filling {
    /// Where a file is written.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(|cause| DataError::Write { path, cause })
    }

    /// Puts what was written in place of whatever is there.
    pub(crate) fn finish(
        self,
        metadata: &Metadata,
        tokenizer: Option<&[u8]>,
    ) -> Result<(), DataError> {
        if let Some(json) = tokenizer {
            self.write(TOKENIZER, json)?;
        }
        let sealed = Sealed {
            checksum: seal(metadata),
            metadata: metadata.clone(),
        };
        let sealed = serde_json::to_vec_pretty(&sealed).expect("strings and numbers are JSON");
        self.write(METADATA, &sealed)?;
        let place = &self.entry.folder;
        let aside = self.entry.beside(OLD);
        // A process that still has the old files mapped keeps them.
        let _ = fs::rename(place, &aside);
        let placed = fs::rename(&self.folder, place);
        let _ = fs::remove_dir_all(&aside);
        placed.map_err(|cause| DataError::Write {
            path: place.clone(),
            cause,
        })
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // Gone already where it was renamed into place.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn seal(metadata: &Metadata) -> String {
    let json = serde_json::to_vec(metadata).expect("strings and numbers are JSON");
    sha256([json.as_slice()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepare::{Request, prepare_at};
    use isoflop_core::data::{DataOptions, DataSource};

    use crate::places::Places;

    /// A small corpus prepared, its entry, and its request's answer.
    fn filled(folder: &Path) -> (Entry, Metadata, Data) {
        for (name, text) in [
            ("a", "some text to train on\n"),
            ("b", "and some more of it\n"),
        ] {
            // Threads may be reading it.
            if !folder.join(name).exists() {
                fs::write(folder.join(name), text.repeat(9)).unwrap();
            }
        }
        let source = DataSource::Text {
            pattern: "?".to_owned(),
            base: folder.to_owned(),
        };
        let options = DataOptions {
            max_overlap: isoflop_core::data::Real(1.0),
            ..DataOptions::default()
        };
        let request = Request {
            source: &source,
            options: &options,
            test_tokens: 300,
        };
        let places = Places {
            cache: folder.join("cache"),
            sources: folder.to_owned(),
        };
        let prepared = prepare_at(&request, &places, &|_| {}).unwrap();
        let data = prepared.load(&|_| {}).unwrap();
        let all = Entry::all(&places.cache);
        assert_eq!(all.len(), 1);
        (all[0].0.clone(), prepared.metadata().clone(), data)
    }

    fn is_whole(entry: &Entry) -> bool {
        entry
            .metadata()
            .is_some_and(|metadata| entry.data(&metadata).is_some())
    }

    /// Everything in the cache but the locks.
    fn names(entry: &Entry) -> usize {
        fs::read_dir(entry.folder.parent().unwrap())
            .unwrap()
            .count()
            - 1
    }

    #[test]
    fn what_was_written_is_read_and_nothing_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, metadata, data) = filled(folder.path());
        assert_eq!(entry.metadata().unwrap(), metadata);
        let read = entry.data(&metadata).unwrap();
        assert_eq!((read.train, read.test), (data.train, data.test));
        assert_eq!(names(&entry), 1);
    }

    #[test]
    fn any_byte_flipped_or_cut_off_is_found_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, metadata, _) = filled(folder.path());
        for name in [METADATA, TRAIN, TEST] {
            let path = entry.folder.join(name);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut flipped = good.clone();
                flipped[at] ^= 1;
                fs::write(&path, &flipped).unwrap();
                // White space between JSON values carries nothing.
                let harmless = entry.metadata().as_ref() == Some(&metadata) && name == METADATA;
                assert!(!is_whole(&entry) || harmless, "{name} at {at}");
                fs::write(&path, &good[..at]).unwrap();
                assert!(!is_whole(&entry), "{name} cut to {at}");
            }
            let (again, ..) = filled(folder.path());
            assert_eq!(again, entry);
            assert!(is_whole(&entry));
            assert_eq!(names(&entry), 1);
        }
    }

    #[test]
    fn many_writers_over_a_damaged_folder_leave_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, ..) = filled(folder.path());
        for _ in 0..5 {
            fs::write(entry.folder.join(TRAIN), b"damaged").unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| filled(folder.path()));
                }
            });
            assert!(is_whole(&entry));
            assert_eq!(names(&entry), 1);
        }
    }

    #[test]
    fn what_a_killed_writer_left_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, ..) = filled(folder.path());
        fs::create_dir_all(entry.beside(NEW)).unwrap();
        fs::write(entry.beside(NEW).join(TRAIN), b"half").unwrap();
        entry.remove().unwrap();
        let (again, ..) = filled(folder.path());
        assert!(is_whole(&again));
        assert_eq!(names(&again), 1);
    }

    #[test]
    fn a_cache_that_cannot_be_written_says_which_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Entry::new(&file, "entry").fill().err().unwrap();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(
            error.hint().unwrap(),
            "set ISOFLOP_CACHE to a folder that can be written"
        );
    }
}
