//! Parses a hub's description of a dataset.

use isoflop_core::text::shown;
use serde::Deserialize;

/// A commit of a dataset and the names of its files.
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
    /// Parses the answer of a hub. The names in it are not checked yet.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            format!("it does not say which files there are: {}", shown(&error.to_string()))
        })?;
        let names = answer.siblings.into_iter().map(|file| file.rfilename);
        Ok(Info { sha: answer.sha, names: names.collect() })
    }

    /// Commit and files that would be fetched for a pattern, for tests that feed damaged answers.
    pub(crate) fn checked(&self, pattern: &str) -> Option<(&str, Vec<String>)> {
        super::names::check_commit(&self.sha).ok()?;
        let names = super::chosen(pattern, &self.names, "a dataset").ok()?;
        Some((&self.sha, names))
    }
}
