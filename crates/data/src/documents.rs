//! Holds text that is already split into train and test.

use crate::document::{Document, Origin, Reading, Take};
use crate::dropped::Dropped;
use crate::error::DataError;
use crate::split::{Side, Split};

/// Cleaned documents of a built-in corpus, split. None of them holds a NUL.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    pub(crate) train: Vec<String>,
    pub(crate) test: Vec<String>,
    pub(crate) split: Split,
    pub(crate) dropped: Dropped,
    /// Packages that the text was taken from, as `NAME-VERSION`.
    pub(crate) sources: Vec<String>,
}

impl Documents {
    pub(crate) fn bytes(&self) -> u64 {
        let all = self.train.iter().chain(&self.test);
        all.map(|text| text.len() as u64).sum()
    }

    /// Hands over every document, the train documents first.
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
