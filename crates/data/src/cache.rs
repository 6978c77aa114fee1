//! Prepared tokens on disk: a folder per corpus, pinned digest and cap on the test.
//!
//! A folder is written beside its place and renamed into it, so that it is there whole or not at
//! all and builders at the same time do not meet. Everything is checked when read: the metadata
//! by a checksum of its own, the tokens by the digests in the metadata. What fails is no cache.

use crate::digest::sha256;
use crate::error::DataError;
use crate::metadata::Metadata;
use crate::prepare::Data;
use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const METADATA: &str = "metadata.json";
const TRAIN: &str = "train.tokens";
const TEST: &str = "test.tokens";

/// A place in the cache, filled or not.
#[derive(Clone, Debug)]
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

impl Entry {
    pub(crate) fn new(cache: &Path, name: &str) -> Self {
        Entry {
            folder: cache.join(name),
        }
    }

    /// The metadata, if it is whole and the token files have their lengths. Their content is left
    /// to [`Entry::data`]: this is what a plan waits for.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        let text = fs::read(self.folder.join(METADATA)).ok()?;
        let Sealed { checksum, metadata } = serde_json::from_slice(&text).ok()?;
        let length = |name| {
            fs::metadata(self.folder.join(name))
                .ok()
                .map(|file| file.len())
        };
        let whole = checksum == seal(&metadata)
            && length(TRAIN) == Some(metadata.train.tokens as u64)
            && length(TEST) == Some(metadata.scored.tokens as u64 + 1);
        whole.then_some(metadata)
    }

    /// The tokens, if they are those that the metadata describes.
    pub(crate) fn data(&self, metadata: &Metadata) -> Option<Data> {
        let read = |name, digest: &str| {
            let bytes = fs::read(self.folder.join(name)).ok()?;
            (sha256([bytes.as_slice()]) == digest).then(|| Tokens::new(bytes))
        };
        let train = read(TRAIN, &metadata.train.sha256)?;
        let test = read(TEST, &metadata.scored.sha256)?;
        Some(Data {
            train: Arc::new(train),
            test: TestStream::new(test),
        })
    }

    /// Puts data in place of whatever is there, unless another process has just put the same.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub(crate) fn write(&self, metadata: &Metadata, data: &Data) -> Result<(), DataError> {
        let beside = self.beside();
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |cause| DataError::Write { path, cause }
        };
        fs::create_dir_all(&beside).map_err(fail(&beside))?;
        let sealed = Sealed {
            checksum: seal(metadata),
            metadata: metadata.clone(),
        };
        let sealed = serde_json::to_vec_pretty(&sealed).expect("strings and numbers are JSON");
        let files: [(&str, &[u8]); 3] = [
            (TRAIN, data.train.as_bytes()),
            (TEST, data.test.as_bytes()),
            (METADATA, &sealed),
        ];
        let written = files.iter().try_for_each(|(name, bytes)| {
            let path = beside.join(name);
            fs::write(&path, bytes).map_err(fail(&path))
        });
        let placed = written.and_then(|()| self.place(&beside).map_err(fail(&self.folder)));
        // Gone already where it was renamed into place.
        let _ = fs::remove_dir_all(&beside);
        placed
    }

    fn place(&self, ready: &Path) -> std::io::Result<()> {
        let mut tries = 0;
        loop {
            let Err(error) = fs::rename(ready, &self.folder) else {
                return Ok(());
            };
            if self
                .metadata()
                .is_some_and(|metadata| self.data(&metadata).is_some())
            {
                return Ok(());
            }
            tries += 1;
            if tries > 10 {
                return Err(error);
            }
            // Damaged, and in the way. Another builder may be doing the same: then one of the
            // two renames fails, and the next try finds a whole folder or an empty place.
            let aside = self.beside();
            let _ = fs::rename(&self.folder, &aside);
            let _ = fs::remove_dir_all(&aside);
        }
    }

    /// A name of this process's own next to the folder.
    fn beside(&self) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{count}", std::process::id()));
        self.folder.with_file_name(name)
    }
}

fn seal(metadata: &Metadata) -> String {
    let json = serde_json::to_vec(metadata).expect("strings and numbers are JSON");
    sha256([json.as_slice()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Documents, Split};
    use crate::metadata::Dropped;
    use crate::overlap::Overlap;

    fn filled(cache: &Path) -> (Entry, Metadata, Data) {
        let train = Arc::new(Tokens::of_documents(["some text", "and more"]));
        let test = TestStream::of_stretches(&["held out", "too"]);
        let documents = Documents {
            train: vec!["some text".into(), "and more".into()],
            test: vec!["held out".into(), "too".into()],
            split: Split::Document { seed: 0 },
            dropped: Dropped::default(),
            sources: vec!["a.txt".into()],
        };
        let overlap = Overlap {
            ngrams: 3,
            in_train: 1,
        };
        let metadata = Metadata::of("name".into(), documents, overlap, 100, &train, &test);
        let entry = Entry::new(cache, "entry");
        let data = Data { train, test };
        entry.write(&metadata, &data).unwrap();
        (entry, metadata, data)
    }

    fn is_whole(entry: &Entry) -> bool {
        entry
            .metadata()
            .is_some_and(|metadata| entry.data(&metadata).is_some())
    }

    #[test]
    fn what_was_written_is_read_and_nothing_lies_beside_it() {
        let cache = tempfile::tempdir().unwrap();
        let (entry, metadata, data) = filled(cache.path());
        assert_eq!(entry.metadata().unwrap(), metadata);
        let read = entry.data(&metadata).unwrap();
        assert_eq!((read.train, read.test), (data.train, data.test));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn any_byte_flipped_or_cut_off_is_found_and_written_over() {
        let cache = tempfile::tempdir().unwrap();
        let (entry, metadata, data) = filled(cache.path());
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
            entry.write(&metadata, &data).unwrap();
            assert!(is_whole(&entry));
            assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn many_writers_over_a_damaged_folder_leave_a_whole_one() {
        let cache = tempfile::tempdir().unwrap();
        let (entry, metadata, data) = filled(cache.path());
        for _ in 0..20 {
            fs::write(entry.folder.join(TRAIN), b"damaged").unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| entry.write(&metadata, &data).unwrap());
                }
            });
            assert!(is_whole(&entry));
            assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_says_which_and_what_to_do() {
        let cache = tempfile::tempdir().unwrap();
        let (_, metadata, data) = filled(cache.path());
        let file = cache.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Entry::new(&file, "entry")
            .write(&metadata, &data)
            .unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(
            error.hint().unwrap(),
            "set ISOFLOP_CACHE to a folder that can be written"
        );
    }
}
