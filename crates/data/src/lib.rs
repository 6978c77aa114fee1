//! Prepares text for training: from files to documents, train and test splits, tokens and batches.
//!
//! [`prepare`] turns a [`Request`] into [`Prepared`], which holds metadata at once and tokens on
//! [`Prepared::load`]. A [`TrainStream`] then gives the batches of a run, and a [`TestStream`] the
//! tokens that it is scored on. Nothing here knows of models, and a run's seed affects only the
//! order of the training windows.

mod batches;
mod build;
mod builtin;
mod cache;
mod cached;
mod clean;
mod corpus;
mod correlations;
mod data_digest;
mod difference;
mod digest;
mod document;
mod documents;
mod dropped;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod hub;
mod limits;
mod loaded;
mod looks;
mod mapped;
mod measured;
mod metadata;
mod near;
mod ngrams;
mod overlap;
mod places;
mod positions;
mod prepare;
mod progress;
mod quality;
mod read;
mod reference;
mod registry;
mod request;
mod round_trip;
mod rust_source;
mod sample;
mod selection;
mod source;
mod split;
mod subset;
mod survey;
mod synthetic;
mod test_loss;
mod test_stream;
mod tokenizer;
mod tokens;
mod train_stream;
mod trust;
mod words;

pub use cached::Cached;
pub use corpus::{Corpus, UnknownCorpus};
pub use correlations::Correlation;
pub use difference::Difference;
pub use dropped::Dropped;
pub use error::{DataError, HubError};
pub use loaded::Data;
pub use looks::Looks;
pub use metadata::{Metadata, Part, Scored};
pub use near::{NearDuplicates, NearPair};
pub use overlap::{Leak, Overlap};
pub use places::Places;
pub use positions::PositionLoss;
pub use prepare::{Prepared, prepare, prepare_at};
pub use progress::{Progress, Stage};
pub use read::{Ending, unpacked};
pub use reference::Reference;
pub use request::Request;
pub use round_trip::RoundTrip;
pub use sample::DEFAULT_TEST_TOKENS;
pub use split::Split;
pub use synthetic::{EntropyRate, KnownExponents};
pub use test_loss::TestLoss;
pub use test_stream::{CURVE_TOKENS, TestStream};
pub use tokenizer::Tokenizer;
pub use tokens::Tokens;
pub use train_stream::{TrainStream, Windows};
