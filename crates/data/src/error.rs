//! Why text cannot be prepared, and what a person can do about it.

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

/// Why data cannot be prepared or read. Nothing has been written when one of these is returned,
/// but for a cache folder that could not be completed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Not a built-in corpus.
    #[error(transparent)]
    UnknownCorpus(#[from] UnknownCorpus),
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
    #[error("no file matches `{pattern}`, looked for from {}", folder(base))]
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
        /// What it looks like.
        looks: Looks,
    },
    /// A file of another format.
    #[error("{} is {what}, not text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Its format.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// More in one piece than is held in memory.
    #[error("{}: {what} of more than {} MiB", path.display(), LONGEST_DOCUMENT >> 20)]
    TooLong {
        /// The file, and the line or document.
        path: PathBuf,
        /// `a line`, `an element`, `a document`.
        what: &'static str,
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
    /// A cache that does not keep who may write.
    #[error("{} was just written and cannot be trusted: {why}", folder.display())]
    CacheNotOwn {
        /// The entry.
        folder: PathBuf,
        /// Who could have changed it.
        why: String,
    },
    /// Text too short to hold some of it out.
    #[error("{bytes} bytes of text leave nothing to hold out for the test")]
    TooShortToSplit {
        /// Bytes in all.
        bytes: u64,
    },
    /// A tokenizer that is not known.
    #[error("no tokenizer is called `{name}`")]
    UnknownTokenizer {
        /// As written.
        name: String,
    },
    /// A vocabulary too small or too large to be learnt.
    #[error("a vocabulary of {size} tokens cannot be learnt")]
    VocabularySize {
        /// Asked for.
        size: usize,
    },
    /// A file that is no tokenizer.
    #[error("{} is no tokenizer: {why}", path.display())]
    BadTokenizer {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        why: String,
    },
    /// Text that a tokenizer cannot say.
    #[error("the tokenizer {tokenizer} cannot be used: {why}")]
    NoToken {
        /// Its name.
        tokenizer: String,
        /// What it says.
        why: String,
    },
    /// Tokens that no longer hold the text.
    #[error("{tokenizer} loses text: {altered} of {compared} test documents do not come back from their tokens{}; the first is {}, where \"{}\" becomes \"{}\"", share_shown(*share), shown(&first.document), first.text, first.back)]
    Lossy {
        /// Its name.
        tokenizer: String,
        /// Documents that come back otherwise.
        altered: usize,
        /// Documents in all.
        compared: usize,
        /// Share of the bytes that does not come back.
        share: f64,
        /// The first difference.
        first: Difference,
    },
    /// A pointer in the place of a file.
    #[error("{} is a Git LFS pointer to a file of {bytes} bytes, not the file", path.display())]
    LfsPointer {
        /// The file.
        path: PathBuf,
        /// Of the file it stands for.
        bytes: u64,
    },
    /// A vocabulary that could not be learnt.
    #[error("no vocabulary of {vocab_size} tokens could be learnt: {why}")]
    CannotLearn {
        /// Asked for.
        vocab_size: usize,
        /// What the trainer says.
        why: String,
    },
    /// A vocabulary to be learnt from tokens.
    #[error("a vocabulary cannot be learnt from token files")]
    TokensToTrainOn,
    /// A packed file that cannot be unpacked.
    #[error("cannot unpack {}: {cause}", path.display())]
    Unpack {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A line of JSON without the text.
    #[error("{}:{line}: {problem}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A parquet file without the text.
    #[error("{}: {problem}", path.display())]
    BadParquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file that is no parquet, or damaged.
    #[error("{}: not readable as parquet: {problem}", path.display())]
    UnreadableParquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file that holds no token ids.
    #[error("{} holds no token ids: {problem}", path.display())]
    BadTokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An id that the tokenizer does not have.
    #[error("{}: id {id} at {at} lies beyond the {vocab_size} tokens of {tokenizer}", path.display())]
    TokenBeyondVocabulary {
        /// The file.
        path: PathBuf,
        /// Place of the id, from 0.
        at: usize,
        /// The id.
        id: u32,
        /// The tokenizer.
        tokenizer: String,
        /// Its tokens.
        vocab_size: usize,
    },
    /// Ids that another tokenizer made.
    #[error("{}: the ids of document {document} {how}: they are not those of {tokenizer}", path.display())]
    OtherTokenizer {
        /// The file.
        path: PathBuf,
        /// From 1.
        document: u64,
        /// The tokenizer asked for.
        tokenizer: String,
        /// What gives it away.
        how: String,
    },
    /// A source without a document.
    #[error("{name} holds no document")]
    NoDocuments {
        /// The source.
        name: String,
    },
    /// Nothing is left to train on.
    #[error("no document is left to train on; {poor} did not keep the bounds of quality")]
    NothingToTrainOn {
        /// Documents out of bounds.
        poor: usize,
    },
    /// A test source beside text that has its own.
    #[error("{name} has its own test")]
    NoTestOfItsOwn {
        /// The source.
        name: String,
    },
    /// More test than text.
    #[error("test_tokens = {asked} is more than the {total} bytes of text in all")]
    TestTooLarge {
        /// Asked for.
        asked: usize,
        /// Bytes of the source.
        total: u64,
    },
    /// Test text that is train text too.
    #[error("{:.1} % of the test 13-grams occur in the train text, more than {:.1} %: {}", share * 100.0, limit * 100.0, leaks_shown(leaks))]
    Leak {
        /// Of the test's 13-grams.
        share: f64,
        /// Allowed.
        limit: f64,
        /// The worst documents.
        leaks: Vec<Leak>,
    },
    /// A subset of more than there is.
    #[error("unique_tokens = {asked}, and the train split has {have}")]
    SubsetTooLarge {
        /// Asked for.
        asked: u64,
        /// Tokens that a subset may have.
        have: u64,
    },
    /// A source that changed under the reader.
    #[error("{name} has changed while it was read")]
    SourceChanged {
        /// The source.
        name: String,
    },
    /// A mixture inside a mixture.
    #[error("a part of a mixture is a mixture")]
    MixtureInMixture,
    /// A language that cannot be.
    #[error("no such language: {why}")]
    BadLanguage {
        /// Which number is out of bounds.
        why: String,
    },
    /// A dataset of the Hugging Face hub.
    #[error(transparent)]
    Hub(#[from] HubError),
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
