//! `data.json`: what is known of each text of a sweep. A row of `runs.parquet` belongs to the text of
//! its `data_digest`.

use crate::error::ResultsError;
use crate::file::write_atomic;
use crate::seal;
use isoflop_core::text::shown_up_to;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataFile {
    /// A record a text, in the order of the plan.
    pub data: Vec<DataRecord>,
}

/// One text, prepared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// As in `runs.parquet`.
    pub data_digest: String,
    /// As in `runs.parquet`.
    pub corpus: String,
    /// As in `runs.parquet`.
    pub tokenizer: String,
    /// Distinct tokens.
    pub vocab_size: u64,
    /// The token after every document.
    pub separator: u64,
    /// Documents of the train split.
    pub train_documents: u64,
    /// Bytes of its text.
    pub train_bytes: u64,
    /// Its tokens, separators included.
    pub train_tokens: u64,
    /// Documents of the whole test split, of which a sample is scored; absent in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_documents: Option<u64>,
    /// Bytes of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_bytes: Option<u64>,
    /// Documents scored.
    pub test_documents: u64,
    /// Bytes of text scored.
    pub test_bytes: u64,
    /// Tokens scored.
    pub test_tokens: u64,
    /// Share of the test's 13-grams that occur in the train split.
    pub overlap: Option<f64>,
    /// Test documents with a near duplicate in the train split.
    pub near_duplicates: u64,
    /// The entropy rate of a synthetic language: no model does better. None for text.
    pub entropy: Option<Entropy>,
    /// Exponents that the construction of a synthetic language gives. None for text, for languages whose
    /// construction gives none, and in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponents: Option<KnownExponents>,
    /// Correlations of two train tokens of a document, by distance; absent in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlations: Option<Vec<Correlation>>,
    /// Losses on the scored text that need no model: `uniform`, `unigram`, `2-gram` to `8-gram`, and for
    /// a synthetic language `source`, the language itself; then those of n-grams over parts of the train text.
    pub references: Vec<ReferenceLoss>,
}

/// An entropy rate, the irreducible loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entropy {
    /// Nats per token of the tokenizer, separators included, as `test_loss`.
    pub nats_per_token: f64,
    /// Bits per byte of text, as `test_bpb`.
    pub bits_per_byte: f64,
}

/// Exponents that the construction of a synthetic language gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownExponents {
    /// Exponent of the excess loss in what a model holds: alpha of L(N, D).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Exponent of the excess loss in the tokens seen: beta of L(N, D).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Exponent with which correlations fall by distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
}

/// Correlation of two tokens at a distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Tokens from one to the other.
    pub distance: u64,
    /// Largest singular value of the covariance of the two tokens.
    pub strength: f64,
    /// Standard error of the strength.
    pub standard_error: f64,
}

/// A loss that needs no model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceLoss {
    /// `uniform`, `unigram`, `2-gram` to `8-gram`, or `source`.
    pub name: String,
    /// Train tokens that an n-gram has counted, the last part being all that is counted; absent where the
    /// loss is that of the whole train text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_tokens: Option<u64>,
    /// Nats per token, as the column.
    pub test_loss: f64,
    /// Standard error of `test_loss`, clustered by document.
    pub test_loss_se: Option<f64>,
    /// Bits per byte, as the column.
    pub test_bpb: f64,
}

impl ReferenceLoss {
    /// Whether it is the loss over the whole train text, not over a part of it.
    pub fn is_whole(&self) -> bool {
        self.train_tokens.is_none()
    }

    /// Whether charts draw it across and verdicts name it. The other n-grams are points of the loss by what
    /// a token sees of the text before it, or by the tokens counted.
    pub fn is_level(&self) -> bool {
        self.is_whole() && ["uniform", "unigram", "5-gram", "source"].contains(&self.name.as_str())
    }

    /// The order of `unigram` and of `5-gram`; none of what is no n-gram.
    pub fn order(&self) -> Option<u32> {
        match self.name.as_str() {
            "unigram" => Some(1),
            name => name.strip_suffix("-gram")?.parse().ok(),
        }
    }
}

impl DataFile {
    /// Reads the file; nothing where there is none, as in folders of earlier versions.
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, ResultsError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ResultsError::io(path, "read")(error)),
        };
        let parsed = DataFile::parse(&bytes).map(Some);
        parsed.map_err(|problem| ResultsError::DamagedRecord { path: path.to_owned(), problem })
    }

    /// As [`DataFile::read`], of the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value = seal::opened(bytes)?;
        serde_json::from_value(value).map_err(|error| shown_up_to(200, &error.to_string()))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ResultsError> {
        write_atomic(path, seal::sealed(self).as_bytes())
    }

    /// The record of a digest.
    pub fn of(&self, data_digest: &str) -> Option<&DataRecord> {
        self.data.iter().find(|record| record.data_digest == data_digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str, train_tokens: Option<u64>) -> ReferenceLoss {
        let name = name.to_owned();
        ReferenceLoss { name, train_tokens, test_loss: 3.3, test_loss_se: None, test_bpb: 4.7 }
    }

    #[test]
    fn a_loss_without_tokens_counted_is_of_the_whole_text_and_alone_a_level() {
        let old = r#"{"name":"5-gram","test_loss":3.3,"test_loss_se":null,"test_bpb":4.7}"#;
        let whole: ReferenceLoss = serde_json::from_str(old).unwrap();
        assert_eq!(whole, reference("5-gram", None));
        assert_eq!(serde_json::to_string(&whole).unwrap(), old);
        assert!(whole.is_whole() && whole.is_level());
        let part = reference("5-gram", Some(8192));
        assert!(!part.is_whole() && !part.is_level());
        assert!(!reference("6-gram", None).is_level());
    }

    #[test]
    fn an_n_gram_is_known_by_its_order() {
        let order = |name| reference(name, None).order();
        assert_eq!((order("unigram"), order("5-gram")), (Some(1), Some(5)));
        assert_eq!((order("uniform"), order("source")), (None, None));
    }

    #[test]
    fn a_file_reads_back_and_an_absent_one_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.json");
        assert_eq!(DataFile::read(&path).unwrap(), None);
        let file = DataFile {
            data: vec![DataRecord {
                data_digest: "0123456789abcdef".to_owned(),
                entropy: Some(Entropy { nats_per_token: 0.1 + 0.2, bits_per_byte: 1.0 / 3.0 }),
                exponents: Some(KnownExponents { beta: Some(0.1 + 0.2), ..Default::default() }),
                correlations: Some(vec![Correlation {
                    distance: 3,
                    strength: 0.1 + 0.2,
                    standard_error: 1e-5 / 3.0,
                }]),
                references: vec![reference("unigram", None), reference("unigram", Some(8192))],
                ..DataRecord::default()
            }],
        };
        file.write(&path).unwrap();
        assert_eq!(DataFile::read(&path).unwrap().unwrap(), file);
        assert!(file.of("0123456789abcdef").is_some() && file.of("else").is_none());
        std::fs::write(&path, "{").unwrap();
        assert!(DataFile::read(&path).is_err());
    }
}
