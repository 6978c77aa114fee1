//! Tokens in memory.

use crate::test_stream::TestStream;
use crate::tokens::Tokens;
use std::sync::Arc;

/// The tokens of a run: what it trains on and what it is scored on.
#[derive(Clone, Debug)]
pub struct Data {
    /// Train documents in fixed order, each followed by the separator.
    pub train: Arc<Tokens>,
    /// Test text as scored.
    pub test: TestStream,
}
