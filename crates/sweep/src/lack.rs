//! Describes something that a worker needs and does not have.

/// Something that a worker needs and does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Lack {
    /// Description of what is missing.
    pub what: String,
    /// Advice for the person who started the worker.
    pub hint: Option<String>,
}
