//! Hints at what the person at the terminal can do about an error.

use super::DataError;
use crate::corpus::Corpus;
use crate::looks::Looks;
use isoflop_core::text::LFS_HINT;

impl DataError {
    /// What the person at the terminal can do about the error; `None` where nothing useful can be
    /// said.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            DataError::UnknownCorpus(_) => {
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
            DataError::NoFile { base, .. } if base.as_os_str().is_empty() => {
                "paths and globs are relative to the folder that the command runs in".into()
            }
            DataError::NoFile { .. } => "paths and globs are relative to the sweep file".into(),
            DataError::BadGlob { .. } => "a bracket that is part of a name is written [[] in a glob".into(),
            DataError::Folder { pattern } => {
                format!("name its files, as in \"{}/**/*.txt\"", pattern.trim_end_matches('/'))
            }
            DataError::NotUtf8 { looks, .. } => match looks {
                Looks::Utf16Little => "it looks like UTF-16: convert it with `iconv -f utf-16le -t utf-8`".into(),
                Looks::Utf16Big => "it looks like UTF-16: convert it with `iconv -f utf-16be -t utf-8`".into(),
                Looks::Binary => "it does not look like text: name files of text, or set data.invalid = \"drop\"".into(),
                Looks::ByteText => {
                    "convert it to UTF-8, as in `iconv -f latin1 -t utf-8`, or set data.invalid = \"replace\" or \"drop\"".into()
                }
            },
            DataError::NotText { advice, .. } => (*advice).into(),
            DataError::TooLong { .. } => {
                "cut it into documents of less, one a line; a text file of any length is read in pieces".into()
            }
            DataError::Nul { .. } => {
                "is it a binary file? with tokenizer = \"bytes\" text must not hold a NUL; data.invalid = \"replace\" or \"drop\" \
                 goes on without"
                    .into()
            }
            DataError::EmptyFile { .. } => "leave it out of the glob, or give it text".into(),
            DataError::Write { .. } => "set ISOFLOP_CACHE to a folder that can be written".into(),
            DataError::CacheNotOwn { .. } => {
                "set ISOFLOP_CACHE to a folder on a file system that keeps owners and permissions".into()
            }
            DataError::TooFewTokens { tokens, context } => match tokens.saturating_sub(1) {
                0 => format!("give at least {} tokens", context + 1),
                fits => format!("give at least {} tokens, or a context of {fits} or less", context + 1),
            },
            DataError::NoTestTokens { .. } => {
                format!("leave it out for the default, {}", crate::DEFAULT_TEST_TOKENS)
            }
            DataError::TooShortToSplit { .. } => "give it more text".into(),
            DataError::UnknownTokenizer { .. } => {
                "known are bytes, gpt2, cl100k, o200k, bpe:N (learnt from the train text, as bpe:4096), and the path of a \
                 tokenizer.json"
                    .into()
            }
            DataError::VocabularySize { .. } => "give bpe:N from 258 (256 bytes and the separator come first) to 1,000,000".into(),
            DataError::BadTokenizer { .. } => {
                "it should be what `tokenizer.save(\"tokenizer.json\")` of Hugging Face's tokenizers writes".into()
            }
            DataError::Lossy { .. } => {
                "bits per byte of text that the tokens do not hold would mean nothing: take a tokenizer that holds every byte \
                 (bytes, gpt2, bpe:N, a byte-level tokenizer.json), or write the text beforehand as this one sees it, in its \
                 vocabulary, lower case or Unicode form"
                    .into()
            }
            DataError::LfsPointer { .. } => LFS_HINT.into(),
            DataError::TokensToTrainOn => "name the tokenizer that made them".into(),
            DataError::Unpack { .. } => "is it cut off? compare its length with the original's".into(),
            DataError::BadLine { .. } => "data.field names the key that holds the text, data.field = \"text\" by default".into(),
            DataError::UnreadableParquet { .. } => "is it cut off or damaged? compare its length with the original's, or give another copy".into(),
            DataError::BadParquet { .. } => "data.column names the column that holds the text, data.column = \"text\" by default".into(),
            DataError::BadTokenFile { .. } => {
                "known are .bin of nanoGPT (uint16) and of llm.c (with its header), and .npy of uint16 or uint32".into()
            }
            DataError::TokenBeyondVocabulary { .. } | DataError::OtherTokenizer { .. } => {
                "data.tokenizer names the tokenizer that made the file".into()
            }
            DataError::NothingToTrainOn { .. } => "loosen data.quality".into(),
            DataError::NoTestOfItsOwn { .. } => "leave out data.test".into(),
            DataError::TestTooLarge { .. } => "ask for less, or leave it out: a tenth of the text is held out then".into(),
            DataError::Leak { .. } => {
                "take the repeats out of one side, name a test of its own in data.test, or allow it with data.max_overlap".into()
            }
            DataError::SubsetTooLarge { have, .. } => format!("ask for {have} or less"),
            DataError::SourceChanged { .. } => "run again when nothing writes to it".into(),
            DataError::Hub(error) => error.hint().into(),
            DataError::NoToken { why, .. } if why.contains("regular expression") => {
                "repeats within repeats can take years: write the pattern without, or take another tokenizer".into()
            }
            DataError::NoToken { .. }
            | DataError::CannotLearn { .. }
            | DataError::NoDocuments { .. }
            | DataError::MixtureInMixture
            | DataError::BadLanguage { .. }
            | DataError::Read { .. }
            | DataError::NoContext => {
                return None;
            }
        })
    }
}
