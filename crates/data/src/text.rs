//! A person's own text: one document per file, split by document.

use crate::clean::lf;
use crate::documents::{Documents, Split};
use crate::error::DataError;
use crate::metadata::Dropped;
use crate::progress::{Progress, Stage};
use isoflop_core::rng::{Permutation, Purpose, stream};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Seed of the draw of test documents: one for all, since another split is other data.
const SPLIT_SEED: u64 = 0;

/// Share of the bytes held out.
const TEST_SHARE: f64 = 0.1;

/// Documents that would bring the test above this share train instead.
const MOST_TEST: f64 = 0.2;

/// With fewer documents, the end of each is held out.
const FEWEST_TO_SPLIT: usize = 10;

/// Reads and splits the files of a path or glob.
///
/// # Errors
/// No file, one that is empty or no text, or too little text to split.
pub(crate) fn documents(
    pattern: &str,
    base: &Path,
    progress: &dyn Fn(Progress),
) -> Result<Documents, DataError> {
    let files = files(pattern, base)?;
    let mut documents: Vec<String> = Vec::with_capacity(files.len());
    let mut seen = HashSet::new();
    let mut dropped = Dropped::default();
    for (done, (_, path)) in files.iter().enumerate() {
        progress(Progress {
            stage: Stage::Reading,
            done,
            total: files.len(),
        });
        let text = read(path)?;
        match seen.insert(text.clone()) {
            true => documents.push(text),
            false => dropped.repeated_documents += 1,
        }
    }
    let bytes = documents.iter().map(String::len).sum();
    let (train, test, split) = match by_document(&documents) {
        Some((train, test)) => (train, test, Split::Document { seed: SPLIT_SEED }),
        None => {
            let (train, test) = by_tail(&documents);
            (train, test, Split::Tail { share: TEST_SHARE })
        }
    };
    if train.is_empty() || test.is_empty() {
        return Err(DataError::TooShortToSplit { bytes });
    }
    let sources = files.into_iter().map(|(name, _)| name).collect();
    Ok(Documents {
        train,
        test,
        split,
        dropped,
        sources,
    })
}

