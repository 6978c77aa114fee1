//! Builds a cache entry in bounded memory, in passes over the source: survey and split, read the
//! test, train a vocabulary (where one is asked for), tokenize.

mod tokenize;
mod writer;

use crate::DEFAULT_TEST_TOKENS;
use crate::cache::{Filling, TEST, TRAIN};
use crate::data_digest::data_digest;
use crate::digest::key;
use crate::document::{Document, Reading};
use crate::dropped::Dropped;
use crate::error::DataError;
use crate::mapped::Bytes;
use crate::measured::measured;
use crate::metadata::{Metadata, Part as Counts, Scored};
use crate::progress::{Progress, Stage};
use crate::reference::{Reference, row};
use crate::request::Request;
use crate::round_trip::{RoundTrip, compare};
use crate::sample::sample;
use crate::source::Part;
use crate::split::Split;
use crate::survey::{Fact, Fate, Survey, sides, survey, weigh};
use crate::test_stream::TestStream;
use crate::tokenizer::{TRAIN_BYTES, Tokenizer, Wanted, train};
use crate::tokens::{Tokens, Width};
use isoflop_core::digest::{hex, sha256};
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use sha2::{Digest, Sha256};

/// The parts of a source and what is known of each so far.
struct Corpus<'a> {
    parts: &'a [Part],
    surveys: Vec<Survey>,
    request: &'a Request<'a>,
    /// Tokenizer that reads the ids of token files.
    tokenizer: Option<&'a Tokenizer>,
    refuses_nul: bool,
    progress: &'a dyn Fn(Progress),
}

/// A document held out for the test.
struct Held {
    part: usize,
    number: u32,
    text: String,
    /// Whether the document's token file holds the unknown token for it.
    knows_not: bool,
}

pub(crate) fn build(
    name: String,
    parts: &[Part],
    request: &Request,
    wanted: Wanted,
    given: Option<Tokenizer>,
    filling: Filling,
    progress: &dyn Fn(Progress),
) -> Result<Metadata, DataError> {
    let ready = match &wanted {
        Wanted::Ready(name) => Some(Tokenizer::ready(name)),
        Wanted::File(_) => given,
        Wanted::Train(_) => None,
    };
    if ready.is_none() && parts.iter().any(Part::is_tokens) {
        return Err(DataError::TokensToTrainOn);
    }
    let mut corpus = Corpus {
        parts,
        surveys: Vec::new(),
        request,
        tokenizer: ready.as_ref(),
        refuses_nul: ready.as_ref().is_some_and(Tokenizer::refuses_nul),
        progress,
    };
    corpus.survey()?;
    let test = corpus.test()?;
    let learnt = match &wanted {
        Wanted::Train(size) => Some(corpus.learn(*size)?),
        _ => None,
    };
    let tokenizer = match (&learnt, &ready) {
        (Some(tokenizer), _) | (None, Some(tokenizer)) => tokenizer,
        (None, None) => unreachable!("a tokenizer is ready, given or learnt"),
    };
    // A lossy test is refused here, before hours of tokenizing.
    let whole = corpus.whole_test(&test, tokenizer)?;
    let stream = corpus.scored(&test, tokenizer)?;
    let found = corpus.tokenize(&test, tokenizer, &filling)?;
    let train = Bytes::map(&filling.path(TRAIN))
        .map_err(|cause| DataError::Read { path: filling.path(TRAIN), cause })?;
    filling.write(TEST, stream.as_bytes())?;
    let train = Tokens::new(Width::of(tokenizer.vocab_size()), train);
    let (separator, vocab_size) = (tokenizer.separator(), tokenizer.vocab_size());
    let mut measures = measured(&train, &stream, separator, vocab_size, progress);
    measures.references.extend(corpus.source_row(&test, &stream));
    let language = match parts {
        [part] => part.synthetic(),
        _ => None,
    };
    let dropped = corpus.surveys.iter().map(|survey| survey.dropped);
    let metadata = Metadata {
        name,
        tokenizer: tokenizer.name().to_owned(),
        vocab_size,
        separator,
        digest: data_digest(tokenizer.name(), &train, &stream)
            .map_err(|cause| DataError::Read { path: filling.path(TRAIN), cause })?,
        split: corpus.split(),
        train: found.train,
        test: whole,
        scored: scored(request.test_tokens, &stream),
        overlap: found.overlap,
        leaks: found.leaks,
        altered: found.altered,
        near: found.near,
        references: measures.references,
        correlations: Some(measures.correlations),
        entropy: language.map(|source| source.entropy()),
        exponents: language.and_then(|source| source.exponents()),
        dropped: dropped.fold(Dropped::default(), Dropped::plus),
        sources: parts.iter().flat_map(Part::sources).collect(),
    };
    filling.finish(&metadata, tokenizer.json())?;
    Ok(metadata)
}

