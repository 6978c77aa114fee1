//! From a request to metadata and tokens.

use crate::builtin;
use crate::cache::Entry;
use crate::documents::Documents;
use crate::error::DataError;
use crate::metadata::Metadata;
use crate::overlap::Overlap;
use crate::places::Places;
use crate::progress::{Progress, Stage};
use crate::sample::sample;
use crate::selection::Selection;
use crate::source::{Corpus, DataSource, Request};
use crate::test_stream::TestStream;
use crate::text;
use crate::tokens::{TOKENIZER, Tokens};
use std::cell::Cell;
use std::sync::Arc;

/// The tokens of a run: what it trains on and what it is scored on.
#[derive(Clone, Debug)]
pub struct Data {
    /// Train documents in fixed order, each followed by the separator.
    pub train: Arc<Tokens>,
    /// Test text as scored.
    pub test: TestStream,
}

/// Data that is ready: described at once, loaded on demand.
#[derive(Clone, Debug)]
pub struct Prepared {
    metadata: Metadata,
    held: Held,
}

#[derive(Clone, Debug)]
enum Held {
    /// Built from the sources below `places` when missing or damaged.
    Cached {
        entry: Entry,
        corpus: Corpus,
        places: Places,
    },
    /// A person's own files: they are the source and read each time.
    Memory(Data),
}

/// Prepares data in this machine's places. A built-in corpus comes from the cache and is built
/// into it when it is not there, in a few seconds; text is read anew and nothing written.
///
/// # Errors
/// Whatever [`DataError`] names; then nothing has been written.
pub fn prepare(request: &Request, progress: &dyn Fn(Progress)) -> Result<Prepared, DataError> {
    match request.source {
        DataSource::Corpus(_) => prepare_at(request, &Places::of_this_machine()?, progress),
        DataSource::Text(pattern) => prepare_text(request, pattern, progress),
    }
}

/// As [`prepare`], with the places given.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_at(
    request: &Request,
    places: &Places,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    match request.source {
        DataSource::Corpus(corpus) => prepare_corpus(request, *corpus, places, progress),
        DataSource::Text(pattern) => prepare_text(request, pattern, progress),
    }
}

fn prepare_corpus(
    request: &Request,
    corpus: Corpus,
    places: &Places,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    let test_tokens = request.test_tokens;
    let pinned = Selection::rust_1();
    let digest = pinned.digest(corpus.name()).get(..16).unwrap_or_default();
    let name = format!("{corpus}-{digest}-{TOKENIZER}-test{test_tokens}");
    let entry = Entry::new(&places.cache, &name);
    let metadata = match entry.metadata() {
        Some(metadata) => metadata,
        None => build(corpus, test_tokens, &entry, places, progress)?.0,
    };
    let held = Held::Cached {
        entry,
        corpus,
        places: places.clone(),
    };
    Ok(Prepared { metadata, held })
}

fn prepare_text(
    request: &Request,
    pattern: &str,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    let documents = text::documents(pattern, request.base_dir, progress)?;
    let (metadata, data) = assemble(pattern.to_owned(), documents, request.test_tokens, progress)?;
    Ok(Prepared {
        metadata,
        held: Held::Memory(data),
    })
}

fn build(
    corpus: Corpus,
    test_tokens: usize,
    entry: &Entry,
    places: &Places,
    progress: &dyn Fn(Progress),
) -> Result<(Metadata, Data), DataError> {
    let documents = builtin::documents(corpus, &places.sources, progress)?;
    let (metadata, data) = assemble(corpus.to_string(), documents, test_tokens, progress)?;
    progress(Progress {
        stage: Stage::Writing,
        done: 0,
        total: 1,
    });
    entry.write(&metadata, &data)?;
    Ok((metadata, data))
}

fn assemble(
    name: String,
    documents: Documents,
    test_tokens: usize,
    progress: &dyn Fn(Progress),
) -> Result<(Metadata, Data), DataError> {
    let stretches = sample(&documents.test, test_tokens);
    if stretches.is_empty() {
        return Err(DataError::NoTestTokens { test_tokens });
    }
    let test = TestStream::of_stretches(&stretches);
    let total = documents.train.len() + documents.test.len();
    let done = Cell::new(0);
    let overlap = Overlap::of(&documents.train, &documents.test, &|| {
        progress(Progress {
            stage: Stage::Overlap,
            done: done.replace(done.get() + 1),
            total,
        });
    });
    let train = Tokens::of_documents(documents.train.iter().map(String::as_str));
    let metadata = Metadata::of(name, documents, overlap, test_tokens, &train, &test);
    Ok((
        metadata,
        Data {
            train: Arc::new(train),
            test,
        },
    ))
}

impl Prepared {
    /// Counts, digests and the split, without touching the tokens.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The tokens, checked against their digests. A damaged cache is built anew.
    ///
    /// # Errors
    /// The cache is damaged and cannot be built anew.
    pub fn load(&self, progress: &dyn Fn(Progress)) -> Result<Data, DataError> {
        match &self.held {
            Held::Memory(data) => Ok(data.clone()),
            Held::Cached {
                entry,
                corpus,
                places,
            } => match entry.data(&self.metadata) {
                Some(data) => Ok(data),
                None => {
                    let test_tokens = self.metadata.scored.test_tokens;
                    Ok(build(*corpus, test_tokens, entry, places, progress)?.1)
                }
            },
        }
    }
}