/// Files by name with `/` whatever the platform, in the order of that name's bytes. A path that
/// exists is itself, even with the signs of a glob in it.
fn files(pattern: &str, base: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let plain = base.join(pattern);
    if plain.is_dir() {
        return Err(DataError::Folder {
            pattern: pattern.to_owned(),
        });
    }
    if plain.is_file() {
        return Ok(vec![(pattern.to_owned(), plain)]);
    }
    let bad = |error: glob::PatternError| DataError::BadGlob {
        pattern: pattern.to_owned(),
        why: error.msg.to_owned(),
    };
    let escaped = glob::Pattern::escape(&base.to_string_lossy());
    let full = Path::new(&escaped).join(pattern);
    let mut files = Vec::new();
    // A wildcard matches no hidden file or folder, such as `.git`, as in a shell.
    let shell = glob::MatchOptions {
        require_literal_leading_dot: true,
        ..Default::default()
    };
    for path in glob::glob_with(&full.to_string_lossy(), shell).map_err(bad)? {
        let path = path.map_err(|error| DataError::Read {
            path: error.path().to_owned(),
            cause: error.into(),
        })?;
        if path.is_file() {
            let name: Vec<_> = path
                .strip_prefix(base)
                .unwrap_or(&path)
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            files.push((name.join("/"), path));
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(DataError::NoFile {
            pattern: pattern.to_owned(),
            base: base.to_owned(),
        }),
        false => Ok(files),
    }
}

/// A file's text with lines ended by LF, without a byte order mark, otherwise as it is.
fn read(path: &Path) -> Result<String, DataError> {
    let path = || path.to_owned();
    let bytes = std::fs::read(path()).map_err(|cause| DataError::Read {
        path: path(),
        cause,
    })?;
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        return Err(DataError::Nul {
            path: path(),
            offset,
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| DataError::NotUtf8 {
        path: path(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    match lf(text) {
        text if text.trim().is_empty() => Err(DataError::EmptyFile { path: path() }),
        text => Ok(text),
    }
}

/// Train and test, both in the order of the files, or nothing where documents are too few or too
/// unequal. Documents are held out in keyed order until they make the share.
fn by_document(documents: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    if documents.len() < FEWEST_TO_SPLIT {
        return None;
    }
    let total: usize = documents.iter().map(String::len).sum();
    let order = Permutation::new(
        documents.len() as u64,
        &mut stream(SPLIT_SEED, Purpose::Split, 0),
    );
    let mut held_out = HashSet::new();
    let mut bytes = 0;
    for index in (0..documents.len() as u64).map(|place| order.at(place) as usize) {
        let with = bytes + documents[index].len();
        if (bytes as f64) < TEST_SHARE * total as f64 && with as f64 <= MOST_TEST * total as f64 {
            held_out.insert(index);
            bytes = with;
        }
    }
    let side = |test: bool| -> Vec<String> {
        let indices = (0..documents.len()).filter(|index| held_out.contains(index) == test);
        indices.map(|index| documents[index].clone()).collect()
    };
    (!held_out.is_empty()).then(|| (side(false), side(true)))
}

/// The end of every document held out, from the first line that starts in its last tenth, or from
/// the character there where the line is longer than half of that.
fn by_tail(documents: &[String]) -> (Vec<String>, Vec<String>) {
    let mut split = (Vec::new(), Vec::new());
    for document in documents {
        let tail = (document.len() as f64 * TEST_SHARE).ceil() as usize;
        let aim = document.floor_char_boundary(document.len() - tail);
        let line = document[aim..].find('\n').map(|newline| newline + 1);
        let cut = aim + line.filter(|&line| line <= tail / 2).unwrap_or(0);
        let (train, test) = document.split_at(cut);
        if !train.is_empty() && !test.is_empty() {
            split.0.push(train.to_owned());
            split.1.push(test.to_owned());
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn read_all(files: &[(&str, &[u8])], pattern: &str) -> Result<Documents, DataError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        documents(pattern, folder.path(), &|_| {})
    }

    fn refusal(files: &[(&str, &[u8])], pattern: &str) -> (String, Option<String>) {
        let error = read_all(files, pattern).unwrap_err();
        let message = error.to_string();
        // The folder is another one in every run.
        let message = message.split_whitespace().map(|word| {
            let word = word.rsplit(['/', '\\']).next().unwrap_or(word);
            if word.starts_with(".tmp") {
                "BASE"
            } else {
                word
            }
        });
        (message.collect::<Vec<_>>().join(" "), error.hint())
    }

    #[test]
    fn files_that_are_no_text_are_refused_with_the_place() {
        assert_eq!(refusal(&[("a.txt", b"")], "a.txt").0, "a.txt is empty");
        assert_eq!(refusal(&[("a.txt", b" \n")], "*.txt").0, "a.txt is empty");
        let (message, hint) = refusal(&[("a.txt", b"caf\xe9 au lait")], "a.txt");
        assert_eq!(message, "a.txt is not UTF-8 at byte 3");
        assert_eq!(
            hint.unwrap(),
            "convert it to UTF-8, as in `iconv -f latin1 -t utf-8`"
        );
        assert_eq!(
            refusal(&[("a.txt", b"ab\0c")], "a.txt").0,
            "a.txt has a NUL at byte 2"
        );
        let (message, hint) = refusal(&[("a.txt", b"a")], "a.txt");
        assert_eq!(
            message,
            "1 bytes of text leave nothing to hold out for the test"
        );
        assert_eq!(hint.unwrap(), "give it more text");
    }

    #[test]
    fn patterns_without_files_are_refused() {
        let (message, hint) = refusal(&[], "*.txt");
        assert_eq!(message, "no file matches `*.txt`, looked for from BASE");
        assert_eq!(
            hint.unwrap(),
            "paths and globs are relative to the sweep file"
        );
        let (message, hint) = refusal(&[("text/a.txt", b"a")], "text");
        assert_eq!(message, "`text` is a folder");
        assert_eq!(hint.unwrap(), "name its files, as in \"text/**/*.txt\"");
        assert_eq!(
            refusal(&[], "a[.txt").0,
            "`a[.txt` is not a glob: invalid range pattern"
        );
    }

    #[test]
    fn files_are_documents_in_the_order_of_their_names() {
        let files: Vec<(String, String)> = (0..30)
            .map(|i| {
                (
                    format!("d/{:02}/x.txt", 29 - i),
                    format!("text {i}\r\n").repeat(20),
                )
            })
            .collect();
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_bytes()))
            .collect();
        let documents = read_all(&files, "d/**/*.txt").unwrap();
        assert_eq!(documents.sources.len(), 30);
        assert!(documents.sources.is_sorted());
        assert_eq!(documents.sources[0], "d/00/x.txt");
        assert_eq!(documents.split, Split::Document { seed: 0 });
        assert!((3..=4).contains(&documents.test.len()));
        assert_eq!(documents.train.len() + documents.test.len(), 30);
        assert!(
            documents
                .train
                .iter()
                .all(|document| !document.contains('\r'))
        );
    }

    #[test]
    fn a_wildcard_skips_hidden_files() {
        let text = b"some words on a line\n".as_slice();
        let documents = read_all(
            &[("a.txt", text), (".git/b.txt", text), (".c.txt", text)],
            "**/*.txt",
        );
        assert_eq!(documents.unwrap().sources, ["a.txt"]);
    }

    #[test]
    fn equal_files_are_one_document() {
        let text = b"the same text in two files\n".as_slice();
        let documents =
            read_all(&[("a", text), ("b", text), ("c", b"another text\n")], "*").unwrap();
        assert_eq!(
            (documents.train.len(), documents.dropped.repeated_documents),
            (2, 1)
        );
    }

    #[test]
    fn a_single_file_with_the_signs_of_a_glob_in_its_name_is_read() {
        let text = "one line\n".repeat(100);
        let documents = read_all(&[("a[1].txt", text.as_bytes())], "a[1].txt").unwrap();
        assert_eq!(documents.split, Split::Tail { share: 0.1 });
        assert_eq!(documents.test, ["one line\n".repeat(9)]);
    }

    proptest! {
        #[test]
        fn the_split_loses_nothing_and_holds_out_about_a_tenth(
            documents in prop::collection::vec("[a-zé]{1,30}(\n[a-zé]{1,30}){0,60}", 1..60),
        ) {
            let total: usize = documents.iter().map(String::len).sum();
            let (train, test) = by_document(&documents).unwrap_or_else(|| by_tail(&documents));
            let bytes = |part: &[String]| part.iter().map(String::len).sum::<usize>();
            if documents.len() >= FEWEST_TO_SPLIT {
                prop_assert_eq!(train.len() + test.len(), documents.len());
                prop_assert!(bytes(&test) <= (0.2 * total as f64) as usize);
            }
            for (index, document) in documents.iter().enumerate().filter(|(_, d)| d.len() > 40) {
                if documents.len() < FEWEST_TO_SPLIT && documents.iter().all(|d| d.len() > 40) {
                    prop_assert_eq!(&format!("{}{}", train[index], test[index]), document);
                    let share = test[index].len() as f64 / document.len() as f64;
                    prop_assert!((0.03..0.15).contains(&share), "{}", share);
                }
            }
        }
    }
}