pub(crate) fn scored(test_tokens: usize, stream: &TestStream) -> Scored {
    Scored {
        test_tokens,
        stretches: stream.stretches(),
        bytes: stream.text_bytes(),
        tokens: stream.len(),
        sha256: sha256([stream.as_bytes()]),
    }
}

impl Corpus<'_> {
    fn reading<'r>(&'r self, step: &'r dyn Fn(u64)) -> Reading<'r> {
        Reading {
            invalid: self.request.options.invalid,
            refuses_nul: self.refuses_nul,
            tokenizer: self.tokenizer,
            step,
        }
    }

    fn total(&self) -> u64 {
        self.parts.iter().map(|part| part.input.bytes()).sum()
    }

    /// Reports the progress of a stage within the part that begins after `before` bytes of the
    /// source.
    fn stepper(&self, stage: Stage, before: u64) -> impl Fn(u64) + '_ {
        let total = self.total();
        move |bytes| {
            (self.progress)(Progress { stage, done: before + bytes, total });
        }
    }

    fn survey(&mut self) -> Result<(), DataError> {
        let mut seen = FxHashSet::default();
        let mut surveys = Vec::new();
        let mut before = 0;
        for part in self.parts {
            let step = self.stepper(Stage::Reading, before);
            surveys.push(survey(part, self.request.options, &self.reading(&step), &mut seen)?);
            before += part.input.bytes();
        }
        weigh(self.parts, &mut surveys);
        let total: u64 = surveys.iter().map(Survey::total_bytes).sum();
        let asked = self.request.test_tokens;
        if asked as u64 > total && asked != DEFAULT_TEST_TOKENS {
            return Err(DataError::TestTooLarge { asked, total });
        }
        self.surveys = surveys;
        Ok(())
    }

    fn split(&self) -> Split {
        match &self.surveys[..] {
            [one] => one.split.clone(),
            several => {
                Split::Parts { parts: several.iter().map(|survey| survey.split.clone()).collect() }
            }
        }
    }

    /// Every part of the source, with the number of bytes before it.
    fn each_part(&self) -> impl Iterator<Item = (usize, &Part, &Survey, u64)> {
        let mut before = 0;
        self.parts.iter().zip(&self.surveys).enumerate().map(move |(index, (part, survey))| {
            let start = before;
            before += part.input.bytes();
            (index, part, survey, start)
        })
    }

    /// Documents held out for the test, in the order of the source.
    fn test(&self) -> Result<Vec<Held>, DataError> {
        let mut test = Vec::new();
        for (index, part, survey, before) in self.each_part() {
            let step = self.stepper(Stage::HoldingOut, before);
            let mut number = 0u32;
            part.input.read(&self.reading(&step), &mut |document| {
                let fact = fact_of(part, survey, number, &document)?;
                if let (_, Some(text)) = sides(&fact, &survey.split, &document.text) {
                    test.push(Held {
                        part: index,
                        number,
                        text: text.to_owned(),
                        knows_not: knows_not(self.tokenizer, &document),
                    });
                }
                number += 1;
                Ok(true)
            })?;
        }
        match test.is_empty() {
            true => Err(DataError::TooShortToSplit {
                bytes: self.surveys.iter().map(Survey::total_bytes).sum(),
            }),
            false => Ok(test),
        }
    }

    /// Trains a vocabulary on the train documents: on all of them, or on an evenly spread sample.
    fn learn(&self, vocab_size: usize) -> Result<Tokenizer, DataError> {
        let train_bytes = |survey: &Survey| survey.bytes(Fate::Train) + survey.bytes(Fate::Tail);
        let bytes: u64 = self.surveys.iter().map(train_bytes).sum();
        let every = bytes.div_ceil(TRAIN_BYTES).max(1);
        let mut texts: Vec<String> = Vec::new();
        let mut seen = 0;
        for (_, part, survey, before) in self.each_part() {
            let step = self.stepper(Stage::Learning, before);
            let mut number = 0u32;
            part.input.read(&self.reading(&step), &mut |document| {
                let fact = fact_of(part, survey, number, &document)?;
                number += 1;
                if let (Some(text), _) = sides(&fact, &survey.split, &document.text) {
                    seen += 1;
                    if seen % every == 0 {
                        texts.push(text.to_owned());
                    }
                }
                Ok(true)
            })?;
        }
        let refused = |why| DataError::CannotLearn { vocab_size, why };
        let json = train(vocab_size, texts.into_iter()).map_err(refused)?;
        Tokenizer::trained(vocab_size, &json).map_err(refused)
    }

    /// Stream of test tokens that losses are measured on.
    fn scored(&self, test: &[Held], tokenizer: &Tokenizer) -> Result<TestStream, DataError> {
        let texts: Vec<&str> = test.iter().map(|held| held.text.as_str()).collect();
        let test_tokens = self.request.test_tokens;
        let stretches = sample(&texts, test_tokens, self.is_synthetic());
        match stretches.is_empty() {
            true => Err(DataError::NoTestTokens { test_tokens }),
            false => {
                let stream = TestStream::of_stretches(tokenizer, &stretches)?;
                let mut trip = RoundTrip::default();
                for (text, ids) in stretches.iter().zip(stream.each_stretch()) {
                    if tokenizer.may_lose() {
                        let compared = compare(tokenizer, text, &ids, false);
                        trip.add(compared, || "a stretch of the test text".to_owned());
                    }
                }
                kept(tokenizer, trip)?;
                Ok(stream)
            }
        }
    }

    /// Name of a document's place, for people.
    fn place(&self, part: usize, number: u32) -> String {
        let fact = &self.surveys[part].facts[number as usize];
        self.parts[part].input.name(fact.origin())
    }

    /// Counts over all documents held out, after checking that each comes back from its tokens.
    fn whole_test(&self, test: &[Held], tokenizer: &Tokenizer) -> Result<Counts, DataError> {
        let width = Width::of(tokenizer.vocab_size());
        let mut hasher = Sha256::new();
        let (mut tokens, mut bytes) = (0, 0);
        let mut trip = RoundTrip::default();
        for held in test.chunks(256) {
            let done: Vec<Result<_, DataError>> = held
                .par_iter()
                .map(|held| {
                    let mut ids = Vec::new();
                    tokenizer.encode(&held.text, &mut ids)?;
                    let compared = tokenizer
                        .may_lose()
                        .then(|| compare(tokenizer, &held.text, &ids, held.knows_not));
                    ids.push(tokenizer.separator());
                    let mut stored = Vec::new();
                    width.write(&ids, &mut stored);
                    Ok((stored, compared))
                })
                .collect();
            for (done, held) in done.into_iter().zip(held) {
                let (stored, compared) = done?;
                tokens += stored.len() / width.bytes();
                hasher.update(&stored);
                if let Some(compared) = compared {
                    trip.add(compared, || self.place(held.part, held.number));
                }
            }
            bytes += held.iter().map(|held| held.text.len() as u64).sum::<u64>();
        }
        kept(tokenizer, trip)?;
        Ok(Counts { documents: test.len(), bytes, tokens, sha256: hex(&hasher.finalize()) })
    }

    /// Whether the source is a single synthetic language, whose documents must never be cut.
    fn is_synthetic(&self) -> bool {
        matches!(self.parts, [part] if part.is_synthetic())
    }

    /// Loss that the synthetic language itself has on the scored text; `None` for other sources.
    fn source_row(&self, test: &[Held], stream: &TestStream) -> Option<Reference> {
        let [part] = self.parts else { return None };
        let source = part.synthetic()?;
        let texts: Vec<&str> = test.iter().map(|held| held.text.as_str()).collect();
        let stretches = sample(&texts, self.request.test_tokens, true);
        let mut nats = Vec::with_capacity(stream.len());
        let lengths = stream.lengths();
        for (stretch, tokens) in stretches.iter().zip(lengths) {
            // A stretch's nats are spread evenly over its tokens, because only sums over documents
            // are used.
            let each = source.nats(stretch)? / tokens as f64;
            nats.extend(std::iter::repeat_n(each as f32, tokens));
        }
        Some(row("source", stream, &nats))
    }
}

