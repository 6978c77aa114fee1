//! Tests of damaged entries, of several processes at once and of other users' files.

use super::*;
use crate::prepare::{Prepared, prepare_at};
use crate::request::Request;
use isoflop_core::data::{DataOptions, DataSource};

use crate::places::Places;

/// Prepares a small corpus and gives its entry, metadata and tokens.
fn filled(folder: &Path) -> (Entry, Metadata, Data) {
    let (cache, prepared) = prepared(folder);
    let data = prepared.load(&|_| {}).unwrap();
    let all = Entry::all(&cache);
    assert_eq!(all.len(), 1);
    (all[0].0.clone(), prepared.metadata().clone(), data)
}

fn prepared(folder: &Path) -> (PathBuf, Prepared) {
    for (name, text) in [("a", "some text to train on\n"), ("b", "and some more of it\n")] {
        // Other threads may be reading the file.
        if !folder.join(name).exists() {
            fs::write(folder.join(name), text.repeat(9)).unwrap();
        }
    }
    let source = DataSource::Text { pattern: "?".to_owned(), base: folder.to_owned() };
    let options =
        DataOptions { max_overlap: isoflop_core::data::Real(1.0), ..DataOptions::default() };
    let request = Request { source: &source, options: &options, test_tokens: 300 };
    let places = Places { cache: folder.join("cache"), sources: folder.to_owned() };
    let prepared = prepare_at(&request, &places, &|_| {}).unwrap();
    (places.cache, prepared)
}

fn is_whole(entry: &Entry) -> bool {
    entry.metadata().is_some_and(|metadata| entry.data(&metadata).is_some())
}

/// Number of files and folders in the cache, without the locks.
fn names(entry: &Entry) -> usize {
    fs::read_dir(entry.folder.parent().unwrap()).unwrap().count() - 1
}

/// Writes metadata under a valid checksum, as anybody who may write in the folder could.
fn reseal(entry: &Entry, metadata: &Metadata) {
    for name in [None, Some(entry.name())] {
        let sealed = Sealed {
            checksum: seal(metadata, name.as_deref()),
            entry: name,
            metadata: metadata.clone(),
        };
        let json = serde_json::to_vec(&sealed).unwrap();
        fs::write(entry.folder.join(METADATA), json).unwrap();
        assert_eq!(entry.metadata().as_ref(), Some(metadata));
    }
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
            // White space between JSON values has no meaning, so changing it is harmless.
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
    assert_eq!(error.hint().unwrap(), "set ISOFLOP_CACHE to a folder that can be written");
}

#[test]
fn tokens_replaced_and_sealed_anew_are_not_those_of_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (entry, metadata, _) = filled(folder.path());
    for (name, at) in [(TRAIN, 3), (TEST, 3)] {
        let path = entry.folder.join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] = b'!';
        fs::write(&path, &bytes).unwrap();
        let mut forged = metadata.clone();
        let digest = sha256([bytes.as_slice()]);
        match name {
            TRAIN => forged.train.sha256 = digest,
            _ => forged.scored.sha256 = digest,
        }
        reseal(&entry, &forged);
        assert!(!is_whole(&entry), "{name}");
        // The data is prepared anew and has the same digest.
        let (_, again, _) = filled(folder.path());
        assert_eq!(again.digest, metadata.digest);
        assert!(is_whole(&entry));
    }
    let mut forged = metadata.clone();
    forged.scored.bytes *= 2;
    reseal(&entry, &forged);
    assert!(!is_whole(&entry), "bits per byte would be half");
    forged = metadata.clone();
    forged.scored.stretches += 1;
    reseal(&entry, &forged);
    assert!(!is_whole(&entry));
}

