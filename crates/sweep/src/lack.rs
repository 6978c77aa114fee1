//! Something that a worker needs and does not have.

/// What a worker needs and does not have, and how to give it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Lack {
    /// What is missing.
    pub what: String,
    /// What the person who started the worker can do about it.
    pub hint: Option<String>,
}
