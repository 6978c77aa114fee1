//! What a hub says of a dataset.

use isoflop_core::text::shown;
use serde::Deserialize;

/// A commit and its files.
pub(crate) struct Info {
    pub(super) sha: String,
    pub(super) names: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Info {
    /// From the answer of a hub; the names are still to be checked.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            format!("it does not say which files there are: {}", shown(&error.to_string()))
        })?;
        let names = answer.siblings.into_iter().map(|file| file.rfilename);
        Ok(Info { sha: answer.sha, names: names.collect() })
    }

    /// What would be fetched for a pattern, for tests of answers.
    pub(crate) fn checked(&self, pattern: &str) -> Option<(&str, Vec<String>)> {
        super::names::check_commit(&self.sha).ok()?;
        let names = super::chosen(pattern, &self.names, "a dataset").ok()?;
        Some((&self.sha, names))
    }
}
