//! A difference between a text and what its tokens decode to.

use serde::{Deserialize, Serialize};

/// Where a text and what its tokens decode to part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The document, for people.
    pub document: String,
    /// A few words of the text from there.
    pub text: String,
    /// The same of what came back.
    pub back: String,
}
