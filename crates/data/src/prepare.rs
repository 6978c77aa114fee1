//! Turns a request into metadata and tokens.

use crate::build::build;
use crate::cache::Entry;
use crate::error::DataError;
use crate::loaded::Data;
use crate::measured::correlated;
use crate::metadata::Metadata;
use crate::places::Places;
use crate::progress::Progress;
use crate::request::Request;
use crate::source::{Part, look_up};
use crate::subset;
use crate::tokenizer::{Tokenizer, Wanted};
use crate::tokens::Tokens;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_core::digest::sha256;
use std::path::Path;

/// Version of the preparation. It changes whenever the same request would give other data.
const VERSION: u32 = 1;

/// Data that is ready: it is described at once and loaded on demand.
#[derive(Clone, Debug)]
pub struct Prepared {
    metadata: Metadata,
    entry: Entry,
    /// Source from which a damaged entry is built anew.
    source: DataSource,
    options: DataOptions,
    places: Places,
    note: Option<String>,
}

/// Prepares data in this machine's places: takes it from the cache, or builds it there from the
/// source.
///
/// # Errors
/// Any [`DataError`]; no prepared data was written then.
pub fn prepare(request: &Request, progress: &dyn Fn(Progress)) -> Result<Prepared, DataError> {
    prepare_at(request, &Places::of_this_machine()?, progress)
}

/// Prepares data like [`prepare`], in the given places.
///
/// # Errors
/// The same as those of [`prepare`].
pub fn prepare_at(
    request: &Request,
    places: &Places,
    progress: &dyn Fn(Progress),
) -> Result<Prepared, DataError> {
    if request.test_tokens == 0 {
        return Err(DataError::NoTestTokens { test_tokens: 0 });
    }
    let Sought { entry, filled, note } = find(request, places, progress)?;
    let metadata = match filled {
        Filled::There(metadata) => measured_by_now(*metadata, &entry, progress),
        Filled::Open(filling) => fill(request, &entry, filling, places, progress)?,
    };
    Ok(Prepared {
        note,
        metadata,
        entry,
        source: request.source.clone(),
        options: request.options.clone(),
        places: places.clone(),
    })
}

/// The metadata of an entry with what earlier versions did not measure. It is written into the entry as well;
/// where that cannot be, as in a cache of another user, it is measured at each call.
fn measured_by_now(mut metadata: Metadata, entry: &Entry, progress: &dyn Fn(Progress)) -> Metadata {
    if metadata.correlations.is_none()
        && let Some(data) = entry.data(&metadata)
    {
        let (separator, vocab_size) = (metadata.separator, metadata.vocab_size);
        metadata.correlations = Some(correlated(&data.train, separator, vocab_size, progress));
        let _ = entry.describe(&metadata);
    }
    metadata
}

/// A place in the cache and what is there.
struct Sought {
    entry: Entry,
    filled: Filled,
    /// Note for the user about an entry that is there but not used.
    note: Option<String>,
}

enum Filled {
    There(Box<Metadata>),
    Open(Job),
}

/// Everything that is needed to fill an entry.
struct Job {
    parts: Vec<Part>,
    wanted: Wanted,
    /// Tokenizer that was given as a file.
    tokenizer: Option<Tokenizer>,
}

/// Finds the place of a request in the cache, and what is there.
fn find(
    request: &Request,
    places: &Places,
    progress: &dyn Fn(Progress),
) -> Result<Sought, DataError> {
    let wanted = Wanted::parse(&request.options.tokenizer)?;
    let tokenizer = match &wanted {
        Wanted::File(path) => Some(Tokenizer::file(Path::new(path))?),
        _ => None,
    };
    let parts = look_up(request.source, request.options.test.as_deref(), progress)?;
    let named = DataOptions {
        tokenizer: match &tokenizer {
            Some(tokenizer) => tokenizer.name().to_owned(),
            None => request.options.tokenizer.clone(),
        },
        ..request.options.clone()
    };
    let mut key = format!("{VERSION}\0{}\0", request.test_tokens);
    key.push_str(&serde_json::to_string(&named).expect("text and numbers"));
    for part in &parts {
        key.push_str(&format!("\0{}\0{}", part.weight, part.fingerprint));
    }
    if tokenizer.as_ref().is_some_and(Tokenizer::may_lose) {
        // Entries of earlier versions lack this key because they were not compared with their text.
        key.push_str("\0compared");
    }
    let key = sha256([key.as_bytes()]);
    let name = format!("{}-{}", slug(&parts, &named), &key[..16]);
    let usual = Entry::new(&places.cache, &name);
    let distrusted = usual.distrust().map(|why| (usual.clone(), why));
    let entry = usual.or_own();
    let note = distrusted.map(|(usual, why)| {
        let instead = match entry == usual {
            true => "it is prepared anew there".to_owned(),
            false => format!("{} is used instead", entry.folder().display()),
        };
        let folder = usual.folder().display();
        format!("the prepared text in {folder} is not used, since {why}; {instead}")
    });
    let filled = match entry.metadata() {
        // The name is for people and follows this request, not the one that filled the entry.
        Some(metadata) => {
            Filled::There(Box::new(Metadata { name: name_of(request.source, &parts), ..metadata }))
        }
        None => Filled::Open(Job { parts, wanted, tokenizer }),
    };
    Ok(Sought { entry, filled, note })
}

