//! Why a dataset of the Hugging Face hub cannot be had.

use std::io;
use std::path::PathBuf;

/// Why a dataset of the Hugging Face hub cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A dataset that the hub does not give.
    #[error("{dataset} at {revision} cannot be had from the hub: {why}")]
    Unavailable {
        /// `owner/name`.
        dataset: String,
        /// Branch, tag or commit.
        revision: String,
        /// What the client says.
        why: String,
    },
    /// An answer that nothing is to be made of.
    #[error("the hub's answer for {dataset} is refused: {why}")]
    Answer {
        /// `owner/name`.
        dataset: String,
        /// What is wrong with it.
        why: String,
    },
    /// The cache of the hub's clients cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Store {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A pattern without files in a dataset.
    #[error("no file of {dataset} matches `{pattern}`; it has {known}")]
    NoFile {
        /// `owner/name`.
        dataset: String,
        /// As written.
        pattern: String,
        /// Some of its files.
        known: String,
    },
    /// Files of several kinds.
    #[error("the files of {dataset} are of several kinds, .{first} and .{other}")]
    MixedFiles {
        /// `owner/name`.
        dataset: String,
        /// End of the first name.
        first: String,
        /// Another end.
        other: String,
    },
}

impl HubError {
    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            HubError::Unavailable { .. } => {
                "is the name right, and can HF_ENDPOINT be reached? what was fetched once is used without it"
            }
            HubError::Answer { .. } => {
                "nothing of it was written; is HF_ENDPOINT the hub that is meant?"
            }
            HubError::Store { .. } => "set HF_HOME to a folder that can be written",
            HubError::NoFile { .. } => "data.files is a glob over the files of the dataset",
            HubError::MixedFiles { .. } => "choose one kind in data.files, as in \"**/*.parquet\"",
        }
    }
}
