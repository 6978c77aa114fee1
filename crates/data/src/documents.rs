//! Text split into train and test.

use crate::error::DataError;
use crate::metadata::Dropped;
use crate::read::{Document, Origin, Reading, Take};
use serde::{Deserialize, Serialize};

/// How the test text was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Split {
    /// Whole families of packages.
    Family {
        /// The test families; all others train.
        test: Vec<String>,
    },
    /// Whole documents, drawn without regard to their content.
    Document {
        /// Seed of the draw.
        seed: u64,
    },
    /// Too few documents to hold any out: the end of each.
    Tail {
        /// Share of each document's bytes, to the next line.
        share: f64,
    },
    /// A source of its own.
    Source {
        /// As written.
        test: String,
    },
    /// Each part of a mixture by itself.
    Parts {
        /// In the order of the mixture.
        parts: Vec<Split>,
    },
}

/// A side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Train,
    Test,
}

impl Side {
    pub(crate) fn of_test(test: bool) -> Self {
        match test {
            true => Side::Test,
            false => Side::Train,
        }
    }
}

/// Cleaned documents of a built-in corpus, split. None holds a NUL.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    pub(crate) train: Vec<String>,
    pub(crate) test: Vec<String>,
    pub(crate) split: Split,
    pub(crate) dropped: Dropped,
    /// Packages that the text was taken from.
    pub(crate) sources: Vec<String>,
}

impl Documents {
    pub(crate) fn bytes(&self) -> u64 {
        let all = self.train.iter().chain(&self.test);
        all.map(|text| text.len() as u64).sum()
    }

    /// Hands over every document, train first.
    pub(crate) fn each(&self, how: &Reading, take: &mut Take) -> Result<(), DataError> {
        let sides = [(&self.train, Side::Train), (&self.test, Side::Test)];
        let all = sides.iter().flat_map(|(texts, side)| texts.iter().map(|text| (text, *side)));
        let mut read = 0;
        for (place, (text, side)) in all.enumerate() {
            let document = Document {
                text: text.clone(),
                ids: None,
                origin: Origin { file: u32::MAX, place: place as u64 + 1 },
                side: Some(side),
            };
            if !take(document)? {
                break;
            }
            read += text.len() as u64;
            (how.step)(read);
        }
        Ok(())
    }
}
