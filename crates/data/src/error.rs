//! Why text cannot be prepared, and what a person can do about it.

use crate::source::Corpus;
use std::io;
use std::path::PathBuf;

/// Why data cannot be prepared or read. Nothing has been written when one of these is returned,
/// but for a cache folder that could not be completed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Not a built-in corpus.
    #[error("no corpus is called `{name}`")]
    UnknownCorpus {
        /// As written.
        name: String,
    },
    /// A corpus of sources that cargo has not unpacked here.
    #[error("{corpus} is made of the sources of {wanted} packages; {missing} are not in {}, the first being {first}", sources.display())]
    SourcesMissing {
        /// The corpus.
        corpus: Corpus,
        /// The first package missing, `NAME-VERSION`.
        first: String,
        /// Packages missing.
        missing: usize,
        /// Packages of the corpus.
        wanted: usize,
        /// Where they were looked for.
        sources: PathBuf,
    },
    /// The text is not what the version of the corpus promises.
    #[error(
        "{corpus} has digest {found} here, not {expected}: a source, Cargo.lock or the cleaning has changed"
    )]
    CorpusChanged {
        /// The corpus.
        corpus: Corpus,
        /// SHA-256 pinned with the selection.
        expected: String,
        /// SHA-256 of what was built.
        found: String,
    },
    /// No home folder and no variable in its place.
    #[error("no home folder is known")]
    NoHome {
        /// The variable that would say.
        variable: &'static str,
    },
    /// A path or glob without files.
    #[error("no file matches `{pattern}`, looked for from {}", base.display())]
    NoFile {
        /// As written.
        pattern: String,
        /// Folder that relative patterns start from.
        base: PathBuf,
    },
    /// A folder instead of files.
    #[error("`{pattern}` is a folder")]
    Folder {
        /// As written.
        pattern: String,
    },
    /// A glob that cannot be read.
    #[error("`{pattern}` is not a glob: {why}")]
    BadGlob {
        /// As written.
        pattern: String,
        /// What the parser says.
        why: String,
    },
    /// A file without text.
    #[error("{} is empty", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// A file that is not text.
    #[error("{} is not UTF-8 at byte {offset}", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// First byte that does not fit, from 0.
        offset: usize,
    },
    /// A file with the byte that separates documents.
    #[error("{} has a NUL at byte {offset}", path.display())]
    Nul {
        /// The file.
        path: PathBuf,
        /// Where, from 0.
        offset: usize,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The cache cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Text too short to hold some of it out.
    #[error("{bytes} bytes of text leave nothing to hold out for the test")]
    TooShortToSplit {
        /// Bytes in all.
        bytes: usize,
    },
    /// Text shorter than one training window.
    #[error("{tokens} tokens of train text do not fill one context of {context}")]
    TooFewTokens {
        /// Of the train split.
        tokens: usize,
        /// Asked for.
        context: usize,
    },
    /// A context of nothing.
    #[error("a context of 0 tokens")]
    NoContext,
    /// A test of nothing.
    #[error("test_tokens = {test_tokens} leaves no text to be scored")]
    NoTestTokens {
        /// Asked for.
        test_tokens: usize,
    },
}

impl DataError {
    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            DataError::UnknownCorpus { .. } => {
                let known: Vec<String> = Corpus::ALL.iter().map(Corpus::to_string).collect();
                format!("built in are {}; a name without version means the newest", known.join(", "))
            }
            DataError::SourcesMissing { .. } => {
                "run `cargo fetch --locked` in the checkout of isoflop".into()
            }
            DataError::CorpusChanged { .. } => {
                "build isoflop with the Cargo.lock it came with (`cargo build --locked`) and unpack the sources anew \
                 (delete cargo's registry/src, then `cargo fetch --locked`); after a wanted change of dependencies, \
                 give the corpus a new version and pin its digest"
                    .into()
            }
            DataError::NoHome { variable } => format!("set {variable} to a folder"),
            DataError::NoFile { .. } => "paths and globs are relative to the sweep file".into(),
            DataError::Folder { pattern } => {
                format!("name its files, as in \"{}/**/*.txt\"", pattern.trim_end_matches('/'))
            }
            DataError::NotUtf8 { .. } => "convert it to UTF-8, as in `iconv -f latin1 -t utf-8`".into(),
            DataError::Nul { .. } => "is it a binary file? text must not hold a NUL".into(),
            DataError::EmptyFile { .. } => "leave it out of the glob, or give it text".into(),
            DataError::Write { .. } => "set ISOFLOP_CACHE to a folder that can be written".into(),
            DataError::TooFewTokens { tokens, context } => match tokens.saturating_sub(1) {
                0 => format!("give at least {} tokens", context + 1),
                fits => format!("give at least {} tokens, or a context of {fits} or less", context + 1),
            },
            DataError::NoTestTokens { .. } => {
                format!("leave it out for the default, {}", crate::DEFAULT_TEST_TOKENS)
            }
            DataError::TooShortToSplit { .. } => "give it more text".into(),
            DataError::BadGlob { .. } | DataError::Read { .. } | DataError::NoContext => {
                return None;
            }
        })
    }
}
