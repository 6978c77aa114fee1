//! Describes a difference between a text and what its tokens decode to.

use serde::{Deserialize, Serialize};

/// The first place where a text and what its tokens decode to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the document, for people.
    pub document: String,
    /// A few words of the text, from that place on.
    pub text: String,
    /// A few words of what the tokens decode to, from that place on.
    pub back: String,
}
