//! Errors of preparing and reading data, with a hint at what a person can do.

mod hint;
mod hub;
mod words;

pub use hub::HubError;

use crate::corpus::{Corpus, UnknownCorpus};
use crate::difference::Difference;
use crate::limits::LONGEST_DOCUMENT;
use crate::looks::Looks;
use crate::overlap::Leak;
use isoflop_core::text::shown;
use std::io;
use std::path::PathBuf;
use words::{folder, leaks_shown, share_shown};

/// Why data cannot be prepared or read. No prepared data was written when one of these is returned,
/// although a cache folder may have been begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The name is not that of a built-in corpus.
    #[error(transparent)]
    UnknownCorpus(#[from] UnknownCorpus),
    /// The corpus is made of sources that cargo has not unpacked on this machine.
    #[error("{corpus} is made of the sources of {wanted} packages; {missing} are not in {}, the first being {first}", sources.display())]
    SourcesMissing {
        /// Corpus that was asked for.
        corpus: Corpus,
        /// First missing package, as `NAME-VERSION`.
        first: String,
        /// Number of missing packages.
        missing: usize,
        /// Number of packages that the corpus is made of.
        wanted: usize,
        /// Folder that was searched for the packages.
        sources: PathBuf,
    },
    /// The text differs from the one that the version of the corpus promises.
    #[error(
        "{corpus} has digest {found} here, not {expected}: a source, Cargo.lock or the cleaning has changed"
    )]
    CorpusChanged {
        /// Corpus that was asked for.
        corpus: Corpus,
        /// SHA-256 that is pinned with the list of packages.
        expected: String,
        /// SHA-256 of the documents that were built.
        found: String,
    },
    /// The home folder is not known, and no variable names a folder in its place.
    #[error("no home folder is known")]
    NoHome {
        /// Environment variable that would name the folder.
        variable: &'static str,
    },
    /// The path or glob matches no file.
    #[error("no file matches `{pattern}`, looked for from {}", folder(base))]
    NoFile {
        /// Path or glob as written.
        pattern: String,
        /// Folder that relative patterns start from.
        base: PathBuf,
    },
    /// The path is a folder, and files were asked for.
    #[error("`{pattern}` is a folder")]
    Folder {
        /// Path as written.
        pattern: String,
    },
    /// The glob cannot be parsed.
    #[error("`{pattern}` is not a glob: {why}")]
    BadGlob {
        /// Glob as written.
        pattern: String,
        /// Message of the glob parser.
        why: String,
    },
    /// The file holds no text.
    #[error("{} is empty", path.display())]
    EmptyFile {
        /// File that is empty.
        path: PathBuf,
    },
    /// The file holds bytes that are not UTF-8.
    #[error("{} is not UTF-8 at byte {offset}", path.display())]
    NotUtf8 {
        /// File that is not UTF-8.
        path: PathBuf,
        /// Offset of the first byte that is not UTF-8, from 0.
        offset: usize,
        /// Guess at what the file is.
        looks: Looks,
    },
    /// The file is of a known format that is not text.
    #[error("{} is {what}, not text", path.display())]
    NotText {
        /// File that is not text.
        path: PathBuf,
        /// Phrase that completes "FILE is ...", such as `packed with bzip2`.
        what: &'static str,
        /// Advice on what to do with such a file.
        advice: &'static str,
    },
    /// A line, element or document is longer than is held in memory.
    #[error("{}: {what} of more than {} MiB", path.display(), LONGEST_DOCUMENT >> 20)]
    TooLong {
        /// File, with the line or document in it.
        path: PathBuf,
        /// Kind of the piece: `a line`, `an element` or `a document`.
        what: &'static str,
    },
    /// The file holds a NUL, the byte that separates documents.
    #[error("{} has a NUL at byte {offset}", path.display())]
    Nul {
        /// File that holds the NUL.
        path: PathBuf,
        /// Offset of the NUL, from 0.
        offset: usize,
    },
    /// The file or folder cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// File or folder that cannot be read.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        cause: io::Error,
    },
    /// The cache cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// File or folder that cannot be written.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        cause: io::Error,
    },
    /// The file system of the cache does not keep the permissions that it is given.
    #[error("{} was just written and cannot be trusted: {why}", folder.display())]
    CacheNotOwn {
        /// Folder of the entry.
        folder: PathBuf,
        /// Reason for which the entry is not trusted.
        why: String,
    },
    /// The text is too short to hold some of it out.
    #[error("{bytes} bytes of text leave nothing to hold out for the test")]
    TooShortToSplit {
        /// Bytes of the whole text.
        bytes: u64,
    },
    /// The name is not that of a tokenizer.
    #[error("no tokenizer is called `{name}`")]
    UnknownTokenizer {
        /// Name as written.
        name: String,
    },
    /// The size of the vocabulary is too small or too large to be trained.
    #[error("a vocabulary of {size} tokens cannot be learnt")]
    VocabularySize {
        /// Number of tokens that was asked for.
        size: usize,
    },
    /// The file does not hold a usable tokenizer.
    #[error("{} is no tokenizer: {why}", path.display())]
    BadTokenizer {
        /// File that was given as the tokenizer.
        path: PathBuf,
        /// What is wrong with the file.
        why: String,
    },
    /// The tokenizer cannot be loaded, or has no token for some of the text.
    #[error("the tokenizer {tokenizer} cannot be used: {why}")]
    NoToken {
        /// Name of the tokenizer.
        tokenizer: String,
        /// Message of the tokenizer.
        why: String,
    },
    /// The tokens of the test text do not decode to the text again.
    #[error("{tokenizer} loses text: {altered} of {compared} test documents do not come back from their tokens{}; the first is {}, where \"{}\" becomes \"{}\"", share_shown(*share), shown(&first.document), first.text, first.back)]
    Lossy {
        /// Name of the tokenizer.
        tokenizer: String,
        /// Number of documents that come back changed.
        altered: usize,
        /// Number of documents that were compared.
        compared: usize,
        /// Share of the bytes that do not come back.
        share: f64,
        /// First difference.
        first: Difference,
    },
    /// The file is a Git LFS pointer, not the file that it points to.
    #[error("{} is a Git LFS pointer to a file of {bytes} bytes, not the file", path.display())]
    LfsPointer {
        /// File that is a pointer.
        path: PathBuf,
        /// Bytes of the file that the pointer stands for.
        bytes: u64,
    },
    /// The vocabulary could not be trained.
    #[error("no vocabulary of {vocab_size} tokens could be learnt: {why}")]
    CannotLearn {
        /// Number of tokens that was asked for.
        vocab_size: usize,
        /// Message of the trainer.
        why: String,
    },
    /// The source is token files, from which no vocabulary can be trained.
    #[error("a vocabulary cannot be learnt from token files")]
    TokensToTrainOn,
    /// The compressed file cannot be unpacked.
    #[error("cannot unpack {}: {cause}", path.display())]
    Unpack {
        /// File that cannot be unpacked.
        path: PathBuf,
        /// Error of the decoder.
        #[source]
        cause: io::Error,
    },
    /// A line of JSON does not give the text.
    #[error("{}:{line}: {problem}", path.display())]
    BadLine {
        /// File that holds the line.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with the line.
        problem: String,
    },
    /// The parquet file does not have the column of text.
    #[error("{}: {problem}", path.display())]
    BadParquet {
        /// File that lacks the column.
        path: PathBuf,
        /// What is wrong with the file's columns.
        problem: String,
    },
    /// The file is not parquet, or is damaged.
    #[error("{}: not readable as parquet: {problem}", path.display())]
    UnreadableParquet {
        /// File that cannot be read as parquet.
        path: PathBuf,
        /// Message of the parquet reader.
        problem: String,
    },
    /// The file does not hold token ids.
    #[error("{} holds no token ids: {problem}", path.display())]
    BadTokenFile {
        /// File that was read as token ids.
        path: PathBuf,
        /// What is wrong with the file.
        problem: String,
    },
    /// The tokenizer does not have one of the ids.
    #[error("{}: id {id} at {at} lies beyond the {vocab_size} tokens of {tokenizer}", path.display())]
    TokenBeyondVocabulary {
        /// File that holds the id.
        path: PathBuf,
        /// Index of the id in the file, from 0.
        at: usize,
        /// Id that is too large.
        id: u32,
        /// Name of the tokenizer.
        tokenizer: String,
        /// Number of tokens that the tokenizer has.
        vocab_size: usize,
    },
    /// The ids were made by another tokenizer.
    #[error("{}: the ids of document {document} {how}: they are not those of {tokenizer}", path.display())]
    OtherTokenizer {
        /// File that holds the ids.
        path: PathBuf,
        /// Number of the document in the file, from 1.
        document: u64,
        /// Name of the tokenizer that was asked for.
        tokenizer: String,
        /// How the ids of the document differ from the tokenizer's own.
        how: String,
    },
    /// The source holds no document.
    #[error("{name} holds no document")]
    NoDocuments {
        /// Name of the source.
        name: String,
    },
    /// The filters left no document to train on.
    #[error("no document is left to train on; {poor} did not keep the bounds of quality")]
    NothingToTrainOn {
        /// Number of documents outside the bounds of the quality filter.
        poor: usize,
    },
    /// `test = ...` is set for a source that comes with a test split of its own.
    #[error("{name} has its own test")]
    NoTestOfItsOwn {
        /// Name of the source.
        name: String,
    },
    /// The cap on the test text is larger than the whole text.
    #[error("test_tokens = {asked} is more than the {total} bytes of text in all")]
    TestTooLarge {
        /// Cap that was asked for, in bytes of text and separators.
        asked: usize,
        /// Bytes of the whole text.
        total: u64,
    },
    /// More of the test text occurs in the train text than is allowed.
    #[error("{:.1} % of the test 13-grams occur in the train text, more than {:.1} %: {}", share * 100.0, limit * 100.0, leaks_shown(leaks))]
    Leak {
        /// Share of the test's 13-grams that occur in the train text.
        share: f64,
        /// Largest share that is allowed.
        limit: f64,
        /// Test documents with the largest shares.
        leaks: Vec<Leak>,
    },
    /// The subset is larger than the train split.
    #[error("unique_tokens = {asked}, and the train split has {have}")]
    SubsetTooLarge {
        /// Number of tokens that was asked for.
        asked: u64,
        /// Largest number of tokens that a subset may have.
        have: u64,
    },
    /// The source changed between two readings.
    #[error("{name} has changed while it was read")]
    SourceChanged {
        /// Name of the source.
        name: String,
    },
    /// A part of a mixture is itself a mixture.
    #[error("a part of a mixture is a mixture")]
    MixtureInMixture,
    /// The options of a synthetic language contradict one another or are out of bounds.
    #[error("no such language: {why}")]
    BadLanguage {
        /// Option that is wrong, and its bounds.
        why: String,
    },
    /// A dataset of the Hugging Face hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Text shorter than one training window.
    #[error("{tokens} tokens of train text do not fill one context of {context}")]
    TooFewTokens {
        /// Tokens of the train split.
        tokens: usize,
        /// Context that was asked for, in tokens.
        context: usize,
    },
    /// The context is 0 tokens.
    #[error("a context of 0 tokens")]
    NoContext,
    /// The cap on the test text leaves nothing to be scored.
    #[error("test_tokens = {test_tokens} leaves no text to be scored")]
    NoTestTokens {
        /// Cap that was asked for, in bytes of text and separators.
        test_tokens: usize,
    },
}
