//! Prepared tokens on disk: a folder per request.
//!
//! A folder is written beside its place and then renamed into it, so that it is there whole or not
//! at all. A writer holds a lock; others wait for it and then find the work done. Everything is
//! checked when it is read: the metadata by a checksum of its own, the tokens by the data digest,
//! which is computed anew from them. An entry that fails a check, or that another user may have
//! written, counts as missing.

use crate::data_digest::checked_digest;
use crate::error::DataError;
use crate::loaded::Data;
use crate::mapped::Bytes;
use crate::metadata::Metadata;
use crate::read::bounds::read_bounded;
use crate::test_stream::TestStream;
use crate::tokens::{Tokens, Width};
use crate::trust::{Kind, can_replace, distrust, make_own, suffix};
use isoflop_core::digest::sha256;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const METADATA: &str = "metadata.json";
pub(crate) const TRAIN: &str = "train.tokens";
pub(crate) const TEST: &str = "test.tokens";
const TOKENIZER: &str = "tokenizer.json";

/// Maximum bytes of the metadata file; a million sources take about this many.
const LONGEST_METADATA: usize = 1 << 28;

/// Name of the folder, inside the cache, that holds the locks.
const LOCKS: &str = "locks";

/// Extension of a folder that is not yet in its place. `OLD` marks one on its way out.
const NEW: &str = "new";
const OLD: &str = "old";

/// An entry's place in the cache, whether filled or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    folder: PathBuf,
}

/// The metadata file as written, with its checksum.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// SHA-256 of the compact JSON of the metadata, a NUL and the entry's name.
    checksum: String,
    /// Name of the entry's folder, so that one entry cannot be put in the place of another.
    #[serde(default)]
    entry: Option<String>,
    metadata: Metadata,
}

/// The right to fill an entry, and the folder to fill.
pub(crate) struct Filling {
    entry: Entry,
    folder: PathBuf,
    /// Lock file, which stays locked until this is dropped.
    _lock: File,
}

impl Entry {
    pub(crate) fn new(cache: &Path, name: &str) -> Self {
        Entry { folder: cache.join(name) }
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

    /// Writes the metadata of a filled entry anew, beside its place and then into it.
    pub(crate) fn describe(&self, metadata: &Metadata) -> Result<(), DataError> {
        let path = self.folder.join(METADATA);
        let beside = self.folder.join(format!("{METADATA}.{}.{NEW}", std::process::id()));
        let written = fs::write(&beside, sealed(metadata, &self.name()))
            .and_then(|()| make_own(&beside))
            .and_then(|()| fs::rename(&beside, &path));
        written.map_err(|cause| {
            let _ = fs::remove_file(&beside);
            DataError::Write { path, cause }
        })
    }

    /// Bytes that the entry takes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        let files = fs::read_dir(&self.folder).into_iter().flatten();
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
    }

    pub(crate) fn remove(&self) -> Result<(), DataError> {
        fs::remove_dir_all(&self.folder)
            .map_err(|cause| DataError::Write { path: self.folder.clone(), cause })
    }

    /// Reason why the entry's files are not trusted; `None` if they are, or if there are none.
    pub(crate) fn distrust(&self) -> Option<String> {
        let files = [METADATA, TRAIN, TEST, TOKENIZER];
        distrust(&self.folder, Kind::Folder).or_else(|| {
            files.iter().find_map(|name| {
                let why = distrust(&self.folder.join(name), Kind::File)?;
                Some(format!("{name}: {why}"))
            })
        })
    }

    /// This entry; or, where its files can be neither trusted nor replaced, an entry beside it that
    /// belongs to this user alone.
    pub(crate) fn or_own(self) -> Self {
        match self.distrust().is_some() && !can_replace(&self.folder) {
            true => Entry { folder: self.beside(&suffix()) },
            false => self,
        }
    }

    fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The metadata, if it is intact and this user's, and the token files have the expected
    /// lengths. The tokens themselves are checked by [`Entry::data`], since a plan needs the
    /// metadata alone.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        if self.distrust().is_some() {
            return None;
        }
        let path = self.folder.join(METADATA);
        let text = read_bounded(&path, LONGEST_METADATA).ok()??;
        let metadata = parse(&text, &self.name())?;
        let size = Width::of(metadata.vocab_size).bytes();
        let length = |name| Some(fs::metadata(self.folder.join(name)).ok()?.len());
        let bytes = |tokens: usize| Some(tokens.checked_mul(size)? as u64);
        let whole = length(TRAIN) == bytes(metadata.train.tokens)
            && length(TEST) == bytes(metadata.scored.tokens.checked_add(1)?);
        whole.then_some(metadata)
    }

    /// The tokens, if they are the ones that the metadata describes.
    pub(crate) fn data(&self, metadata: &Metadata) -> Option<Data> {
        if self.distrust().is_some() {
            return None;
        }
        let width = Width::of(metadata.vocab_size);
        let read = |name| Some(Tokens::new(width, Bytes::map(&self.folder.join(name)).ok()?));
        let (train, test) = (read(TRAIN)?, read(TEST)?);
        let scored = &metadata.scored;
        let ends: Vec<u32> = test.ids(0..test.len()).collect();
        let bounded = ends.first() == Some(&metadata.separator)
            && ends.last() == Some(&metadata.separator)
            && ends.iter().all(|&id| (id as usize) < metadata.vocab_size);
        if !bounded || train.len() != metadata.train.tokens || test.len() != scored.tokens + 1 {
            return None;
        }
        let test = TestStream::new(test, metadata.separator, scored.bytes);
        let mut highest = 0;
        let mut look = |id| highest = highest.max(id);
        let digest = checked_digest(&metadata.tokenizer, &train, &test, &mut look).ok()?;
        let whole = digest == metadata.digest
            && (highest as usize) < metadata.vocab_size
            && test.stretches() == scored.stretches
            && self.text_bytes(metadata, &test) == Some(scored.bytes);
        whole.then(|| Data { train: Arc::new(train), test })
    }

    /// Bytes of the scored text, counted from its tokens; bits per byte are computed with this
    /// number.
    fn text_bytes(&self, metadata: &Metadata, test: &TestStream) -> Option<usize> {
        let tokenizer = metadata.tokenizer_of(self.tokenizer()).ok()?;
        let bytes = |ids: Vec<u32>| tokenizer.text_of(&ids).map(|text| text.len());
        test.each_stretch().map(bytes).sum()
    }

    /// JSON of the tokenizer, if it was trained on this text or given as a file.
    pub(crate) fn tokenizer(&self) -> Option<Vec<u8>> {
        fs::read(self.folder.join(TOKENIZER)).ok()
    }

    /// Waits for the right to fill this entry, and removes whatever a killed writer left beside it.
    pub(crate) fn fill(&self) -> Result<Filling, DataError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |cause| DataError::Write { path, cause }
        };
        let cache = self.folder.parent().unwrap_or(Path::new(""));
        let locks = cache.join(LOCKS);
        fs::create_dir_all(&locks).map_err(fail(&locks))?;
        let path = locks.join(self.name());
        if fs::symlink_metadata(&path).is_ok_and(|lock| !lock.is_file()) {
            let cause = io::Error::other("it is no file");
            return Err(DataError::Write { path, cause });
        }
        // The lock file may be another user's, so it must not be truncated.
        let mut how = File::options();
        let lock = how.create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(fail(&path))?;
        lock.lock().map_err(fail(&path))?;
        let folder = self.beside(NEW);
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_dir_all(self.beside(OLD));
        fs::create_dir(&folder).map_err(fail(&folder))?;
        make_own(&folder).map_err(fail(&folder))?;
        Ok(Filling { entry: self.clone(), folder, _lock: lock })
    }

    fn beside(&self, what: &str) -> PathBuf {
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{what}"));
        self.folder.with_file_name(name)
    }
}

impl Filling {
    /// Path at which a file of the entry is written before the entry moves into its place.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(|cause| DataError::Write { path, cause })
    }

    /// Moves the written folder into its place and replaces whatever is there.
    pub(crate) fn finish(
        self,
        metadata: &Metadata,
        tokenizer: Option<&[u8]>,
    ) -> Result<(), DataError> {
        if let Some(json) = tokenizer {
            self.write(TOKENIZER, json)?;
        }
        self.write(METADATA, &sealed(metadata, &self.entry.name()))?;
        for name in [METADATA, TRAIN, TEST, TOKENIZER] {
            let path = self.path(name);
            if path.exists() {
                make_own(&path).map_err(|cause| DataError::Write { path, cause })?;
            }
        }
        let place = &self.entry.folder;
        let aside = self.entry.beside(OLD);
        // Processes that have the old files mapped keep them after the rename.
        let _ = fs::rename(place, &aside);
        let placed = fs::rename(&self.folder, place);
        let _ = fs::remove_dir_all(&aside);
        placed.map_err(|cause| DataError::Write { path: place.clone(), cause })?;
        match self.entry.distrust() {
            None => Ok(()),
            Some(why) => Err(DataError::CacheNotOwn { folder: place.clone(), why }),
        }
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // The folder no longer exists if it was renamed into place.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The content of the metadata file for the entry called `name`.
pub(crate) fn sealed(metadata: &Metadata, name: &str) -> Vec<u8> {
    let sealed = Sealed {
        checksum: seal(metadata, Some(name)),
        entry: Some(name.to_owned()),
        metadata: metadata.clone(),
    };
    serde_json::to_vec_pretty(&sealed).expect("strings and numbers are JSON")
}

/// The metadata of the entry called `name`; `None` where the file is damaged or another entry's.
pub(crate) fn parse(text: &[u8], name: &str) -> Option<Metadata> {
    let sealed: Sealed = serde_json::from_slice(text).ok()?;
    let entry = sealed.entry.as_deref();
    let whole = sealed.checksum == seal(&sealed.metadata, entry)
        && entry.is_none_or(|entry| entry == name)
        && (sealed.metadata.separator as usize) < sealed.metadata.vocab_size;
    whole.then_some(sealed.metadata)
}

/// The checksum of the metadata. Files of earlier versions have no entry name in it.
fn seal(metadata: &Metadata, entry: Option<&str>) -> String {
    let json = serde_json::to_vec(metadata).expect("strings and numbers are JSON");
    match entry {
        Some(entry) => sha256([json.as_slice(), b"\0", entry.as_bytes()]),
        None => sha256([json.as_slice()]),
    }
}

#[cfg(test)]
mod tests;
