//! Holds the tokens of prepared data.

use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use std::sync::Arc;

/// The tokens of a run: what it trains on and what it is scored on.
#[derive(Clone, Debug)]
pub struct Data {
    /// Tokens of the train documents in fixed order, each document followed by the separator.
    pub train: Arc<Tokens>,
    /// Test tokens that losses are measured on.
    pub test: TestStream,
}
