//! Looks up the sources that a request names: their files, their kind, and a fingerprint that tells
//! each from every other.

use crate::builtin;
use crate::corpus::Corpus;
use crate::documents::Documents;
use crate::error::DataError;
use crate::hub;
use crate::places::Places;
use crate::progress::Progress;
use crate::read::files::{SourceFile, files};
use crate::read::{Input, Kind};
use crate::selection::Selection;
use crate::synthetic;
use isoflop_core::data::{DataSource, Share};
use isoflop_core::digest::{hex, sha256};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Bytes up to which a source is fingerprinted by its content. A larger one is fingerprinted by
/// names, lengths and times of change, since reading everything to learn that nothing is to be done
/// would take longer than it saves.
const READ_THROUGH: u64 = 1 << 26;

/// A source, or one part of a mixture.
pub(crate) struct Part {
    pub(crate) name: String,
    /// Share of the bytes, relative to the weights of the other parts.
    pub(crate) weight: f64,
    pub(crate) input: Input,
    /// Fingerprint that tells this source from every other.
    pub(crate) fingerprint: String,
    corpus: Option<Corpus>,
}

/// Looks up the files of a source; documents are not read.
pub(crate) fn look_up(
    source: &DataSource,
    test: Option<&str>,
    progress: &dyn Fn(Progress),
) -> Result<Vec<Part>, DataError> {
    let parts: Vec<(&DataSource, f64)> = match source {
        DataSource::Mixture(shares) => {
            shares.iter().map(|Share { weight, source }| (source, weight.0)).collect()
        }
        source => vec![(source, 1.0)],
    };
    parts.into_iter().map(|(source, weight)| Part::new(source, weight, test, progress)).collect()
}

impl Part {
    fn new(
        source: &DataSource,
        weight: f64,
        test: Option<&str>,
        progress: &dyn Fn(Progress),
    ) -> Result<Self, DataError> {
        let name = source.name();
        let mut corpus = None;
        let no_test = || match test {
            Some(_) => Err(DataError::NoTestOfItsOwn { name: name.clone() }),
            None => Ok(()),
        };
        let of_files = |kind, pattern: &str, base: &Path| {
            let mut all = files(pattern, base)?;
            let test_from = test.map(|_| all.len());
            if let Some(test) = test {
                all.extend(files(test, base)?);
            }
            let fingerprint = fingerprint(&all)?;
            Ok::<_, DataError>((kind, all, test_from, fingerprint))
        };
        let (kind, files, test_from, fingerprint) = match source {
            DataSource::Corpus(name) => {
                no_test()?;
                let known: Corpus = name.parse()?;
                corpus = Some(known);
                let pinned = Selection::rust_1().digest(known.name()).to_owned();
                (Kind::Text, Vec::new(), None, pinned)
            }
            DataSource::Text { pattern, base } => of_files(Kind::Text, pattern, base)?,
            DataSource::Jsonl { pattern, base, field } => {
                let field = field.clone();
                of_files(Kind::Jsonl { field }, pattern, base)?
            }
            DataSource::Parquet { pattern, base, column } => {
                let column = column.clone();
                of_files(Kind::Parquet { column }, pattern, base)?
            }
            DataSource::Tokens { pattern, base } => of_files(Kind::Tokens, pattern, base)?,
            DataSource::Hub { dataset, revision, files, field } => {
                let found = hub::fetch(dataset, revision, files, test, progress)?;
                let kind = hub::kind(&found.files, field, dataset)?;
                (kind, found.files, found.test_from, found.fingerprint)
            }
            DataSource::Synthetic(language) => {
                no_test()?;
                let text = serde_json::to_string(language).expect("text and numbers");
                let source = synthetic::Source::new(language)?;
                (Kind::Synthetic(Arc::new(source)), Vec::new(), None, text)
            }
            DataSource::Mixture(_) => return Err(DataError::MixtureInMixture),
        };
        // The field, column or kind that is read is part of the source's fingerprint.
        let how = match &kind {
            Kind::Jsonl { field } => field.as_str(),
            Kind::Parquet { column } => column.as_str(),
            Kind::Tokens => "tokens",
            _ => "",
        };
        let name = corpus.map_or(name, |corpus| corpus.to_string());
        Ok(Part {
            name,
            weight,
            fingerprint: sha256([fingerprint.as_bytes(), b"\0", how.as_bytes()]),
            input: Input { kind, files, test_from },
            corpus,
        })
    }

    /// Builds the documents of a built-in corpus; other sources need nothing built.
    pub(crate) fn build(
        &mut self,
        places: &Places,
        progress: &dyn Fn(Progress),
    ) -> Result<(), DataError> {
        if let Some(corpus) = self.corpus {
            let documents = builtin::documents(corpus, &places.sources, progress)?;
            self.input.kind = Kind::Built(Arc::new(documents));
        }
        Ok(())
    }

    pub(crate) fn built(&self) -> Option<&Documents> {
        match &self.input.kind {
            Kind::Built(documents) => Some(documents),
            _ => None,
        }
    }

    pub(crate) fn synthetic(&self) -> Option<&synthetic::Source> {
        match &self.input.kind {
            Kind::Synthetic(source) => Some(source),
            _ => None,
        }
    }

    pub(crate) fn is_built(&self) -> bool {
        self.built().is_some()
    }

    pub(crate) fn is_synthetic(&self) -> bool {
        self.synthetic().is_some()
    }

    pub(crate) fn is_tokens(&self) -> bool {
        matches!(self.input.kind, Kind::Tokens)
    }

    /// Names of the packages or files that the text is taken from.
    pub(crate) fn sources(&self) -> Vec<String> {
        match self.built() {
            Some(documents) => documents.sources.clone(),
            None => self.input.files.iter().map(|file| file.name.clone()).collect(),
        }
    }
}

fn fingerprint(files: &[SourceFile]) -> Result<String, DataError> {
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    let mut lines = String::new();
    for file in files {
        let content = match total <= READ_THROUGH {
            true => digest_of(&file.path)?,
            false => format!("{} {}", file.bytes, file.modified),
        };
        lines.push_str(&format!("{}\0{content}\n", file.name));
    }
    Ok(lines)
}

fn digest_of(path: &Path) -> Result<String, DataError> {
    let read = |cause| DataError::Read { path: path.to_owned(), cause };
    let mut file = File::open(path).map_err(read)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk).map_err(read)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&chunk[..count]),
        }
    }
}