/// Whether the token ids of a document include the tokenizer's unknown token.
fn knows_not(tokenizer: Option<&Tokenizer>, document: &Document) -> bool {
    let ids = document.ids.as_deref().unwrap_or_default();
    tokenizer.is_some_and(|tokenizer| tokenizer.knows_not(ids))
}

/// Checks that no test document differed from what its tokens decode to.
fn kept(tokenizer: &Tokenizer, trip: RoundTrip) -> Result<(), DataError> {
    let share = trip.share();
    match trip.first {
        None => Ok(()),
        Some(first) => Err(DataError::Lossy {
            tokenizer: tokenizer.name().to_owned(),
            altered: trip.altered,
            compared: trip.compared,
            share,
            first,
        }),
    }
}

/// The survey's decision about a document, after checking that the document has not changed since.
fn fact_of(
    part: &Part,
    survey: &Survey,
    number: u32,
    document: &Document,
) -> Result<Fact, DataError> {
    let fact = survey.facts.get(number as usize);
    match fact {
        Some(fact) if part.is_built() || part.is_synthetic() => Ok(*fact),
        Some(fact) if fact.key == key(document.text.as_bytes()) as u64 => Ok(*fact),
        _ => Err(DataError::SourceChanged { name: part.name.clone() }),
    }
}
