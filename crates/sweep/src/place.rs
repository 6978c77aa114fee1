//! Where `isoflop run` was started and where it keeps its texts: what a worker elsewhere needs and a
//! repository must not hold.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::plan::Plan;
use isoflop_results::file::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `place.json` of a results folder. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The folder that relative paths of the sweep file are looked for from.
    pub folder: PathBuf,
    /// The cache of prepared texts.
    pub cache: PathBuf,
    /// Digests of the texts that the plan trains on.
    pub data_digests: Vec<String>,
}

const FILE: &str = "place.json";

/// What git leaves alone in a results folder: paths of one machine, and what only a sweep that is
/// being trained needs.
const IGNORED: &str = "place.json\ndevice.json\ncheckpoints/\nleases/\nlogs/\n.*.partial\n";

impl Place {
    /// Of a plan made by this process, whose texts lie in `cache`.
    ///
    /// # Errors
    /// The folder this process works in is gone.
    pub fn here(plan: &Plan, cache: &Path) -> std::io::Result<Self> {
        let data = plan.data().iter();
        Ok(Place {
            folder: std::env::current_dir()?,
            cache: std::path::absolute(cache)?,
            data_digests: data.map(|record| record.data_digest.clone()).collect(),
        })
    }

    /// That of a results folder; nothing where the file is absent or not readable, as in a folder
    /// that came from a repository.
    pub fn of(folder: &ResultsFolder) -> Option<Self> {
        let bytes = std::fs::read(folder.root().join(FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes it into a results folder, with a `.gitignore` that keeps it out of repositories.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(&self, folder: &ResultsFolder) -> Result<(), SweepError> {
        let ignore = folder.root().join(".gitignore");
        if !ignore.exists() {
            write_atomic(&ignore, IGNORED.as_bytes())?;
        }
        let text = serde_json::to_string_pretty(self).expect("a struct of text");
        Ok(write_atomic(&folder.root().join(FILE), text.as_bytes())?)
    }
}