#[test]
fn an_entry_in_the_place_of_another_is_not_taken_for_it() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (entry, ..) = filled(here.path());
    for name in ["a", "b"] {
        fs::write(there.path().join(name), "other text altogether\n".repeat(9)).unwrap();
    }
    let (other, ..) = filled(there.path());
    assert_ne!(entry.name(), other.name());
    for name in [METADATA, TRAIN, TEST] {
        fs::copy(other.folder.join(name), entry.folder.join(name)).unwrap();
    }
    assert!(!is_whole(&entry));
    filled(here.path());
    assert!(is_whole(&entry));
}

#[cfg(unix)]
mod owners {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn note(folder: &Path) -> Option<String> {
        let (_, prepared) = prepared(folder);
        prepared.note().map(str::to_owned)
    }

    #[test]
    fn what_others_may_write_is_prepared_anew_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, metadata, _) = filled(folder.path());
        assert_eq!(note(folder.path()), None);
        for (path, mode) in [
            (entry.folder.clone(), 0o777),
            (entry.folder.join(TRAIN), 0o666),
            (entry.folder.join(METADATA), 0o664),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(!is_whole(&entry));
            let note = note(folder.path()).unwrap();
            assert!(note.contains("others may write to it"), "{note}");
            assert_eq!(entry.metadata().as_ref(), Some(&metadata));
            assert_eq!(names(&entry), 1);
        }
    }

    #[test]
    fn a_link_in_the_place_of_an_entry_or_a_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, metadata, _) = filled(folder.path());
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&entry.folder, &elsewhere).unwrap();
        symlink(&elsewhere, &entry.folder).unwrap();
        assert!(note(folder.path()).unwrap().contains("it is a link"));
        assert!(is_whole(&entry));
        assert!(elsewhere.join(TRAIN).exists(), "what the link led to stays");
        let test = entry.folder.join(TEST);
        fs::rename(&test, folder.path().join("test")).unwrap();
        symlink(folder.path().join("test"), &test).unwrap();
        assert!(note(folder.path()).unwrap().contains("test.tokens: it is a link"));
        assert_eq!(entry.metadata().as_ref(), Some(&metadata));
    }

    #[test]
    fn an_entry_of_another_user_is_replaced_or_left_for_one_of_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, metadata, _) = filled(folder.path());
        let train = entry.folder.join(TRAIN);
        if chown(&train, Some(12_345), None).is_err() {
            // Only root may give a file to another user.
            assert!(can_replace(&entry.folder));
            return;
        }
        assert!(!is_whole(&entry));
        let note = note(folder.path()).unwrap();
        assert!(note.contains("it belongs to another user (uid 12345)"), "{note}");
        assert_eq!(entry.metadata().as_ref(), Some(&metadata));
        assert_eq!(entry.clone().or_own(), entry);
    }

    #[test]
    fn a_lock_that_is_a_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (entry, ..) = filled(folder.path());
        let precious = folder.path().join("precious");
        fs::write(&precious, "text").unwrap();
        let lock = entry.folder.with_file_name(LOCKS).join(entry.name());
        fs::remove_file(&lock).unwrap();
        symlink(&precious, &lock).unwrap();
        let error = entry.fill().err().unwrap();
        assert!(error.to_string().ends_with("it is no file"), "{error}");
        assert_eq!(fs::read(&precious).unwrap(), b"text");
    }
}

#[test]
fn an_entry_of_an_earlier_version_gets_its_correlations_once() {
    let folder = tempfile::tempdir().unwrap();
    let (entry, metadata, _) = filled(folder.path());
    // The text is too short for any.
    assert_eq!(metadata.correlations, Some(Vec::new()));
    reseal(&entry, &Metadata { correlations: None, ..metadata.clone() });
    let written = fs::read_to_string(entry.folder.join(METADATA)).unwrap();
    assert!(!written.contains("correlations"), "as an earlier version wrote it");
    let (again, read, _) = filled(folder.path());
    assert_eq!((&again, &read), (&entry, &metadata));
    assert_eq!(entry.metadata(), Some(metadata));
    let files = fs::read_dir(&entry.folder).unwrap().count();
    assert_eq!(files, 3, "metadata, train and test, and nothing beside them");
}
