//! One pass over the train documents that writes their tokens and compares each with the test.

use super::writer::TrainWriter;
use super::{Corpus, Held, fact_of, knows_not};
use crate::batches::in_batches;
use crate::cache::Filling;
use crate::document::Document;
use crate::error::DataError;
use crate::metadata::Part as Counts;
use crate::near::{self, Index, NearDuplicates, Pairs, SAMPLE};
use crate::overlap::{Leak, Overlap, Search};
use crate::progress::Stage;
use crate::round_trip::{COMPARED, Compared, RoundTrip, compare as compare_with};
use crate::survey::{Fate, Survey, sides};
use crate::tokenizer::Tokenizer;
use crate::words::words;

/// Counts and comparisons that come out of writing the train documents.
pub(super) struct Found {
    pub(super) train: Counts,
    pub(super) overlap: Overlap,
    pub(super) leaks: Vec<Leak>,
    pub(super) near: NearDuplicates,
    /// Text that the tokens of the compared train documents lost; `None` if they lost nothing.
    pub(super) altered: Option<RoundTrip>,
}

/// Result of one train document, computed on any thread.
struct Made {
    ids: Vec<u32>,
    bytes: u64,
    hits: Vec<u64>,
    sketch: Option<near::Sketch>,
    near: Vec<(u32, f64)>,
    compared: Option<Compared>,
}

impl Corpus<'_> {
    /// Writes the train stream and compares the train documents with the test.
    pub(super) fn tokenize(
        &self,
        test: &[Held],
        tokenizer: &Tokenizer,
        filling: &Filling,
    ) -> Result<Found, DataError> {
        // Documents drawn from one synthetic language resemble one another by design.
        let compared: &[Held] = match self.is_synthetic() {
            true => &[],
            false => test,
        };
        let mut search = Search::of_test(compared.iter().map(|held| held.text.as_str()));
        let sketches = compared
            .iter()
            .enumerate()
            .filter_map(|(place, held)| Some((place as u32, near::sketch(&words(&held.text))?)));
        let index = Index::new(sketches);
        let mut pairs = Pairs::default();
        let mut writer = TrainWriter::new(filling, tokenizer)?;
        let documents: usize = self.surveys.iter().map(|survey| survey.facts.len()).sum();
        let every = documents.div_ceil(SAMPLE).max(1);
        let compare_every = self.compare_every();
        let of_file = self.tokenizer;
        let mut trip = RoundTrip::default();
        let mut origins: Vec<(u32, u32)> = Vec::new();
        for (part_index, part, survey, before) in self.each_part() {
            let step = self.stepper(Stage::Tokenizing, before);
            let trains = |number: u32| {
                let fact = survey.facts.get(number as usize);
                fact.is_none_or(|fact| matches!(fact.fate, Fate::Train | Fate::Tail))
            };
            let compare = !self.is_synthetic();
            let work = |number: u32, document: &Document| {
                let fact = fact_of(part, survey, number, document)?;
                let (Some(text), _) = sides(&fact, &survey.split, &document.text) else {
                    return Ok(None);
                };
                let mut ids = Vec::with_capacity(text.len() / 2);
                match &document.ids {
                    Some(given) if fact.fate == Fate::Train => ids.extend(given),
                    _ => tokenizer.encode(text, &mut ids)?,
                }
                let chosen = tokenizer.may_lose() && fact.key.is_multiple_of(compare_every);
                let compared = chosen
                    .then(|| compare_with(tokenizer, text, &ids, knows_not(of_file, document)));
                let (mut hits, mut sketch, mut near) = (Vec::new(), None, Vec::new());
                if compare {
                    let words = words(text);
                    hits = search.hits(&words);
                    sketch = near::sketch(&words);
                    near = sketch.as_ref().map_or(Vec::new(), |sketch| index.near(sketch, None));
                }
                Ok(Some(Made { ids, bytes: text.len() as u64, hits, sketch, near, compared }))
            };
            let mut taken: Vec<(u32, Vec<u64>)> = Vec::new();
            in_batches(&part.input, &self.reading(&step), trains, work, |number, _, made| {
                let Some(made) = made else { return Ok(()) };
                writer.write(made.ids, made.bytes)?;
                let train = origins.len() as u32;
                origins.push((part_index as u32, number));
                pairs.note(train, &made.near);
                if let Some(compared) = made.compared {
                    trip.add(compared, || self.place(part_index, number));
                }
                if !made.hits.is_empty() {
                    taken.push((train, made.hits));
                }
                if let Some(sketch) = made.sketch.filter(|_| (train as usize).is_multiple_of(every))
                {
                    pairs.keep(train, sketch);
                }
                Ok(())
            })?;
            for (train, hits) in taken {
                search.note(train, &hits);
            }
        }
        let train = writer.finish()?;
        if train.documents == 0 {
            return Err(DataError::NothingToTrainOn {
                poor: self.surveys.iter().map(|survey| survey.dropped.poor_documents).sum(),
            });
        }
        let test_name = |place: u32| {
            let held = &test[place as usize];
            self.place(held.part, held.number)
        };
        let train_name = |train: u32| {
            let (part, number) = origins[train as usize];
            self.place(part as usize, number)
        };
        let (overlap, leaks) = search.finish(compared.iter().map(|held| held.text.as_str()));
        let leaks: Vec<Leak> = leaks
            .into_iter()
            .map(|(place, train, share)| Leak {
                test: test_name(place as u32),
                train: train_name(train),
                share,
            })
            .collect();
        let limit = self.request.options.max_overlap.0;
        match overlap.share() {
            Some(share) if share > limit => Err(DataError::Leak { share, limit, leaks }),
            _ => Ok(Found {
                train,
                overlap,
                leaks,
                near: pairs.finish(&test_name, &train_name),
                altered: (trip.altered > 0).then_some(trip),
            }),
        }
    }

    /// One in this many train documents is compared with what its tokens decode to.
    fn compare_every(&self) -> u64 {
        let train = |survey: &Survey| survey.bytes(Fate::Train) + survey.bytes(Fate::Tail);
        let bytes: u64 = self.surveys.iter().map(train).sum();
        bytes.div_ceil(COMPARED).max(1)
    }
}
