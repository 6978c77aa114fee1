//! From a request to metadata and tokens.

use crate::build::build;
use crate::cache::Entry;
use crate::error::DataError;
use crate::loaded::Data;
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

/// Changes whenever the same request would be prepared otherwise.
const VERSION: u32 = 1;

/// Data that is ready: described at once, loaded on demand.
#[derive(Clone, Debug)]
pub struct Prepared {
    metadata: Metadata,
    entry: Entry,
    /// To build it anew from where it is damaged.
    source: DataSource,
    options: DataOptions,
    places: Places,
    note: Option<String>,
}

/// Prepares data in this machine's places: from the cache, or into it from the source.
///
/// # Errors
/// Whatever [`DataError`] names; then nothing has been written.
pub fn prepare(request: &Request, progress: &dyn Fn(Progress)) -> Result<Prepared, DataError> {
    prepare_at(request, &Places::of_this_machine()?, progress)
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
    if request.test_tokens == 0 {
        return Err(DataError::NoTestTokens { test_tokens: 0 });
    }
    let Sought { entry, filled, note } = find(request, places, progress)?;
    let metadata = match filled {
        Filled::There(metadata) => *metadata,
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

/// A place in the cache and what is there.
struct Sought {
    entry: Entry,
    filled: Filled,
    /// What was there and is not used.
    note: Option<String>,
}

enum Filled {
    There(Box<Metadata>),
    Open(Job),
}

/// What it takes to fill an entry.
struct Job {
    parts: Vec<Part>,
    wanted: Wanted,
    /// Given as a file.
    tokenizer: Option<Tokenizer>,
}

/// The place of a request in the cache, and what is there.
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
        // Entries without this were not compared with their text.
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
        // Names are for people and of this request.
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

/// The start of a folder's name, for people.
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
    // A subset is cut from the whole, which is prepared first.
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
    // Another process may have done the work meanwhile.
    if let Some(metadata) = entry.metadata()
        && entry.data(&metadata).is_some()
    {
        return Ok(metadata);
    }
    match whole {
        Some((tokens, prepared)) => {
            let data = prepared.load(progress)?;
            let json = prepared.entry.tokenizer();
            subset::cut(tokens, prepared.metadata(), &data, json, filling)
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
    /// Counts, digests and the split, without touching the tokens.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The tokens, checked against their digests. A damaged cache is built anew.
    ///
    /// # Errors
    /// The cache is damaged and cannot be built anew, or the source has changed.
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
            // Whole by its lengths, and not by its content.
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

    /// The tokenizer that a person cannot get elsewhere, as JSON: trained on this text, or given as a file.
    pub fn tokenizer_json(&self) -> Option<Vec<u8>> {
        self.entry.tokenizer()
    }

    /// What a person should know of the cache: that an entry of somebody else was there and not used.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The folder of the cache.
    pub fn folder(&self) -> &Path {
        self.entry.folder()
    }

    /// The beginnings of train documents, evenly spread, for people to look at.
    ///
    /// # Errors
    /// As [`Prepared::load`].
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

/// Tokens looked at for the start and the end of a sample.
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
