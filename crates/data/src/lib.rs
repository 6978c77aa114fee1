//! Text to documents to split to tokens to batches.
//!
//! [`prepare`] turns a [`Request`] into [`Prepared`]: metadata at once, tokens on [`Prepared::load`].
//! A [`TrainStream`] then gives the batches of a run and a [`TestStream`] what it is scored on.
//! Nothing here knows of models; a run's seed reaches only the order of the training windows.

mod builtin;
mod cache;
mod clean;
mod digest;
mod documents;
mod error;
mod metadata;
mod overlap;
mod places;
mod prepare;
mod progress;
mod registry;
mod rust_source;
mod sample;
mod selection;
mod source;
mod test_loss;
mod test_stream;
mod text;
mod tokens;
mod train_stream;

pub use documents::Split;
pub use error::DataError;
pub use metadata::{Dropped, Metadata, Part, Scored};
pub use overlap::Overlap;
pub use places::Places;
pub use prepare::{Data, Prepared, prepare, prepare_at};
pub use progress::{Progress, Stage};
pub use sample::DEFAULT_TEST_TOKENS;
pub use source::{Corpus, DataSource, Request};
pub use test_loss::TestLoss;
pub use test_stream::{CURVE_TOKENS, TestStream};
pub use tokens::{SEPARATOR, TOKENIZER, Tokens, VOCAB_SIZE};
pub use train_stream::{TrainStream, Windows};