fn name_of(source: &DataSource, parts: &[Part]) -> String {
    match parts {
        [part] => part.name.clone(),
        _ => source.name(),
    }
}

/// Start of a folder's name, readable by people.
fn slug(parts: &[Part], options: &DataOptions) -> String {
    let name = parts.first().map_or("", |part| part.name.as_str());
    let text = format!("{name}-{}", options.tokenizer);
    let mut slug: String = text
        .chars()
        .map(|c| match c.is_ascii_alphanumeric() || c == '@' || c == '.' {
            true => c,
            false => '_',
        })
        .collect();
    slug.truncate(60);
    slug.trim_start_matches(['.', '_']).to_owned()
}

fn fill(
    request: &Request,
    entry: &Entry,
    job: Job,
    places: &Places,
    progress: &dyn Fn(Progress),
) -> Result<Metadata, DataError> {
    // A subset is cut from the whole corpus, which is therefore prepared first.
    let whole = match request.options.unique_tokens {
        None => None,
        Some(tokens) => {
            let options = DataOptions { unique_tokens: None, ..request.options.clone() };
            let request = Request { options: &options, ..*request };
            let prepared = prepare_at(&request, places, progress)?;
            subset::check(tokens, prepared.metadata())?;
            Some((tokens, prepared))
        }
    };
    let filling = entry.fill()?;
    // Another process may have filled the entry in the meantime.
    if let Some(metadata) = entry.metadata()
        && entry.data(&metadata).is_some()
    {
        return Ok(metadata);
    }
    match whole {
        Some((tokens, prepared)) => {
            let data = prepared.load(progress)?;
            let json = prepared.entry.tokenizer();
            subset::cut(tokens, prepared.metadata(), &data, json, filling, progress)
        }
        None => {
            let Job { mut parts, wanted, tokenizer } = job;
            for part in &mut parts {
                part.build(places, progress)?;
            }
            let name = name_of(request.source, &parts);
            build(name, &parts, request, wanted, tokenizer, filling, progress)
        }
    }
}

impl Prepared {
    /// Counts, digests and the split; the tokens are not read for them.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Loads the tokens and checks them against their digests. A damaged cache is built anew.
    ///
    /// # Errors
    /// The cache is damaged and cannot be built anew, or the source has changed since.
    pub fn load(&self, progress: &dyn Fn(Progress)) -> Result<Data, DataError> {
        if let Some(data) = self.entry.data(&self.metadata) {
            return Ok(data);
        }
        let request = Request {
            source: &self.source,
            options: &self.options,
            test_tokens: self.metadata.scored.test_tokens,
        };
        let Sought { entry, filled, .. } = find(&request, &self.places, progress)?;
        let metadata = match filled {
            Filled::Open(job) => fill(&request, &entry, job, &self.places, progress)?,
            // The entry's lengths are right, but its content is not.
            Filled::There(_) => {
                let _ = entry.remove();
                return self.load(progress);
            }
        };
        match entry.data(&metadata) {
            Some(data) if metadata.digest == self.metadata.digest => Ok(data),
            _ => Err(DataError::SourceChanged { name: self.metadata.name.clone() }),
        }
    }

    /// Tokenizer as JSON, where it was trained on this text or given as a file and so cannot be had
    /// elsewhere.
    pub fn tokenizer_json(&self) -> Option<Vec<u8>> {
        self.entry.tokenizer()
    }

    /// Note for the user about the cache, such as that another user's entry was found and not used.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Folder of the entry in the cache.
    pub fn folder(&self) -> &Path {
        self.entry.folder()
    }

    /// Beginnings of train documents, evenly spread over the split, for people to look at.
    ///
    /// # Errors
    /// The same as those of [`Prepared::load`].
    pub fn samples(
        &self,
        count: usize,
        progress: &dyn Fn(Progress),
    ) -> Result<Vec<String>, DataError> {
        let data = self.load(progress)?;
        let tokenizer = self.metadata.tokenizer_of(self.entry.tokenizer())?;
        Ok(samples(&data.train, &tokenizer, count))
    }
}

/// Number of tokens that are searched for the start and the end of a sample.
const SAMPLE_TOKENS: usize = 2000;

fn samples(train: &Tokens, tokenizer: &Tokenizer, count: usize) -> Vec<String> {
    let separator = tokenizer.separator();
    let mut samples = Vec::new();
    for index in 0..count {
        let from = train.len() * index / count;
        let to = train.len().min(from + SAMPLE_TOKENS);
        let ids: Vec<u32> = train.ids(from..to).collect();
        let start = match index {
            0 => 0,
            _ => ids.iter().position(|&id| id == separator).map_or(0, |at| at + 1),
        };
        let document = ids[start..].split(|&id| id == separator).next().unwrap_or_default();
        let bytes = tokenizer.decode(document).unwrap_or_default();
        samples.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    samples
}
